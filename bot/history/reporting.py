"""The message that shows how far a sync is.

The token of a command lives for fifteen minutes, a sync for hours; so the answer to the command is seen by
everybody in the channel, and edited as what it is, a message of the bot's own. Discord limits the edits of
messages that are older than an hour: before that, another message takes its place.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Final

import aiohttp
import discord

from bot.history.syncing import Progress
from bot.pacing import Pacing
from bot.rendering import neutralise
from bot.texts.sync import SyncTexts

_log = logging.getLogger(__name__)

_EVERY_SECONDS: Final = 3.0
_OLD: Final = timedelta(minutes=50)


class Report:
    """Of one sync. Nothing is raised when it cannot be shown: the sync matters more."""

    def __init__(
        self,
        pacing: Pacing,
        message: discord.PartialMessage | None,
        channel: int,
        texts: SyncTexts,
        *,
        view: Callable[[], discord.ui.View],
        moved: Callable[[int], Awaitable[None]],
    ) -> None:
        """`channel` is what is read; `moved` hears of another message that took this one's place."""
        self._message: discord.PartialMessage | discord.Message | None = message
        self._channel = f"<#{channel}>"
        self._texts = texts
        self._view = view
        self._moved = moved
        self._shown = 0.0
        self._stream = pacing.stream(message.channel.id, self._edit) if message else None

    def show(self, progress: Progress) -> None:
        """Show it soon, unless something newer is shown first."""
        now = time.monotonic()
        if self._stream is not None and (progress.paused or now - self._shown >= _EVERY_SECONDS):
            self._shown = now
            self._stream.show(said(progress, self._channel, self._texts))

    def wait(self) -> None:
        if self._stream is not None:
            self._stream.show(self._texts.waiting.format(channel=self._channel))

    async def finish(self, text: str) -> None:
        """The last word, without the button."""
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
            _log.info("the progress of a sync cannot be shown: %s", error)

    async def _replace(
        self, old: discord.PartialMessage | discord.Message, text: str, view: discord.ui.View | None
    ) -> None:
        self._message = await (old.channel.send(text, view=view) if view else old.channel.send(text))
        await self._moved(self._message.id)
        await old.delete()


def said(progress: Progress, channel: str, texts: SyncTexts) -> str:
    """A run that goes on, in words."""
    text = texts.paused if progress.paused else texts.running
    return text.format(
        channel=channel, read=progress.read, made=progress.made, message=neutralise(progress.paused)
    )


def told(progress: Progress, channel: str, texts: SyncTexts) -> str:
    """A run that is done, in words."""
    done = texts.done.format(channel=channel, read=progress.read, made=progress.made)
    left = texts.skipped.format(count=progress.skipped) if progress.skipped else ""
    return f"{done} {left}".strip()
