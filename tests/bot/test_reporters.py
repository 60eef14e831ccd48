"""What detectors ask people, over real stores: in the queue while it is open, settled where it came from."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from agent.contracts import Category, EpisodeId, GuildId, Slug
from agent.errors import StoreError
from agent.ids import new_id
from agent.privacy.consents import Consents
from agent.runtime import Stores, open_stores
from agent.serving.served import Task
from agent.settings import Settings
from bot.reporters import reporters_of
from bot.texts import LANGUAGES
from tests.agent.journal.episodes import ANA, BEN, HOME, NOON, WORK, an_episode
from tuning.annotation.exhibit import Exhibit
from tuning.annotation.item import Item, Kind, Report
from tuning.annotation.reviewing import Reviewing, Verdict
from tuning.anomalies.anomaly import Found, State
from tuning.anomalies.anomaly import Kind as AnomalyKind
from tuning.anomalies.log import AnomalyLog
from tuning.labels.decisions import Act, Decision
from tuning.labels.gathering import Gathered
from tuning.patterns.log import Event, Facts, PatternLog
from tuning.patterns.log import State as PatternState
from tuning.patterns.pattern import Action

PATTERN = "0123456789abcdef"
UNANSWERED = Found(kind=AnomalyKind.UNANSWERED, figures={"now": 60, "before": 5, "count": 12})


@pytest.fixture
async def stores(tmp_path: Path) -> AsyncIterator[Stores]:
    async with open_stores(Settings(data_dir=tmp_path), lambda: NOON) as opened:
        for guild in (HOME, WORK):
            await opened.catalog.create_guild(guild)
        await opened.catalog.put_category(HOME, Category(slug=Slug("pool"), name="Pool"))
        yield opened


def reviewing(stores: Stores, language: str = "en") -> Reviewing:
    return Reviewing(stores, reporters_of(stores, LANGUAGES[language]))


async def waiting(stores: Stores, language: str = "en") -> list[Item]:
    items = (await reviewing(stores, language).look(HOME)).items
    return [each for each in items if each.kind is Kind.REPORT]


async def decide(stores: Stores, item: Item, act: Act) -> None:
    look = await reviewing(stores).look(HOME)
    shown = Exhibit(item=item, episode=None, question=item.question)
    await reviewing(stores).decide(look, shown, Verdict(by=BEN, act=act))


async def found(stores: Stores, *, action: Action = Action.HUMAN_REVIEW) -> PatternLog:
    """A pattern in the log, of a question of ANA that holds a telephone number."""
    asked = an_episode(question="Call Ben Miller on +34 612 345 678 about the hose?", member=ANA)
    await stores.journal.record(asked)
    log = PatternLog(stores.database)
    await log.add(HOME, [event(asked.id, PatternState.FOUND, action)])
    return log


def event(medoid: EpisodeId, state: PatternState, action: Action = Action.HUMAN_REVIEW) -> Event:
    facts = Facts(task=Task.ROUTE, category=None, medoid=medoid, action=action, met=(), remarks=7, members=3)
    return Event(id=new_id(), pattern=PATTERN, at=NOON, state=state, facts=facts)


async def test_a_pattern_that_needs_a_person_waits_in_words_without_personal_data(stores: Stores) -> None:
    await found(stores)
    (item,) = await waiting(stores)
    assert "Pattern 01234567: 7 remarks by 3 members" in item.question
    assert "about the hose?" in item.question
    assert "612" not in item.question
    assert item.benefit == 12.0
    (spanish,) = await waiting(stores, "es")
    assert (spanish.id, spanish.version) == (item.id, item.version)
    assert "7 comentarios de 3 miembros" in spanish.question


@pytest.mark.parametrize("action", sorted(set(Action) - {Action.HUMAN_REVIEW}))
async def test_no_other_pattern_waits(stores: Stores, action: Action) -> None:
    await found(stores, action=action)
    assert await waiting(stores) == []


async def test_nothing_is_shown_of_a_member_who_may_not_be_learnt_from(stores: Stores) -> None:
    await found(stores)
    await Consents(stores.database, stores.settings).set(HOME, ANA, False, NOON)
    assert await waiting(stores) == []


@pytest.mark.parametrize(
    ("act", "state"), [(Act.ACCEPT, PatternState.DONE), (Act.DISCARD, PatternState.DISMISSED)]
)
async def test_a_decision_settles_the_pattern_and_undoing_it_opens_it_again(
    stores: Stores, act: Act, state: PatternState
) -> None:
    log = await found(stores)
    (item,) = await waiting(stores)
    await decide(stores, item, act)
    assert await waiting(stores) == []
    assert (await log.standing(HOME))[PATTERN].state is state
    assert (await log.known(HOME))[0].settled_at == NOON
    await reviewing(stores).undo(HOME, BEN)
    assert [each.id for each in await waiting(stores)] == [item.id]
    assert (await log.standing(HOME))[PATTERN].state is PatternState.REOPENED
    assert (await log.known(HOME))[0].settled_at is None


async def test_a_pattern_that_comes_back_is_asked_again(stores: Stores) -> None:
    log = await found(stores)
    (item,) = await waiting(stores)
    await decide(stores, item, Act.DISCARD)
    medoid = (await log.standing(HOME))[PATTERN].facts.medoid
    await log.add(HOME, [event(medoid, PatternState.FOUND)])
    (again,) = await waiting(stores)
    assert again.id != item.id


async def test_what_was_settled_elsewhere_waits_no_longer_and_stays_as_it_is(stores: Stores) -> None:
    log = await found(stores)
    (item,) = await waiting(stores)
    await log.settle(HOME, PATTERN, PatternState.DONE, NOON)
    assert await waiting(stores) == []
    await decide(stores, item, Act.DISCARD)
    assert (await log.standing(HOME))[PATTERN].state is PatternState.DONE


@pytest.mark.parametrize(("act", "state"), [(Act.ACCEPT, State.ACTED), (Act.DISCARD, State.DISMISSED)])
async def test_an_open_anomaly_waits_until_it_is_decided(stores: Stores, act: Act, state: State) -> None:
    log = AnomalyLog(stores.database)
    (raised,) = await log.raise_(HOME, [UNANSWERED], NOON)
    await log.raise_(WORK, [UNANSWERED], NOON)
    (item,) = await waiting(stores)
    assert "60 % of 12 questions" in item.question
    (spanish,) = await waiting(stores, "es")
    assert "El 60 % de 12 preguntas" in spanish.question
    await decide(stores, item, act)
    assert await waiting(stores) == []
    assert (await log.anomaly(HOME, raised.id)).state is state
    assert (await log.anomalies(WORK))[0].open
    await reviewing(stores).undo(HOME, BEN)
    assert [each.id for each in await waiting(stores)] == [item.id]
    assert (await log.anomaly(HOME, raised.id)).raised_at == NOON


async def test_undoing_opens_nothing_that_time_has_closed(stores: Stores) -> None:
    log = AnomalyLog(stores.database)
    (raised,) = await log.raise_(HOME, [UNANSWERED], NOON)
    (item,) = await waiting(stores)
    await decide(stores, item, Act.DISCARD)
    await log.change(raised, State.EXPIRED, NOON)
    await reviewing(stores).undo(HOME, BEN)
    assert (await log.anomaly(HOME, raised.id)).state is State.EXPIRED


class Killed:
    """Stands last among the detectors and ends everything when the others have written what they heard."""

    async def reports(self, guild: GuildId, gathered: Gathered) -> Sequence[Report]:
        return ()

    async def heard(self, decision: Decision, within: AsyncConnection) -> None:
        raise StoreError("Killed.", "")


@pytest.mark.parametrize("kind", ["pattern", "anomaly"])
async def test_a_kill_leaves_a_decision_in_both_places_or_in_none(stores: Stores, kind: str) -> None:
    patterns, anomalies = PatternLog(stores.database), AnomalyLog(stores.database)
    if kind == "pattern":
        await found(stores)
    else:
        await anomalies.raise_(HOME, [UNANSWERED], NOON)
    (item,) = await waiting(stores)
    dying = Reviewing(stores, (*reporters_of(stores, LANGUAGES["en"]), Killed()))

    async def stands() -> tuple[object, ...]:
        history = await dying.history(HOME)
        return history, await patterns.events(HOME), await anomalies.anomalies(HOME), await waiting(stores)

    before = await stands()
    shown = Exhibit(item=item, episode=None, question=item.question)
    with pytest.raises(StoreError, match="Killed"):
        await dying.decide(await dying.look(HOME), shown, Verdict(by=BEN, act=Act.DISCARD))
    assert await stands() == before
    await decide(stores, item, Act.DISCARD)
    decided = await stands()
    assert decided != before
    with pytest.raises(StoreError, match="Killed"):
        await dying.undo(HOME, BEN)
    assert await stands() == decided
