"""The detector over real stores and the real embedder: what it writes down, and what it does not."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from agent.contracts import (
    Category,
    Episode,
    FeedbackKind,
    MemberId,
    Role,
    Slug,
)
from agent.database import tables
from agent.errors import StoreError, UsageError
from agent.ids import new_id
from agent.models.protocol import Embedder
from agent.privacy.privacy import Privacy
from agent.runtime import Stores, open_stores
from agent.serving.served import Task
from agent.settings import Settings
from tests.agent.journal.episodes import HOME, NOON, WORK, a_route, an_episode, an_event
from tests.tuning.patterns.guild import CAR, DECLINED, PLUMBING, POOL, PROVEN
from tuning.labels.decisions import Act, Decision
from tuning.labels.store import DecisionStore
from tuning.patterns.detector import Detector
from tuning.patterns.log import Event, Facts, PatternLog, State, changes
from tuning.patterns.pattern import Action
from tuning.patterns.rules import RuleName

QUESTIONS = (
    "how warm is the hot tub?",
    "when was the hot tub drained?",
    "who cleans the hot tub?",
    "how do I turn on the jets of the hot tub?",
    "how often should the hot tub water be changed?",
    "what temperature should the hot tub be?",
)
MEMBERS = ("ana", "ben", "cai", "dee", "eva")
DAY = timedelta(days=1)
NOW = NOON + 6 * DAY


@pytest.fixture
async def stores(tmp_path: Path) -> AsyncIterator[Stores]:
    async with open_stores(Settings(data_dir=tmp_path)) as opened:
        for guild in (HOME, WORK):
            await opened.catalog.create_guild(guild)
            for slug in (POOL, PLUMBING, CAR):
                await opened.catalog.put_category(guild, Category(slug=slug, name=slug))
        yield opened


@pytest.fixture
def detector(stores: Stores, level_embedder: Embedder) -> Detector:
    return Detector(stores, level_embedder)


async def asked(stores: Stores, member: str, day: float, question: str, **changes: Any) -> Episode:
    values = {"member": MemberId(member), "question": question, "answer": PROVEN, "route": a_route(PLUMBING)}
    episode = an_episode(asked_at=NOON + day * DAY, **values | changes)
    await stores.journal.record(episode)
    return episode


async def corrected(stores: Stores, number: int, role: Role = Role.MEMBER) -> None:
    member = MEMBERS[number % len(MEMBERS)]
    episode = await asked(stores, member, number // 3 + number % 3 / 10, QUESTIONS[number % len(QUESTIONS)])
    event = an_event(
        episode,
        FeedbackKind.CORRECTION,
        {"category": POOL},
        member=episode.member,
        at=episode.asked_at + timedelta(minutes=1),
        role=role,
    )
    await stores.journal.add_feedback(event)


async def test_twelve_corrections_are_one_candidate_in_words(stores: Stores, detector: Detector) -> None:
    for number in range(12):
        await corrected(stores, number)
    (candidate,) = (await detector.look(HOME, NOW)).candidates
    assert candidate.sentence == (
        "12 corrections by 5 members on 4 days: questions about hot tub go to plumbing instead of pool"
    )
    assert (candidate.task, candidate.category, candidate.target) == (Task.ROUTE, PLUMBING, POOL)
    assert (await detector.look(WORK, NOW)).candidates == ()


async def test_what_was_said_before_a_topic_was_renamed_is_said_of_the_topic(
    stores: Stores, detector: Detector
) -> None:
    for number in range(6):
        await corrected(stores, number)
    await stores.catalog.rename_category(HOME, PLUMBING, Slug("pipes"))
    await stores.catalog.rename_category(HOME, POOL, Slug("spa"))
    (candidate,) = (await detector.look(HOME, NOW)).candidates
    assert (candidate.category, candidate.target) == ("pipes", "spa")


async def test_what_a_reviewer_discarded_is_no_longer_counted(stores: Stores, detector: Detector) -> None:
    for number in range(4):
        await corrected(stores, number)
    (before,) = (await detector.look(HOME, NOW)).candidates
    discarded = Decision(
        id=new_id(),
        guild=HOME,
        item="i1",
        kind="conflict",
        task=Task.ROUTE,
        episode=before.remarks[1].episode,
        member=MemberId("rex"),
        at=NOW,
        act=Act.DISCARD,
        guideline=1,
    )
    await DecisionStore(stores.database).add(discarded)
    (after,) = (await detector.look(HOME, NOW)).candidates
    assert len(after.remarks) == len(before.remarks) - 1


async def test_looking_writes_nothing_and_watching_writes_changes_only(
    stores: Stores, detector: Detector
) -> None:
    for number in range(6):
        await corrected(stores, number)
    await detector.look(HOME, NOW)
    assert await detector.log.events(HOME) == ()

    (found,) = (await detector.watch(HOME, NOW)).events
    assert found.state is State.FOUND
    assert (await detector.watch(HOME, NOW + DAY)).events == ()

    for number in range(6, 12):
        await corrected(stores, number)
    (changed,) = (await detector.watch(HOME, NOW + 2 * DAY)).events
    assert (changed.pattern, changed.state) == (found.pattern, State.CHANGED)
    assert RuleName.RECURRENCE in changed.facts.met
    (closed,) = (await detector.watch(HOME, NOW + 90 * DAY)).events
    assert closed.state is State.CLOSED
    assert [each.state for each in await detector.log.events(HOME, found.pattern)] == [
        State.FOUND,
        State.CHANGED,
        State.CLOSED,
    ]


async def test_a_gap_is_a_to_do_until_somebody_settles_it(stores: Stores, detector: Detector) -> None:
    for number, member in enumerate(MEMBERS[:3]):
        await asked(stores, member, number, QUESTIONS[number], answer=DECLINED, evidence=())
    (candidate,) = (await detector.watch(HOME, NOW)).detection.candidates
    assert candidate.decision.action is Action.KNOWLEDGE_GAP

    await detector.log.settle(HOME, candidate.id, State.DONE, NOW)
    assert (await detector.watch(HOME, NOW)).events == ()
    with pytest.raises(UsageError, match="no open pattern"):
        await detector.log.settle(HOME, candidate.id, State.DISMISSED, NOW)

    for number, member in enumerate(MEMBERS[:3]):
        await asked(stores, member, 7 + number, QUESTIONS[number], answer=DECLINED, evidence=())
    (again,) = (await detector.watch(HOME, NOON + 10 * DAY)).events
    assert (again.pattern, again.state) == (candidate.id, State.FOUND)
    assert again.facts.remarks == 3


async def test_who_is_forgotten_or_opts_out_is_out_of_it(stores: Stores, detector: Detector) -> None:
    for number in range(12):
        await corrected(stores, number)
    await detector.watch(HOME, NOW)
    await Privacy(stores).forget(HOME, MemberId("ana"))
    candidates = (await detector.watch(HOME, NOW)).detection.candidates
    left = {remark.member for each in candidates for remark in each.remarks}
    assert left == {MemberId(member) for member in MEMBERS[1:]}

    for member in MEMBERS[1:]:
        await Privacy(stores).forget(HOME, MemberId(member))
    assert (await detector.watch(HOME, NOW)).detection.candidates == ()
    assert {each.state for each in (await detector.log.standing(HOME)).values()} == {State.CLOSED}
    async with stores.database.read() as connection:
        rows = (await connection.execute(select(tables.pattern_events))).all()
    assert not any("tub" in str(row) or "ana" in str(row) for row in rows)


async def test_a_baseline_is_kept_when_it_is_frozen(stores: Stores, detector: Detector) -> None:
    for number in range(130):
        episode = await asked(stores, MEMBERS[number % 5], -60 + number / 2, "where is the main water valve?")
        value = {"vote": -1 if number % 10 == 0 else 1}
        at = episode.asked_at + timedelta(minutes=1)
        vote = an_event(episode, FeedbackKind.VOTE, value, member=episode.member, at=at)
        await stores.journal.add_feedback(vote)
    await detector.watch(HOME, NOW)
    kept = await detector.log.baselines(HOME)
    assert {each.key for each in kept} == {(task, where) for task in Task for where in (PLUMBING, None)}
    assert all((each.trials, each.champion) == (100, "") for each in kept)

    await detector.watch(HOME, NOW + DAY)
    assert await detector.log.baselines(HOME) == kept


async def test_the_log_is_append_only(stores: Stores, detector: Detector) -> None:
    await corrected(stores, 0)
    await corrected(stores, 1)
    await detector.watch(HOME, NOW)
    with pytest.raises(StoreError):
        async with stores.database.write() as connection:
            await connection.execute(update(tables.pattern_events).values(state="stable"))


FACTS = Facts(
    task=Task.ROUTE,
    category=POOL,
    medoid=an_episode().id,
    action=Action.FEW_SHOT,
    met=(RuleName.CALM,),
    remarks=3,
    members=2,
)


@pytest.mark.parametrize("state", list(State))
def test_only_what_is_open_is_closed(state: State) -> None:
    standing = {"p": Event(id="1", pattern="p", at=NOON, state=state, facts=FACTS)}
    closed = changes(standing, (), NOW)
    open_ = state in {State.FOUND, State.CHANGED, State.STABLE, State.REOPENED}
    assert [each.state for each in closed] == [State.CLOSED] * open_


async def test_events_come_back_as_they_were(stores: Stores) -> None:
    log = PatternLog(stores.database)
    event = Event(id="1", pattern="p", at=NOON, state=State.STABLE, facts=FACTS)
    await log.add(HOME, [event, replace(event, id="2", state=State.CHANGED)])
    assert await log.events(HOME, "p") == (event, replace(event, id="2", state=State.CHANGED))
    assert await log.events(WORK) == ()
