"""Decisions in the real database: durable, append-only, in order, and only one where one is asked."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import insert, update

from agent.contracts import Slug
from agent.database import tables
from agent.errors import StoreError, UnknownGuildError
from agent.journal.positions import next_position
from agent.privacy.privacy import Privacy
from agent.runtime import Stores, open_stores
from agent.settings import Settings
from tests.agent.journal.episodes import ANA, HOME, NOON, WORK, an_episode
from tests.tuning.test_decided_labels import REX, SAL, decision, topic, undo, written
from tests.tuning.test_labels import CAR, POOL
from tuning.annotation.reviewing import Reviewing
from tuning.labels.decisions import Act
from tuning.labels.store import DecidedMeanwhileError, DecisionStore


@pytest.fixture
async def stores(tmp_path: Path) -> AsyncIterator[Stores]:
    async with open_stores(Settings(data_dir=tmp_path)) as opened:
        await opened.catalog.create_guild(HOME)
        yield opened


async def test_decisions_come_back_whole_and_in_their_order(stores: Stores) -> None:
    store = DecisionStore(stores.database)
    made = [
        topic("d2", POOL, seen=("f1",), note="because"),
        written("d1", "In “May 2024”.", SAL, item="i2"),
        decision("d0", act=Act.ACCEPT, task=None, episode=None, item="i3"),
        undo("d3", "d2"),
    ]
    for each in [*made, made[0]]:
        await store.add(each)
    assert await store.all(HOME) == tuple(made)
    assert await store.all(WORK) == ()


async def test_a_decision_cannot_be_changed(stores: Stores) -> None:
    await DecisionStore(stores.database).add(topic("d1", POOL))
    with pytest.raises(StoreError, match="append-only"):
        async with stores.database.write() as connection:
            await connection.execute(update(tables.decisions).values(act="discard"))


async def test_who_comes_second_is_told_unless_two_are_asked_or_they_knew(stores: Stores) -> None:
    store = DecisionStore(stores.database)
    await store.add(topic("d1", POOL))
    with pytest.raises(DecidedMeanwhileError, match="just decided"):
        await store.add(topic("d2", CAR, SAL))
    await store.add(topic("d2", CAR, SAL), wanted=2)
    await store.add(topic("d3", CAR, ANA, seen=("d1", "d2")))
    assert [each.id for each in await store.all(HOME)] == ["d1", "d2", "d3"]


async def test_what_was_undone_is_free_again(stores: Stores) -> None:
    store = DecisionStore(stores.database)
    await store.add(topic("d1", POOL))
    await store.add(undo("d2", "d1"))
    await store.add(topic("d3", Slug("car"), SAL))
    assert len(await store.all(HOME)) == 3


async def test_a_decision_of_a_newer_lorekeeper_is_named(stores: Stores) -> None:
    async with stores.database.write() as connection:
        row = {"guild": HOME, "id": "d1", "item": "i", "episode": None, "member": REX, "at": NOON}
        row |= {
            "act": "bless",
            "body": {},
            "position": await next_position(stores.database, connection, HOME),
        }
        await connection.execute(insert(tables.decisions), row)
    with pytest.raises(StoreError, match="Decision d1 cannot be read"):
        await DecisionStore(stores.database).all(HOME)


async def test_who_is_forgotten_takes_along_what_was_decided_of_their_questions(stores: Stores) -> None:
    store = DecisionStore(stores.database)
    asked = an_episode(member=ANA)
    await stores.journal.record(asked)
    await store.add(topic("d1", POOL, episode=asked.id))
    await store.add(topic("d2", POOL, SAL, item="i2"))
    report = await Privacy(stores).forget(HOME, ANA)
    assert report.removed["decisions"] == 1
    assert [each.id for each in await store.all(HOME)] == ["d2"]
    await Privacy(stores).forget(HOME, SAL)
    assert await store.all(HOME) == ()


async def test_a_guild_that_is_not_there_is_named(stores: Stores) -> None:
    with pytest.raises(UnknownGuildError):
        await Reviewing(stores).history(WORK)
