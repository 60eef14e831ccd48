"""A message that shows for hours how far something is.

The token of a command lives for fifteen minutes, what is shown here lives longer; so it is a message of the
bot's own, seen by everybody in the channel. Discord limits the edits of messages that are older than an hour:
before that, another message takes its place.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Final

import aiohttp
import discord

from bot.pacing import Pacing

_log = logging.getLogger(__name__)

_EVERY_SECONDS: Final = 3.0
_OLD: Final = timedelta(minutes=50)


class LastingMessage:
    """Nothing is raised when it cannot be shown: what it tells of matters more."""

    def __init__(
        self,
        pacing: Pacing,
        message: discord.PartialMessage | discord.Message | None,
        *,
        view: Callable[[], discord.ui.View],
        moved: Callable[[int], Awaitable[None]],
    ) -> None:
        """`view` is under it until the end; `moved` hears of another message that took this one's place."""
        self._message = message
        self._view = view
        self._moved = moved
        self._shown = float("-inf")
        self._stream = pacing.stream(message.channel.id, self._edit) if message else None

    def show(self, text: str, *, soon: bool = False) -> None:
        """Show it when it is this message's turn, unless something newer is shown first. What does not have
        to be seen `soon` is dropped where the last text is only seconds old.
        """
        now = time.monotonic()
        if self._stream is not None and (soon or now - self._shown >= _EVERY_SECONDS):
            self._shown = now
            self._stream.show(text)

    async def finish(self, text: str) -> None:
        """The last word, without what is under it."""
        if self._stream is not None:
            await self._stream.finish(lambda: self._send(text, None))

    async def _edit(self, text: str) -> float:
        await self._send(text, self._view())
        return 0.0

    async def _send(self, text: str, view: discord.ui.View | None) -> None:
        assert self._message is not None
        try:
            if discord.utils.utcnow() - self._message.created_at > _OLD:
                await self._replace(self._message, text, view)
            else:
                await self._message.edit(content=text, view=view)
        except (discord.HTTPException, aiohttp.ClientError, OSError) as error:
            _log.info("the progress of something cannot be shown: %s", error)

    async def _replace(
        self, old: discord.PartialMessage | discord.Message, text: str, view: discord.ui.View | None
    ) -> None:
        self._message = await (old.channel.send(text, view=view) if view else old.channel.send(text))
        await self._moved(self._message.id)
        await old.delete()
