"""The connection that makes one trip a statement: rows, transactions and what was cancelled are as ever."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import text

from agent.database.engine import Database, open_database
from agent.database.sqlite_connection import READ, WRITE, SqliteConnection
from tests.agent.database.rows import guilds_in, put_guild

_NUMBERS = (
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count}) SELECT {what} FROM n"
)


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    database = await open_database(tmp_path / "data.db")
    yield database
    await database.close()


@pytest.fixture
async def connection(tmp_path: Path) -> AsyncIterator[SqliteConnection]:
    connection = await SqliteConnection.open(tmp_path / "data.db", 5.0, ["journal_mode=WAL"])
    await connection.cursor().execute("CREATE TABLE n (i INTEGER)")
    yield connection
    await connection.close()


@pytest.mark.parametrize("count", [0, 1, 63, 64, 65, 128, 1000])
async def test_every_row_comes_once(database: Database, count: int) -> None:
    async with database.read() as connection:
        query = text(f"SELECT i FROM ({_NUMBERS.format(count=1000, what='i')}) WHERE i <= {count}")
        assert list(await connection.scalars(query)) == list(range(1, count + 1))


@pytest.mark.parametrize("size", [1, 50, 64, 70, 500])
async def test_a_stream_gives_every_row_once(database: Database, size: int) -> None:
    query = text(_NUMBERS.format(count=300, what="i"))
    async with (
        database.read() as connection,
        connection.stream(query, execution_options={"yield_per": size}) as result,
    ):
        assert [row.i async for row in result] == list(range(1, 301))


async def test_a_stream_that_is_left_holds_nothing(database: Database) -> None:
    query = text(_NUMBERS.format(count=300, what="i"))
    async with database.read() as connection:
        async with connection.stream(query, execution_options={"yield_per": 10}) as result:
            async for _ in result:
                break
        assert await connection.scalar(text("SELECT 7")) == 7
    await put_guild(database, "after")


async def test_rows_one_by_one(connection: SqliteConnection) -> None:
    cursor = await connection.cursor().execute(_NUMBERS.format(count=66, what="i"))
    assert [await cursor.fetchone() for _ in range(67)] == [*((i,) for i in range(1, 67)), None]


async def test_a_transaction_begins_with_its_first_statement(connection: SqliteConnection) -> None:
    other = await SqliteConnection.open(_file(connection), 0.0, [])
    connection.begin(WRITE)
    await other.cursor().execute("INSERT INTO n VALUES (1)")
    await connection.cursor().execute("INSERT INTO n VALUES (2)")
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        await other.cursor().execute("INSERT INTO n VALUES (3)")
    await connection.commit()
    rows = await (await other.cursor().execute("SELECT i FROM n")).fetchall()
    await other.close()
    assert rows == [(1,), (2,)]


async def test_one_without_a_statement_is_none(connection: SqliteConnection) -> None:
    connection.begin(WRITE)
    await connection.rollback()
    await connection.cursor().execute("INSERT INTO n VALUES (1)")
    await connection.rollback()
    rows = await (await connection.cursor().execute("SELECT i FROM n")).fetchall()
    assert rows == [(1,)]


async def test_one_that_reads_sees_one_state(connection: SqliteConnection) -> None:
    other = await SqliteConnection.open(_file(connection), 5.0, [])
    connection.begin(READ)
    count = "SELECT count(*) FROM n"
    assert await (await connection.cursor().execute(count)).fetchall() == [(0,)]
    await other.cursor().execute("INSERT INTO n VALUES (1)")
    assert await (await connection.cursor().execute(count)).fetchall() == [(0,)]
    await connection.commit()
    assert await (await connection.cursor().execute(count)).fetchall() == [(1,)]
    await other.close()


async def test_what_was_cancelled_comes_to_its_end_first(connection: SqliteConnection) -> None:
    connection.begin(WRITE)
    long = _NUMBERS.format(count=300_000, what="sum(i)")
    running = asyncio.ensure_future(connection.cursor().execute(f"INSERT INTO n {long}"))
    await asyncio.sleep(0)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    await connection.rollback()
    assert await (await connection.cursor().execute("SELECT i FROM n")).fetchall() == []


async def test_a_cancelled_question_leaves_the_database_usable(database: Database) -> None:
    async def write_for_long() -> None:
        async with database.write() as connection:
            await connection.execute(text("INSERT INTO guilds (id, revision) VALUES ('lost', 0)"))
            await connection.execute(text(_NUMBERS.format(count=300_000, what="sum(i)")))

    for _ in range(20):
        writing = asyncio.ensure_future(write_for_long())
        await asyncio.sleep(0.002)
        writing.cancel()
        await asyncio.wait([writing])
        assert writing.cancelled()
    await put_guild(database, "kept")
    assert await guilds_in(database) == {"kept"}


async def test_a_closed_one_says_so(tmp_path: Path) -> None:
    connection = await SqliteConnection.open(tmp_path / "data.db", 5.0, [])
    await connection.close()
    await connection.close()
    connection.stop()
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        await connection.cursor().execute("SELECT 1")


async def test_one_that_is_closed_gives_the_writers_place_back(connection: SqliteConnection) -> None:
    """At once, though a statement of it is still held somewhere, as a cancelled question's is."""
    path = _file(connection)
    connection.begin(WRITE)
    held = await connection.cursor().execute(_NUMBERS.format(count=200, what="i"))
    await connection.close()
    other = await SqliteConnection.open(path, 0.0, [])
    other.begin(WRITE)
    await other.cursor().execute("SELECT 1")
    await other.close()
    assert await held.fetchone() == (1,)


def _file(connection: SqliteConnection) -> Path:
    assert connection._connection is not None
    return Path(connection._connection.execute("PRAGMA database_list").fetchone()[2])
