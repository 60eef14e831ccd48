"""PostgreSQL behind a pooler that gives each transaction another connection, as PgBouncer may."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import insert, text

from agent.database.engine import Database, open_database
from agent.database.tables import guilds
from agent.errors import ConfigurationError, StoreBusyError, StoreError
from tests.agent.database.rows import guilds_in, put_guild
from tests.servers.pooler import open_pooler
from tests.servers.postgres import PostgresServer


@pytest.fixture
async def pooled_url(postgres_server: PostgresServer, postgres_url: str) -> AsyncIterator[str]:
    async with open_pooler(postgres_server.port, postgres_url.rpartition("/")[2]) as port:
        yield postgres_url.replace(str(postgres_server.port), str(port))


@pytest.fixture
async def database(pooled_url: str) -> AsyncIterator[Database]:
    database = await open_database(f"{pooled_url}?pgbouncer=true", busy_seconds=0.5)
    yield database
    await database.close()


async def test_many_tasks_share_few_connections(database: Database) -> None:
    names = {str(number) for number in range(60)}
    await asyncio.gather(*(put_guild(database, name) for name in names))
    assert await asyncio.gather(*(guilds_in(database) for _ in range(20))) == [names] * 20
    assert "pgbouncer" not in database.name


async def test_a_write_waits_for_a_lock_no_longer_than_it_may(database: Database, pooled_url: str) -> None:
    other = await open_database(f"{pooled_url}?pgbouncer=true")
    async with other.write() as connection:
        await connection.execute(text("LOCK TABLE guilds"))
        with pytest.raises(StoreBusyError, match="Another process is writing"):
            await put_guild(database, "one")
    await put_guild(database, "two")
    await other.close()


async def test_a_transaction_stays_on_its_connection(database: Database) -> None:
    async with database.write() as connection:
        first = await connection.scalar(text("SELECT pg_backend_pid()"))
        await connection.execute(insert(guilds).values(id="one", revision=0))
        assert await guilds_in(database) == set()
        assert await connection.scalar(text("SELECT pg_backend_pid()")) == first


async def test_without_the_option_it_is_named(pooled_url: str) -> None:
    with pytest.raises(StoreError, match="is behind a pooler") as refused:
        await open_database(pooled_url)
    assert "?pgbouncer=true" in refused.value.hint
    assert not refused.value.transient


async def test_the_option_is_yes_or_no(pooled_url: str) -> None:
    with pytest.raises(ConfigurationError, match="pgbouncer=perhaps") as refused:
        await open_database(f"{pooled_url}?pgbouncer=perhaps")
    assert "true" in refused.value.hint


async def test_erasing_needs_no_session(database: Database) -> None:
    await put_guild(database, "one")
    await database.erase_deleted()
    assert await guilds_in(database) == {"one"}
