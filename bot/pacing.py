"""Streaming edits that respect a channel's rate limit: of every message only the newest text is sent.

Discord counts all edits of one channel together, so all answers that stream in it share one pace: at most
one edit is on its way, and the next starts an interval later, for the message that has waited longest. A
message that was just posted is left alone for an interval too: most answers are whole by then, and what would
be shown in between costs calls that others need. A final text is never dropped and never waits for the
interval. Nobody who produces text ever waits here before `finish`. Knows nothing of discord.py.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Hashable
from typing import Final, TypeAlias

INTERVAL: Final = 1.1
"""Seconds between edits in a channel: five in five seconds is what Discord was seen to allow."""

Edit: TypeAlias = Callable[[str], Awaitable[float]]
"""Sends a text, and returns for how many seconds Discord asked to be left alone, mostly 0. Does not raise."""


class Pacing:
    """The paces of all channels; one for the process."""

    def __init__(
        self,
        interval: float = INTERVAL,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._interval = interval
        self._clock = clock
        self._sleep = sleep
        self._channels: dict[Hashable, _Channel] = {}

    def stream(self, channel: Hashable, edit: Edit, *, posted: bool = False) -> Stream:
        """Begin the edits of one message in `channel`, which was just `posted` or stood there before."""
        if channel not in self._channels:
            self._channels = {key: pace for key, pace in self._channels.items() if not pace.idle}
            self._channels[channel] = _Channel(self._interval, self._clock, self._sleep)
        return Stream(self._channels[channel], edit, self._clock() + (self._interval if posted else 0.0))


class Stream:
    """The texts of one message."""

    def __init__(self, channel: _Channel, edit: Edit, ready_at: float) -> None:
        self.ready_at = ready_at
        """Not edited before."""
        self._channel = channel
        self._edit = edit
        self._pending: str | None = None
        self._sent = ""
        self._finished = False
        channel.opened()

    def show(self, text: str) -> None:
        """Show this text when it is this message's turn, unless a newer one comes before."""
        if self._finished:
            return
        self._pending = None if text == self._sent else text
        if self._pending is not None:
            self._channel.wants(self)

    async def finish(self, last: Callable[[], Awaitable[None]] | None = None) -> None:
        """Drop what is pending, let an edit that is on its way arrive, and run `last` before any other edit
        of the channel. What `last` raises is raised here. A second call does nothing.
        """
        if self._finished:
            return
        self._finished = True
        self._pending = None
        try:
            if last is not None:
                await self._channel.now(last)
        finally:
            self._channel.closed(self)

    async def send_pending(self) -> float:
        """Send the newest text; called by the channel's pace."""
        text, self._pending = self._pending, None
        if text is None:
            return 0.0
        self._sent = text
        return await self._edit(text)


class _Channel:
    """The pace of one channel."""

    def __init__(
        self, interval: float, clock: Callable[[], float], sleep: Callable[[float], Awaitable[None]]
    ) -> None:
        self._interval = interval
        self._clock = clock
        self._sleep = sleep
        self._open = 0
        self._free_at = 0.0
        self._one_at_a_time = asyncio.Lock()
        self._waiting: deque[Stream] = deque()
        self._worker: asyncio.Task[None] | None = None

    @property
    def idle(self) -> bool:
        """Nothing streams here, and nothing would have to wait."""
        return not self._open and self._free_at <= self._clock()

    def opened(self) -> None:
        self._open += 1

    def closed(self, stream: Stream) -> None:
        self._open -= 1
        if stream in self._waiting:
            self._waiting.remove(stream)

    def wants(self, stream: Stream) -> None:
        if stream not in self._waiting:
            self._waiting.append(stream)
        if self._worker is None or self._worker.done():
            self._worker = asyncio.create_task(self._work())

    async def now(self, last: Callable[[], Awaitable[None]]) -> None:
        async with self._one_at_a_time:
            self._count_one()
            await last()

    async def _work(self) -> None:
        while self._waiting:
            pause = max(self._free_at, min(stream.ready_at for stream in self._waiting)) - self._clock()
            if pause > 0:
                await self._sleep(pause)
                continue  # a final edit may have taken the turn meanwhile
            async with self._one_at_a_time:
                if (stream := self._next()) is not None:
                    self._waiting.remove(stream)
                    self._count_one()
                    asked = await stream.send_pending()
                    self._free_at = max(self._free_at, self._clock() + asked)

    def _next(self) -> Stream | None:
        """The one that has waited longest of those that may be edited now."""
        now = self._clock()
        return next((stream for stream in self._waiting if stream.ready_at <= now), None)

    def _count_one(self) -> None:
        self._free_at = max(self._free_at, self._clock()) + self._interval
