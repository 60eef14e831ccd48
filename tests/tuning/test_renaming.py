"""A topic that was renamed or merged: what was said of it before is said of what it is called now."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from agent.contracts import Category, CategoryScore, Episode, Feedback, FeedbackKind, MemberId, Role, Slug
from agent.runtime import Stores, open_stores
from agent.settings import Settings
from tests.agent.journal.episodes import ANA, BEN, HOME, NOON, a_route, an_episode, an_event
from tests.tuning.test_decided_labels import decision
from tests.tuning.test_labels import CAI, CAR, POOL, VERIFIED
from tuning.annotation.item import Kind
from tuning.annotation.queue import queue
from tuning.labels.gathering import Gathered, gather, labels_of
from tuning.labels.label import Label
from tuning.labels.renaming import decision_of_now, episode_of_now, event_of_now

OLD, SPA = Slug("old"), Slug("spa")
RENAMED = {OLD: SPA}


@pytest.fixture
async def stores(tmp_path: Path) -> AsyncIterator[Stores]:
    async with open_stores(Settings(data_dir=tmp_path), lambda: NOON) as opened:
        await opened.catalog.create_guild(HOME)
        for slug in (POOL, CAR, OLD):
            await opened.catalog.put_category(HOME, Category(slug=slug, name=slug))
        yield opened


async def asked(stores: Stores, **changes: object) -> Episode:
    episode = an_episode(member=ANA, **{"answer": VERIFIED, "route": a_route(CAR)} | changes)
    await stores.journal.record(episode)
    return episode


async def corrected(stores: Stores, member: MemberId, role: Role = Role.MEMBER) -> Feedback:
    episode = await asked(stores)
    event = an_event(episode, FeedbackKind.CORRECTION, {"category": OLD}, member=member, role=role)
    await stores.journal.add_feedback(event)
    return event


async def only_label(stores: Stores) -> Label:
    derived = await labels_of(stores, HOME, now=NOON)
    assert derived.reviews == ()
    (label,) = derived.labels
    return label


def waiting(gathered: Gathered) -> list[Kind]:
    found = queue(
        gathered.cases,
        gathered.derivation,
        guild=HOME,
        scrub=str,
        categories=[each.slug for each in gathered.categories],
        decisions=gathered.decisions,
    )
    return [each.kind for each in found]


async def test_a_correction_under_the_old_name_is_a_label_under_the_new_one(stores: Stores) -> None:
    await corrected(stores, BEN, Role.ADMIN)
    await stores.catalog.rename_category(HOME, OLD, SPA)
    assert (await only_label(stores)).category == SPA
    assert waiting(await gather(stores, HOME, now=NOON)) == []


async def test_members_who_named_it_before_and_after_agree(stores: Stores) -> None:
    await corrected(stores, BEN)
    await stores.catalog.rename_category(HOME, OLD, SPA)
    episode = await asked(stores)
    event = an_event(episode, FeedbackKind.CORRECTION, {"category": SPA}, member=CAI)
    await stores.journal.add_feedback(event)
    assert (await only_label(stores)).rule == "category-corrected-by-members"


async def test_of_two_topics_that_were_merged_nobody_disagrees(stores: Stores) -> None:
    await corrected(stores, BEN, Role.ADMIN)
    episode = await asked(stores)
    event = an_event(episode, FeedbackKind.CORRECTION, {"category": POOL}, member=CAI, role=Role.ADMIN)
    await stores.journal.add_feedback(event)
    await stores.catalog.merge_category(HOME, OLD, POOL)
    assert (await only_label(stores)).category == POOL


async def test_what_confirms_a_route_confirms_the_topic_of_now(stores: Stores) -> None:
    episode = await asked(stores, route=a_route(OLD))
    await stores.journal.add_feedback(an_event(episode, FeedbackKind.VOTE, {"vote": 1}, member=BEN))
    await stores.catalog.rename_category(HOME, OLD, SPA)
    assert (await only_label(stores)).category == SPA


async def test_a_topic_that_was_removed_is_still_gone(stores: Stores) -> None:
    await corrected(stores, BEN, Role.ADMIN)
    await stores.catalog.rename_category(HOME, OLD, SPA)
    await stores.catalog.remove_category(HOME, SPA)
    assert waiting(await gather(stores, HOME, now=NOON)) == [Kind.GONE]


def test_an_episode_is_routed_to_each_topic_once() -> None:
    scores = tuple(CategoryScore(category=each, probability=0.4, contributions={}) for each in (OLD, CAR))
    episode = an_episode(route=replace(a_route(OLD, SPA, CAR), scores=scores))
    route = episode_of_now(episode, RENAMED).route
    assert route is not None
    assert route.categories == (SPA, CAR)
    assert [each.category for each in route.scores] == [SPA, CAR]
    assert episode_of_now(an_episode(route=None), RENAMED).route is None


def test_other_words_stay_as_they_are() -> None:
    said = an_event(an_episode(), FeedbackKind.CORRECTION, {"category": OLD, "answer": "old"})
    assert event_of_now(said, RENAMED).value == {"category": SPA, "answer": "old"}
    vote = an_event(an_episode(), FeedbackKind.VOTE, {"vote": 1})
    assert event_of_now(vote, RENAMED) is vote


@pytest.mark.parametrize(("said", "now"), [(OLD, SPA), (CAR, CAR), (None, None)])
def test_a_decision_is_on_the_topic_of_now(said: Slug | None, now: Slug | None) -> None:
    assert decision_of_now(decision("d1", category=said), RENAMED).category == now
