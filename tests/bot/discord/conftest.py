"""The real bot, connected over a socket to the loopback Discord, with the household sample behind it.

The guild `Household` shares the terminal's knowledge, which is the sample; a second guild has its own. The
installation is the session's, so every test here runs on the session's event loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any

import pytest
import pytest_asyncio

from agent.contracts import LOCAL_GUILD
from agent.database import tables
from agent.runtime import Installation
from bot.client import Lorekeeper
from bot.cogs.catching_up import CatchingUp
from tests.bot.discord.syncs import Synced
from tests.discord.fixtures import point_here, running
from tests.discord.loopback import Loopback
from tests.discord.model import Message

_FASTER = 0.05
_PATIENCE = 90.0
_OWN_TABLES = (
    tables.bot_guilds,
    tables.bot_questions,
    tables.bot_answers,
    tables.bot_entries,
    tables.bot_homes,
    tables.bot_syncs,
    tables.bot_places,
    tables.bot_conversations,
    tables.bot_messages,
)


class Stage:
    """The loopback Discord and the bot in it; the bot can be stopped and started again."""

    def __init__(self, loopback: Loopback, installation: Installation) -> None:
        self.loopback = loopback
        self.installation = installation
        self._running = AsyncExitStack()
        self._bot: Lorekeeper | None = None

    @property
    def bot(self) -> Lorekeeper:
        assert self._bot is not None
        return self._bot

    async def start(self, **options: Any) -> Lorekeeper:
        self._bot = Lorekeeper(self.installation, guild_ready_timeout=0.05, **options)
        await self._running.enter_async_context(running(self._bot, self.loopback))
        return self._bot

    async def stop(self) -> None:
        await self._running.aclose()
        self._running = AsyncExitStack()

    async def answer_to(self, message: Message) -> Message:
        """The bot's reply once it is final: its buttons are there."""
        reply = await self.loopback.wait.reply_to(message)
        await self.final(reply)
        return reply

    async def final(self, reply: Message) -> Message:
        await self.loopback.wait.until(lambda: reply.components or None, what="the buttons of an answer")
        return reply

    async def idle(self) -> None:
        """Until no question is being answered."""
        await self.until(lambda: not self.bot.desk.running)

    async def looked_at(self, last: Message) -> None:
        """Until everything up to `last` was decided on, and none of it is being answered."""
        cog = self.bot.get_cog("CatchingUp")
        assert isinstance(cog, CatchingUp)
        assert last.channel.guild is not None
        place = last.channel.guild.id
        await self.until(lambda: cog._seen.get(place, 0) >= last.id)
        await self.idle()

    async def caught_up(self) -> None:
        """Until what an absence missed is answered, as far as it is."""
        cog = self.bot.get_cog("CatchingUp")
        assert isinstance(cog, CatchingUp)
        await self.until(lambda: not cog._catching_up.locked())
        await self.idle()

    async def until(self, condition: Callable[[], bool | Awaitable[bool]]) -> None:
        """Until something holds that the loopback Discord does not see."""
        async with asyncio.timeout(_PATIENCE):
            while True:
                held = condition()
                if held if isinstance(held, bool) else await held:
                    return
                await asyncio.sleep(0.01)


@pytest_asyncio.fixture(loop_scope="session")
async def stage(household: Installation, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stage]:
    """A loopback Discord with the bot in it, ready. Fails the test on an unknown route and on any ping."""
    async with Loopback() as loopback:
        loopback.limits.scaled(_FASTER)
        point_here(loopback.server, monkeypatch)
        changes = {
            "discord_local_guild": loopback.guild.id,
            "discord_edit_seconds": 0.05,
            "discord_stop_seconds": 5.0,
        }
        settings = household.settings.model_copy(update=changes)
        await _forget_the_last_test(household)
        stage = Stage(loopback, replace(household, settings=settings))
        await stage.start()
        try:
            yield stage
        finally:
            await stage.stop()
    loopback.check()


@pytest_asyncio.fixture(loop_scope="session")
async def synced(stage: Stage) -> AsyncIterator[Synced]:
    """The same for the history of channels; what it made knowledge of is removed again."""
    synced = Synced(stage)
    yield synced
    await stage.stop()
    await synced.clear()


async def _forget_the_last_test(installation: Installation) -> None:
    async with installation.stores.database.write() as connection:
        for table in _OWN_TABLES:
            await connection.execute(table.delete().where(table.c.guild == LOCAL_GUILD))
        await connection.execute(tables.bot_seen.delete())
