"""What every database must do, whatever the backend."""

import asyncio
from datetime import datetime

import pytest
from sqlalchemy import delete, insert, select

from agent.database.engine import Database
from agent.database.tables import feedback, guilds
from agent.errors import StoreBusyError, UsageError
from tests.agent.database.rows import guilds_in, put_guild


async def test_an_error_in_a_transaction_undoes_it(database: Database) -> None:
    async def put_and_fail() -> None:
        async with database.write() as connection:
            await connection.execute(insert(guilds).values(id="one", revision=0))
            raise UsageError("changed my mind")

    with pytest.raises(UsageError, match="changed my mind"):
        await put_and_fail()
    assert await guilds_in(database) == set()


async def test_a_reader_sees_one_state_while_another_writes(database: Database) -> None:
    async with database.read() as connection:
        before = set(await connection.scalars(select(guilds.c.id)))
        await put_guild(database, "one")
        assert set(await connection.scalars(select(guilds.c.id))) == before
    assert await guilds_in(database) == {"one"}


async def test_many_tasks_write_at_once_and_nothing_is_lost(database: Database) -> None:
    names = {str(number) for number in range(100)}
    await asyncio.gather(*(put_guild(database, name) for name in names))
    assert await guilds_in(database) == names


async def test_cancelled_writers_leave_the_next_ones_room(database: Database) -> None:
    for number in range(30):
        writing = asyncio.create_task(put_guild(database, f"cancelled {number}"))
        await asyncio.sleep(number * 0.0003)
        writing.cancel()
    await put_guild(database, "after")
    assert "after" in await guilds_in(database)


async def test_more_at_once_than_connections_is_busy_and_not_a_crash(database: Database) -> None:
    database._reading.sync_engine.pool._timeout = 0.05

    async def hold() -> None:
        async with database.read():
            await asyncio.sleep(1)

    results = await asyncio.gather(*(hold() for _ in range(20)), return_exceptions=True)
    assert {type(result) for result in results} == {StoreBusyError, type(None)}


async def test_text_that_no_database_holds_is_a_usage_error(database: Database) -> None:
    with pytest.raises(UsageError, match="cannot be stored"):
        await put_guild(database, "half a pair: \ud800")
    assert await guilds_in(database) == set()


async def test_a_time_without_zone_is_refused(database: Database) -> None:
    with pytest.raises(UsageError, match="no time zone"):
        async with database.read() as connection:
            await connection.execute(select(feedback).where(feedback.c.at > datetime(2026, 1, 1)))  # noqa: DTZ001


@pytest.mark.parametrize("whole", [True, False])
async def test_erasing_leaves_what_was_not_deleted(database: Database, whole: bool) -> None:
    for name in ("one", "two"):
        await put_guild(database, name)
    async with database.write() as connection:
        await connection.execute(delete(guilds).where(guilds.c.id == "one"))

    await database.erase_deleted(whole=whole)

    assert await guilds_in(database) == {"two"}
