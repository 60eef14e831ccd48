"""PostgreSQL behind a proxy that cuts: what is stored then, and who is told what."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import func, insert, select

from agent.database.engine import Database, open_database
from agent.database.tables import guilds
from agent.errors import StoreBusyError
from tests.agent.database.rows import guilds_in, put_guild
from tests.servers.postgres import PostgresServer
from tests.servers.proxy import Proxy, open_proxy


@pytest.fixture
async def proxy(postgres_server: PostgresServer) -> AsyncIterator[Proxy]:
    async with open_proxy("127.0.0.1", postgres_server.port) as proxy:
        yield proxy


@pytest.fixture
async def database(
    postgres_server: PostgresServer, postgres_url: str, proxy: Proxy
) -> AsyncIterator[Database]:
    address = postgres_url.replace(str(postgres_server.port), str(proxy.port))
    database = await open_database(address, busy_seconds=1)
    yield database
    await database.close()


async def test_connections_that_were_cut_while_idle_are_replaced_unnoticed(
    database: Database, proxy: Proxy
) -> None:
    await asyncio.gather(*(put_guild(database, f"{number}") for number in range(5)))
    await proxy.cut()
    await asyncio.gather(*(put_guild(database, f"after {number}") for number in range(5)))
    assert len(await guilds_in(database)) == 10


async def test_a_write_that_is_cut_before_its_end_leaves_nothing(database: Database, proxy: Proxy) -> None:
    async def put_over_a_cut() -> None:
        async with database.write() as connection:
            await connection.execute(insert(guilds).values(id="one", revision=0))
            await proxy.cut()
            await connection.execute(insert(guilds).values(id="two", revision=0))

    with pytest.raises(StoreBusyError, match=r"connection .* was lost|cannot be reached") as lost:
        await put_over_a_cut()

    assert "whole" not in str(lost.value)
    assert await guilds_in(database) == set()


async def test_a_write_whose_answer_is_cut_says_that_nobody_knows_and_is_stored_once(
    database: Database, proxy: Proxy
) -> None:
    async def put_and_lose_the_answer() -> None:
        async with database.write() as connection:
            await connection.execute(database.upsert(guilds), {"id": "one", "revision": 0})
            proxy.delay = 1.0  # PostgreSQL has committed long before its answer leaves
            asyncio.get_running_loop().call_later(0.3, lambda: asyncio.ensure_future(proxy.cut()))

    with pytest.raises(StoreBusyError, match="is there whole, or not at all") as lost:
        await put_and_lose_the_answer()
    proxy.delay = 0.0

    assert "does no harm" in lost.value.hint
    async with database.write() as connection:
        await connection.execute(database.upsert(guilds), {"id": "one", "revision": 0})
    async with database.read() as connection:
        assert await connection.scalar(select(func.count()).select_from(guilds)) == 1


async def test_a_server_that_falls_silent_within_a_write_is_given_up(
    database: Database, proxy: Proxy
) -> None:
    async def put_in_silence() -> None:
        async with database.write() as connection:
            await connection.execute(insert(guilds).values(id="one", revision=0))
            proxy.mode = "silent"
            await connection.execute(insert(guilds).values(id="two", revision=0))

    with pytest.raises(StoreBusyError, match="it does not answer"):
        await asyncio.wait_for(put_in_silence(), 10)
    proxy.mode = "pass"
    assert await guilds_in(database) == set()


async def test_a_slow_server_is_only_slow(database: Database, proxy: Proxy) -> None:
    proxy.delay = 0.2
    await put_guild(database, "one")
    assert await guilds_in(database) == {"one"}
