"""The loopback Discord for tests of every folder, and a way to run any discord.py client against it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import discord
import pytest
import pytest_asyncio
import yarl

from tests.discord.loopback import Loopback
from tests.discord.server import Server
from tests.discord.waiting import PATIENCE

_FASTER = 0.05
"""Rate-limit windows in tests: the counts are Discord's, the waits are not."""


@pytest_asyncio.fixture
async def discord_world() -> AsyncIterator[Loopback]:
    """A served loopback Discord with one guild. Fails the test on an unknown route and on any ping."""
    async with Loopback() as loopback:
        loopback.limits.scaled(_FASTER)
        yield loopback
    loopback.check()


@pytest.fixture
def pointed(discord_world: Loopback, monkeypatch: pytest.MonkeyPatch) -> Loopback:
    """The same, with discord.py of this process pointed at it."""
    point_here(discord_world.server, monkeypatch)
    return discord_world


def point_here(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """discord.py has no setting for it: its addresses are attributes of classes."""
    monkeypatch.setattr(discord.http.Route, "BASE", server.base_url)
    monkeypatch.setattr(discord.gateway.DiscordWebSocket, "DEFAULT_GATEWAY", yarl.URL(server.gateway_url))
    monkeypatch.setattr(discord.asset.Asset, "BASE", server.cdn_url)


@asynccontextmanager
async def running(client: discord.Client, loopback: Loopback) -> AsyncIterator[None]:
    """The client, ready; closed at the end. What ends it early is raised here."""
    task = asyncio.create_task(client.start(loopback.world.application.token))
    ready = asyncio.create_task(_ready(client))
    try:
        await asyncio.wait({task, ready}, timeout=PATIENCE, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            task.result()
        assert ready.done(), "the client never became ready"
        yield
    finally:
        ready.cancel()
        await client.close()
        await asyncio.gather(task, return_exceptions=True)


async def _ready(client: discord.Client) -> None:
    """`wait_until_ready` may be called only after login, which nothing announces."""
    while client.application is None:  # noqa: ASYNC110
        await asyncio.sleep(0.001)
    await client.wait_until_ready()
