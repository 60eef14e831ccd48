"""The proxy that plays faults, before a server that says everything twice."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest

from tests.servers.proxy import Mode, Proxy, open_proxy


async def _echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionResetError):
        while line := await reader.readline():
            writer.write(line + line)
    writer.close()


@pytest.fixture
async def proxy() -> AsyncIterator[Proxy]:
    async with (
        await asyncio.start_server(_echo, "127.0.0.1", 0) as server,
        open_proxy(*server.sockets[0].getsockname()) as proxy,
    ):
        yield proxy


class _Client:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def ask(self, line: bytes, seconds: float = 5.0) -> bytes:
        self._writer.write(line + b"\n")
        async with asyncio.timeout(seconds):
            return (await self._reader.readline()).rstrip() + (await self._reader.readline()).rstrip()

    def close(self) -> None:
        self._writer.close()


@pytest.fixture
async def client(proxy: Proxy) -> AsyncIterator[_Client]:
    client = await _connect(proxy)
    yield client
    client.close()


async def _connect(proxy: Proxy) -> _Client:
    return _Client(*await asyncio.open_connection("127.0.0.1", proxy.port))


async def test_it_carries_both_ways_on_several_connections(proxy: Proxy, client: _Client) -> None:
    other = await _connect(proxy)
    assert await asyncio.gather(client.ask(b"one"), other.ask(b"two")) == [b"oneone", b"twotwo"]
    assert proxy.connections == 2
    other.close()


async def test_it_delays_what_the_server_says(proxy: Proxy, client: _Client) -> None:
    proxy.delay = 0.2
    began = time.monotonic()
    assert await client.ask(b"one") == b"oneone"
    assert time.monotonic() - began >= 0.2


async def test_silent_it_answers_neither_open_nor_new_connections_until_it_passes_again(
    proxy: Proxy, client: _Client
) -> None:
    proxy.mode = "silent"
    new = await _connect(proxy)
    for each in (client, new):
        with pytest.raises(TimeoutError):
            await each.ask(b"one", seconds=0.1)
    proxy.mode = "pass"
    assert await client.ask(b"two") == b"oneone"
    new.close()


async def test_refusing_it_resets_new_connections_only(proxy: Proxy, client: _Client) -> None:
    assert await client.ask(b"one") == b"oneone"
    proxy.mode = "refuse"
    with pytest.raises(ConnectionResetError):
        await (await _connect(proxy)).ask(b"one")
    assert await client.ask(b"two") == b"twotwo"


@pytest.mark.parametrize("mode", ["pass", "silent"])
async def test_a_cut_resets_what_is_open_and_new_connections_work(
    proxy: Proxy, client: _Client, mode: Mode
) -> None:
    assert await client.ask(b"one") == b"oneone"
    proxy.mode = mode
    waiting = asyncio.create_task(client.ask(b"two"))
    await proxy.cut()
    with pytest.raises(ConnectionResetError):
        await waiting
    assert proxy.connections == 0
    proxy.mode = "pass"
    assert await (await _connect(proxy)).ask(b"three") == b"threethree"


async def test_before_a_server_that_is_away_it_resets() -> None:
    async with open_proxy("127.0.0.1", 1) as proxy:
        with pytest.raises(ConnectionResetError):
            await (await _connect(proxy)).ask(b"one")


async def test_closing_it_ends_every_connection() -> None:
    async with await asyncio.start_server(_echo, "127.0.0.1", 0) as server:
        async with open_proxy(*server.sockets[0].getsockname()) as proxy:
            client = await _connect(proxy)
            proxy.mode = "silent"
            waiting = asyncio.create_task(client.ask(b"one"))
            await asyncio.sleep(0.05)
        with pytest.raises(ConnectionResetError):
            await waiting
