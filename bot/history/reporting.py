"""How far a sync is, in words and in the message that shows it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import discord

from agent.language.counts import Count
from bot.history.syncing import Progress
from bot.lasting import LastingMessage
from bot.pacing import Pacing
from bot.rendering import neutralise
from bot.texts.sync import SyncTexts


class Report:
    """Of one sync."""

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
        self._message = LastingMessage(pacing, message, view=view, moved=moved)
        self._channel = f"<#{channel}>"
        self._texts = texts

    def show(self, progress: Progress) -> None:
        """Show it soon, unless something newer is shown first."""
        self._message.show(said(progress, self._channel, self._texts), soon=bool(progress.paused))

    def wait(self) -> None:
        self._message.show(self._texts.waiting.format(channel=self._channel), soon=True)

    async def finish(self, text: str) -> None:
        """The last word, without the button."""
        await self._message.finish(text)


def said(progress: Progress, channel: str, texts: SyncTexts) -> str:
    """A run that goes on, in words."""
    text = texts.paused if progress.paused else texts.running
    return text.format(
        channel=channel,
        read=Count(progress.read),
        made=Count(progress.made),
        message=neutralise(progress.paused),
    )


def told(progress: Progress, channel: str, texts: SyncTexts) -> str:
    """A run that is done, in words."""
    done = texts.done.format(channel=channel, read=Count(progress.read), made=Count(progress.made))
    left = texts.skipped.format(count=Count(progress.skipped)) if progress.skipped else ""
    return f"{done} {left}".strip()
