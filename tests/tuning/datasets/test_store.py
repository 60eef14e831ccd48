"""Dataset versions on both databases: they never change, and items keep their split for ever."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update

from agent.contracts import GuildId, MemberId, Slug
from agent.database import tables
from agent.database.engine import Database
from agent.errors import StoreError, UsageError
from agent.serving.served import Task
from tests.agent.database.backends import BACKENDS, opened
from tests.agent.journal.episodes import NOON
from tests.tuning.datasets.labels import HOME, a_label, some_labels
from tuning.datasets.item import Split
from tuning.datasets.store import DatasetStore, lineage, replace_version, standing_versions
from tuning.datasets.version import DatasetVersion, build, without
from tuning.labels.label import Label

WORK = GuildId("work")


@pytest.fixture(params=BACKENDS)
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    async with opened(request, tmp_path, HOME, WORK) as database:
        yield database


@pytest.fixture
def store(database: Database) -> DatasetStore:
    return DatasetStore(database)


def _built(labels: tuple[Label, ...], task: Task = Task.ROUTE) -> DatasetVersion:
    return build(labels, task, threads={}, before={}, salt="salt")


async def _leave_out(database: Database, version: DatasetVersion, member: str) -> DatasetVersion:
    left = without(version, MemberId(member))
    async with database.write() as connection:
        await replace_version(database, connection, HOME, version, left)
    return left


async def test_a_version_comes_back_whole(store: DatasetStore) -> None:
    version = _built((*some_labels(40), a_label(99, question="¿Cuánto costó la bomba? 🏊")))
    await store.save(HOME, version, at=NOON)

    assert await store.get(HOME, version.id) == version
    assert await store.get(HOME, version.id[:8]) == version
    assert await store.latest(HOME, Task.ROUTE) == version
    assert await store.latest(HOME, Task.ANSWER) is None
    assert await store.latest(WORK, Task.ROUTE) is None
    assert await store.splits(HOME, Task.ROUTE) == version.splits
    assert await store.splits(WORK, Task.ROUTE) == {}


async def test_they_are_listed_with_what_is_in_them(store: DatasetStore) -> None:
    routes, answers = _built(some_labels(40)), _built((a_label(1, task=Task.ANSWER),), Task.ANSWER)
    await store.save(HOME, answers, at=NOON)
    await store.save(HOME, routes, at=NOON + timedelta(days=1))

    assert [(each.id, each.task) for each in await store.all(HOME)] == [
        (answers.id, Task.ANSWER),
        (routes.id, Task.ROUTE),
    ]
    (listed,) = await store.all(HOME, Task.ROUTE)
    assert listed.counts == {split: len(routes.of(split)) for split in Split}
    assert await store.all(WORK) == ()


async def test_the_same_version_again_is_one_and_the_last_that_was_made(store: DatasetStore) -> None:
    one, other = _built(some_labels(20)), _built(some_labels(30))
    for day, version in enumerate((one, other, one)):
        await store.save(HOME, version, at=NOON + timedelta(days=day))

    assert len(await store.all(HOME)) == 2
    assert await store.latest(HOME, Task.ROUTE) == one


async def test_the_difference_of_two_is_told(store: DatasetStore) -> None:
    one, other = _built(some_labels(20)), _built(some_labels(21))
    for version in (one, other):
        await store.save(HOME, version, at=NOON)
    change = await store.diff(HOME, one.id, other.id)

    assert (len(change.added), change.removed) == (1, ())


@pytest.mark.parametrize("id_", ["", "abc", "0" * 64])
async def test_a_version_that_is_not_there_is_named(store: DatasetStore, id_: str) -> None:
    await store.save(HOME, _built(some_labels(20)), at=NOON)
    with pytest.raises(UsageError, match="no one dataset version"):
        await store.get(HOME, id_)


async def test_what_is_left_takes_the_place_of_a_version_and_its_words_are_gone(
    store: DatasetStore, database: Database
) -> None:
    version = _built(some_labels(120))
    await store.save(HOME, version, at=NOON)
    left = await _leave_out(database, version, "m7")

    assert await store.get(HOME, version.id) == left
    assert await store.latest(HOME, Task.ROUTE) == left
    first, second = sorted(await store.all(HOME), key=lambda each: not each.replaced_by)
    assert (first.id, first.replaced_by, sum(first.counts.values())) == (version.id, left.id, 0)
    assert second.id == left.id
    async with database.read() as connection:
        assert await standing_versions(connection, HOME) == (left,)
        bodies = (await connection.scalars(select(tables.dataset_items.c.body))).all()
    assert not [body for body in bodies if "m7" in body["label"]["members"]]


async def test_what_is_left_of_what_is_left_is_found_too(store: DatasetStore, database: Database) -> None:
    version = _built(some_labels(120))
    await store.save(HOME, version, at=NOON)
    left = await _leave_out(database, version, "m7")
    last = await _leave_out(database, left, "m8")

    assert await store.get(HOME, version.id) == last
    async with database.read() as connection:
        assert await lineage(connection, HOME, last.id) == {version.id, left.id, last.id}
        assert await lineage(connection, HOME, version.id) == {version.id}


async def test_who_may_be_learnt_from_again_makes_the_old_version_stand_again(
    store: DatasetStore, database: Database
) -> None:
    version = _built(some_labels(120))
    await store.save(HOME, version, at=NOON)
    await _leave_out(database, version, "m7")
    await store.save(HOME, version, at=NOON + timedelta(days=1))

    assert await store.latest(HOME, Task.ROUTE) == version
    assert await store.get(HOME, version.id) == version


async def test_an_item_whose_label_was_taken_back_keeps_its_split(store: DatasetStore) -> None:
    labels = some_labels(60)
    first = _built(labels)
    await store.save(HOME, first, at=NOON)
    fewer = build(labels[30:], Task.ROUTE, threads={}, before=first.splits, salt="salt")
    await store.save(HOME, fewer, at=NOON)

    assert await store.splits(HOME, Task.ROUTE) == first.splits


async def test_an_item_follows_its_category_to_another_name(store: DatasetStore) -> None:
    version = _built((a_label(1, category="pool"),))
    await store.save(HOME, version, at=NOON)
    (entry,) = version.entries
    (renamed,) = _built((a_label(1, category="swimming"),)).entries
    splits = await store.splits(HOME, Task.ROUTE, {Slug("pool"): Slug("swimming")})

    assert splits == {entry.item.id: entry.split, renamed.item.id: entry.split}


async def test_an_item_of_a_newer_lorekeeper_is_named(store: DatasetStore, database: Database) -> None:
    version = _built(some_labels(5))
    await store.save(HOME, version, at=NOON)
    async with database.write() as connection:
        await connection.execute(update(tables.dataset_items).values(body={"label": {}, "keys": []}))
    with pytest.raises(StoreError, match=r"Item \w+ of dataset version \w+ cannot be read"):
        await store.get(HOME, version.id)
