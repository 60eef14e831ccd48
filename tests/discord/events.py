"""What happens on the loopback Discord, for those who watch: the gateway, the page, and tests that wait."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from tests.discord.model import Channel, Guild, Json, Message

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """A gateway event before anyone decided who may receive it.

    `message` is given when the event carries one, whose content an intent may blank.
    """

    name: str
    data: Json
    guild: Guild | None = None
    channel: Channel | None = None
    message: Message | None = None


class Events:
    """Tells listeners at once, and wakes those who wait for a condition."""

    def __init__(self) -> None:
        self._listeners: list[Callable[[Event], None]] = []
        self._changed = asyncio.Event()

    def listen(self, listener: Callable[[Event], None]) -> None:
        self._listeners.append(listener)

    def emit(self, event: Event) -> None:
        for listener in tuple(self._listeners):
            listener(event)
        self.touch()

    def touch(self) -> None:
        """Something changed that is no gateway event: an acknowledgement, an ephemeral answer, a request."""
        self._changed.set()
        self._changed = asyncio.Event()

    def next_change(self) -> asyncio.Event:
        """Set at the next change; taken before looking, so that nothing is missed between."""
        return self._changed

    async def wait(self, within: float) -> None:
        """Until the next change; TimeoutError after so many seconds without one."""
        await asyncio.wait_for(self._changed.wait(), within)

    async def until(self, found: Callable[[], _T | None], within: float, what: str) -> _T:
        """The first thing found that is neither None nor False; TimeoutError names what never came."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + within
        while not (value := found()):
            try:
                await self.wait(deadline - loop.time())
            except TimeoutError:
                raise TimeoutError(f"waited {within:g} s for {what}") from None
        return value
