"""A version out of a real journal: the same twice, by thread, and without who opted out."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TypeAlias

import pytest
from sqlalchemy import insert

from agent.contracts import Category, EpisodeId, FeedbackKind, MemberId, Role, Slug
from agent.database import tables
from agent.models.protocol import Embedder
from agent.privacy.consents import Consents
from agent.runtime import Stores, open_stores
from agent.serving.served import Task
from agent.settings import Settings
from tests.agent.journal.episodes import HOME, NOON, an_episode, an_event
from tests.agent.knowledge.passages import NOTES, SPEC, passages_of, put
from tests.agent.moving.house import a_source
from tuning.datasets.building import build_version
from tuning.datasets.store import DatasetStore
from tuning.datasets.version import DatasetVersion, difference

ADMIN = MemberId("admin")
LATER = NOON + timedelta(days=30)
TOPICS = ("pool", "car", "garden")


@pytest.fixture
async def stores(tmp_path: Path) -> AsyncIterator[Stores]:
    async with open_stores(Settings(data_dir=tmp_path)) as opened:
        await opened.catalog.create_guild(HOME)
        for slug in TOPICS:
            await opened.catalog.put_category(HOME, Category(slug=Slug(slug), name=slug.title()))
        yield opened


async def _corrected(stores: Stores, number: int) -> EpisodeId:
    episode = an_episode(member=MemberId(f"m{number % 10}"), question=f"What about the {number}th thing?")
    await stores.journal.record(episode)
    said = an_event(
        episode,
        FeedbackKind.CORRECTION,
        {"category": TOPICS[number % 3]},
        member=ADMIN,
        role=Role.ADMIN,
    )
    await stores.journal.add_feedback(said)
    return episode.id


Build: TypeAlias = Callable[..., Awaitable[DatasetVersion]]


@pytest.fixture
def built(stores: Stores, level_embedder: Embedder) -> Build:
    async def build(days: int = 0) -> DatasetVersion:
        now = LATER + timedelta(days=days)
        return await build_version(stores, HOME, Task.ROUTE, now, embedder=level_embedder)

    return build


async def test_building_again_makes_nothing_new_and_more_labels_move_nothing(
    stores: Stores, built: Build
) -> None:
    for number in range(30):
        await _corrected(stores, number)
    first = await built()
    assert len(first.entries) == 30
    assert await built() == first
    assert len(await DatasetStore(stores.database).all(HOME)) == 1

    for number in range(30, 45):
        await _corrected(stores, number)
    second = await built(days=1)
    change = difference(first, second)
    assert (len(change.added), change.removed, change.moved) == (15, (), ())
    assert await DatasetStore(stores.database).latest(HOME, Task.ROUTE) == second


async def test_nothing_to_learn_is_an_empty_version_that_is_not_kept(stores: Stores, built: Build) -> None:
    assert (await built()).entries == ()
    assert await DatasetStore(stores.database).all(HOME) == ()


async def test_who_opted_out_is_in_no_version_any_longer(stores: Stores, built: Build) -> None:
    for number in range(30):
        await _corrected(stores, number)
    first = await built()
    assert MemberId("m3") in first.members
    await Consents(stores.database, stores.settings).set(HOME, MemberId("m3"), allowed=False, at=LATER)
    second = await built()

    assert MemberId("m3") not in second.members
    assert len(second.entries) == 27
    datasets = DatasetStore(stores.database)
    assert MemberId("m3") not in (await datasets.get(HOME, first.id)).members
    assert not difference(first, second).moved


async def test_a_version_of_one_category_has_its_answers_where_they_are_in_all(
    stores: Stores, level_embedder: Embedder
) -> None:
    """What an answer is about says its evidence."""
    await stores.store.open_index(SPEC)
    passages = [
        replace(passage, category=Slug(TOPICS[place % 3]))
        for place, passage in enumerate(passages_of(NOTES, *(f"It is {number} m." for number in range(30))))
    ]
    await put(stores.store, *passages)
    await stores.catalog.put_source(a_source(NOTES), "")
    for number, passage in enumerate(passages):
        episode = an_episode(question=f"How long is part {number}?", evidence=((passage.id, 0.5),))
        await stores.journal.record(episode)
        said = {"answer": passage.text}
        event = an_event(episode, FeedbackKind.CORRECTION, said, member=ADMIN, role=Role.ADMIN)
        await stores.journal.add_feedback(event)

    async def build(category: Slug | None) -> DatasetVersion:
        return await build_version(
            stores, HOME, Task.ANSWER, LATER, category=category, embedder=level_embedder
        )

    everything, pool = await build(None), await build(Slug("pool"))
    assert len(everything.entries) == 30
    told = {entry.item.label.evidence[0] for entry in pool.entries}
    assert told == {passage.id for passage in passages if passage.category == "pool"}
    assert pool.splits.items() <= everything.splits.items()
    assert (await build(Slug("attic"))).entries == ()


async def test_a_renamed_topic_moves_nothing(stores: Stores, built: Build) -> None:
    for number in range(30):
        await _corrected(stores, number)
    first = await built()
    await stores.catalog.rename_category(HOME, Slug("pool"), Slug("swimming"))
    second = await built()

    before = {entry.item.label.question: entry.split for entry in first.entries}
    assert {entry.item.label.question: entry.split for entry in second.entries} == before


async def test_what_was_asked_in_one_thread_stays_together(stores: Stores, built: Build) -> None:
    episodes = [await _corrected(stores, number) for number in range(40)]
    answer = {"guild": HOME, "member": "m"}
    rows = [
        answer
        | {"message": 1000 + n, "channel": 500 if n < 6 else 7, "question": 500 + n, "episode": episode}
        for n, episode in enumerate(episodes)
    ]
    async with stores.database.write() as connection:
        await connection.execute(insert(tables.bot_answers), rows)
    version = await built()

    threads = [
        {key for key in entry.item.keys if key.startswith("thread:")}
        for entry in version.entries
        if set(entry.item.label.episodes) & set(episodes[:6])
    ]
    assert threads == [{"thread:500"}] * 6
    together = {entry.split for entry in version.entries if "thread:500" in entry.item.keys}
    assert len(together) == 1
    others = [entry for entry in version.entries if "thread:500" not in entry.item.keys]
    assert len(others) == 34, "a channel is no thread"
    assert not any(key.startswith("thread:") for entry in others for key in entry.item.keys)


async def test_the_same_question_in_other_words_stays_together(stores: Stores, built: Build) -> None:
    for number in range(20):
        await _corrected(stores, number)
    asked = ("When was the pool pump replaced?", "When was the pump of the pool replaced?")
    for text in asked:
        episode = an_episode(member=MemberId(text), question=text)
        await stores.journal.record(episode)
        right = an_event(
            episode, FeedbackKind.CORRECTION, {"category": "pool"}, member=ADMIN, role=Role.ADMIN
        )
        await stores.journal.add_feedback(right)
    version = await built()

    tied = [entry for entry in version.entries if any(key.startswith("alike:") for key in entry.item.keys)]
    assert {entry.item.label.question for entry in tied} == set(asked)
    one, other = tied
    assert any(key.startswith("alike:") for key in one.item.keys & other.item.keys)
    assert one.split is other.split


async def test_the_installations_embedder_is_opened_where_none_is_given(stores: Stores, built: Build) -> None:
    for number in range(3):
        await _corrected(stores, number)

    assert await build_version(stores, HOME, Task.ROUTE, LATER) == await built()
