"""Who serves is kept in the database, remembered for a moment, and seen at once where it was changed."""

from __future__ import annotations

import pytest

from agent.catalog.sql import SqlCatalog
from agent.contracts import Category, GuildId, Slug
from agent.database import tables
from agent.database.engine import Database
from agent.errors import StoreError, UsageError
from agent.serving import assignments as module
from agent.serving.assignments import Assignments, read_assignment
from agent.serving.served import Assignment, ServedAdapter, Task, Trust

ONE, OTHER = GuildId("one"), GuildId("other")
TUNED = ServedAdapter(
    id="a1", digest="a" * 64, base_digest="b" * 64, trust=Trust(scale=0.5, model=1.5, span=7.0)
)
TRIED = ServedAdapter(id="a2", digest="c" * 64, base_digest="b" * 64)
ON_TRIAL = Assignment(champion=TUNED, challenger=TRIED, share=0.25)


@pytest.fixture
async def assignments(database: Database) -> Assignments:
    for guild in (ONE, OTHER):
        await SqlCatalog(database).create_guild(guild)
    return Assignments(database)


async def test_nothing_assigned_is_the_model_as_it_is(assignments: Assignments) -> None:
    assert await assignments.get(ONE, Task.ROUTE) == Assignment()
    assert await assignments.all() == {}


async def test_what_is_put_is_seen_at_once_by_its_own_guild_and_task_alone(assignments: Assignments) -> None:
    await assignments.get(ONE, Task.ROUTE)
    await assignments.put(ONE, Task.ROUTE, ON_TRIAL)
    assert await assignments.get(ONE, Task.ROUTE) == ON_TRIAL
    assert await assignments.get(ONE, Task.ANSWER) == Assignment()
    assert await assignments.get(OTHER, Task.ROUTE) == Assignment()
    assert await assignments.all() == {(ONE, Task.ROUTE, None): ON_TRIAL}
    await assignments.put(ONE, Task.ROUTE, Assignment())
    assert await assignments.get(ONE, Task.ROUTE) == Assignment()


async def test_a_category_has_an_assignment_of_its_own_that_goes_where_the_category_goes(
    assignments: Assignments, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "REMEMBERED_SECONDS", 0.0)
    catalog, pool, spa, car = SqlCatalog(database), Slug("pool"), Slug("spa"), Slug("car")
    for slug in (pool, car):
        await catalog.put_category(ONE, Category(slug=slug, name=slug))
    for category in (None, pool, car):
        await assignments.put(ONE, Task.ANSWER, ON_TRIAL, category)
    assert set(await assignments.all()) == {(ONE, Task.ANSWER, each) for each in (None, pool, car)}
    assert await assignments.get(ONE, Task.ANSWER, spa) == Assignment()

    await catalog.rename_category(ONE, pool, spa)
    assert await assignments.get(ONE, Task.ANSWER, spa) == ON_TRIAL
    await catalog.merge_category(ONE, spa, car)
    await catalog.remove_category(ONE, car)
    assert set(await assignments.all()) == {(ONE, Task.ANSWER, None)}


async def test_another_process_sees_it_after_a_moment(
    assignments: Assignments, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = Assignments(database)
    assert await elsewhere.get(ONE, Task.ROUTE) == Assignment()
    await assignments.put(ONE, Task.ROUTE, ON_TRIAL)
    assert await elsewhere.get(ONE, Task.ROUTE) == Assignment()
    monkeypatch.setattr(module, "REMEMBERED_SECONDS", 0.0)
    assert await elsewhere.get(ONE, Task.ROUTE) == ON_TRIAL


async def test_a_change_that_is_rolled_back_changes_nothing(
    assignments: Assignments, database: Database
) -> None:
    async def put_both() -> None:
        async with database.write() as connection:
            await assignments.put_within(connection, ONE, Task.ROUTE, ON_TRIAL)
            await assignments.put_within(connection, ONE, Task.ANSWER, Assignment(share=1.5))

    with pytest.raises(UsageError, match="between 0 and 1"):
        await put_both()
    assignments.forget(ONE, Task.ROUTE)
    async with database.read() as connection:
        assert await read_assignment(connection, ONE, Task.ROUTE) == Assignment()


async def test_what_a_newer_version_wrote_is_an_error_that_says_so(
    assignments: Assignments, database: Database
) -> None:
    row = {"guild": ONE, "task": "route", "category": "", "body": {"champion": {"kind": "of tomorrow"}}}
    async with database.write() as connection:
        await connection.execute(database.upsert(tables.serving, ("body",)), row)
    with pytest.raises(StoreError, match="cannot be read"):
        await assignments.get(ONE, Task.ROUTE)


@pytest.mark.parametrize(
    ("share", "tried"), [(0.0, 0), (0.25, 250), (1.0, 1000)], ids=["nobody", "a quarter", "all"]
)
def test_a_share_of_the_questions_tries_the_challenger(share: float, tried: int) -> None:
    assignment = Assignment(champion=TUNED, challenger=TRIED, share=share)
    chosen = [assignment.chosen(f"question {number}") for number in range(1000)]
    assert abs(chosen.count(TRIED) - tried) < 50
    assert chosen == [assignment.chosen(f"question {number}") for number in range(1000)]
