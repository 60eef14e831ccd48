"""Waiting for what the bot does, without polling and without guessing how long it takes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final, TypeVar

from tests.discord.interactions import Interaction
from tests.discord.model import Channel, Message
from tests.discord.world import World

_T = TypeVar("_T")
PATIENCE: Final = 10.0
"""Seconds until a wait fails; nothing waits so long when all is well."""
_QUIET: Final = 0.3


class Waiting:
    """Each method waits for the thing itself, and its TimeoutError says what never came."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def until(
        self, found: Callable[[], _T | None], within: float = PATIENCE, what: str = "a condition"
    ) -> _T:
        return await self._world.events.until(found, within, what)

    async def reply_to(self, message: Message, within: float = PATIENCE) -> Message:
        """The bot's first reply to this message."""
        return (await self.replies_to(message, 1, within))[0]

    async def replies_to(self, message: Message, count: int, within: float = PATIENCE) -> list[Message]:
        """The bot's first replies to this message, oldest first, once there are so many."""

        def found() -> list[Message] | None:
            replies = self.present_replies(message)
            return replies if len(replies) >= count else None

        return await self.until(found, within, f"{count} replies to {message.content[:60]!r}")

    def present_replies(self, message: Message) -> list[Message]:
        """What the bot has replied until now."""
        later = message.channel.messages.page(100, after=message.id)
        return [
            said
            for said in reversed(later)
            if said.author is self._world.bot and said.reference and said.reference.message_id == message.id
        ]

    async def next_in(
        self, channel: Channel, after: Message | None = None, within: float = PATIENCE
    ) -> Message:
        """The bot's first message in a channel, reply or not, after one that is there."""

        def found() -> Message | None:
            later = channel.messages.page(100, after=after.id if after else 0)
            return next((said for said in reversed(later) if said.author is self._world.bot), None)

        return await self.until(found, within, f"a message in #{channel.name or 'direct messages'}")

    async def settled(self, message: Message, quiet: float = _QUIET, within: float = PATIENCE) -> Message:
        """The message once nobody changed it for `quiet` seconds: a streamed answer that has ended."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + within
        seen, since = len(message.versions), loop.time()
        while (rest := since + quiet - loop.time()) > 0:
            if loop.time() > deadline:
                raise TimeoutError(f"still changing after {within:g} s: {message.content[:60]!r}")
            await self._pause(rest)
            if len(message.versions) != seen:
                seen, since = len(message.versions), loop.time()
        return message

    async def _pause(self, seconds: float) -> None:
        try:
            await self._world.events.wait(seconds)
        except TimeoutError:
            return

    async def silence(self, channel: Channel, seconds: float = _QUIET) -> None:
        """Nothing from the bot in this channel for so long; AssertionError shows what came."""
        before = channel.messages.last()
        try:
            unexpected = await self.next_in(channel, after=before, within=seconds)
        except TimeoutError:
            return
        raise AssertionError(f"the bot said {unexpected.content[:200]!r}")

    async def answered(self, interaction: Interaction, within: float = PATIENCE) -> Message:
        """The first answer to an interaction that is no longer "thinking"."""

        def found() -> Message | None:
            messages = [message for message in interaction.messages() if not message.is_thinking]
            return messages[0] if messages else None

        return await self.until(found, within, f"an answer to {interaction.name!r}")

    async def acknowledged(self, interaction: Interaction, within: float = PATIENCE) -> Interaction:
        await self.until(
            lambda: interaction.answer is not None, within, f"acknowledgement of {interaction.name!r}"
        )
        return interaction
