"""What a cog does for one guild after the other, again and again.

A guild belongs to one shard, so of several processes exactly one visits it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TYPE_CHECKING

import discord
from discord.ext import tasks

from agent.errors import LorekeeperError

if TYPE_CHECKING:
    from bot.client import Lorekeeper

_log = logging.getLogger(__name__)


class Rounds:
    """Visits every guild that this process serves, in the background."""

    def __init__(
        self,
        bot: Lorekeeper,
        visit: Callable[[discord.Guild], Awaitable[object]],
        *,
        what: str,
        every: timedelta,
        first: timedelta,
    ) -> None:
        """`what` names in the log what is done; `first` is how long after the start that is."""
        self._bot = bot
        self._visit = visit
        self._what = what
        self._first = first
        self._loop = tasks.loop(seconds=every.total_seconds())(self.once)
        self._loop.before_loop(self._later)

    def start(self) -> None:
        self._loop.start()

    def stop(self) -> None:
        self._loop.cancel()

    async def once(self) -> None:
        """Visit every guild now. What fails in one is no matter of the others."""
        for guild in self._bot.guilds:
            try:
                await self._visit(guild)
            except (LorekeeperError, discord.HTTPException) as error:
                _log.warning("%s of guild %s were not looked for: %s", self._what, guild.id, error)

    async def _later(self) -> None:
        """Whoever starts the bot wants answers first."""
        await self._bot.wait_until_ready()
        await asyncio.sleep(self._first.total_seconds())
