"""What the loopback's own tests share: a plain discord.py client that notes what it hears."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import discord
import pytest_asyncio
from discord import app_commands

from tests.discord.events import Events
from tests.discord.fixtures import running
from tests.discord.loopback import Loopback
from tests.discord.waiting import PATIENCE


class _Hearing(discord.Client):
    """Notes every event before the client handles it."""

    def __init__(self, intents: discord.Intents | None = None) -> None:
        super().__init__(
            intents=intents or _useful_intents(),
            guild_ready_timeout=0.02,
            allowed_mentions=discord.AllowedMentions.none(),
        )
        self.heard: dict[str, list[Any]] = {}
        self._changes = Events()

    def dispatch(self, event: str, /, *args: object, **kwargs: object) -> None:
        self.heard.setdefault(event, []).append(args[0] if args else None)
        self._changes.touch()
        super().dispatch(event, *args, **kwargs)

    async def hears(self, event: str, count: int = 1) -> Any:
        """The latest event of that name, once there were so many."""
        await self._changes.until(lambda: len(self.heard.get(event, [])) >= count, PATIENCE, event)
        return self.heard[event][-1]

    def contents(self) -> list[str]:
        """Of every message it was told about, its own too."""
        return [message.content for message in self.heard.get("message", [])]


class Recorder(_Hearing):
    def __init__(self, intents: discord.Intents | None = None) -> None:
        super().__init__(intents)
        self.tree = app_commands.CommandTree(self)


class ShardedRecorder(_Hearing, discord.AutoShardedClient):
    """The same with as many shards as the server recommends."""


def _useful_intents() -> discord.Intents:
    intents = discord.Intents.default()
    intents.message_content = True
    return intents


@pytest_asyncio.fixture
async def client(pointed: Loopback) -> AsyncIterator[Recorder]:
    """A ready client with the least intents that a knowledge bot needs."""
    recorder = Recorder()
    async with running(recorder, pointed):
        yield recorder
