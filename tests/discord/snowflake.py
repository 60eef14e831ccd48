"""Discord's ids: the milliseconds since 2015 above 22 bits, so that an id tells when and ids sort by time."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from tests.discord.clock import Clock

EPOCH_MS: Final = 1_420_070_400_000
_SET_BACK_MS: Final = 10_000
"""An id that would lie further behind the last one was meant to: the clock was set back."""


class Snowflakes:
    """Gives each id once, above the last one unless the clock was set back."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._last = 0

    def next(self) -> int:
        fresh = snowflake_at(self._clock.now())
        behind_ms = (self._last - fresh) >> 22
        self._last = self._last + 1 if 0 <= behind_ms < _SET_BACK_MS else fresh
        return self._last

    def next_apart(self) -> int:
        """An id of a millisecond of its own: a guild's shard is chosen by the bits of its time."""
        self._last = ((self.next() >> 22) + 1) << 22
        return self._last


def snowflake_at(moment: datetime) -> int:
    """The smallest id of that moment, to compare with."""
    return (int(moment.timestamp() * 1000) - EPOCH_MS) << 22
