"""Those who have asked and see nothing yet: their placeholders come before the work for anybody's answer.

That work keeps the process busy for tens of milliseconds an answer. Of ten who ask at the same moment the
fifth saw something after 53 ms and the model was asked after 225 ms; with this after 19 and 200 ms
(`python -m benchmarks.discord_latency`, 2026-11-23, 2 cores).
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

LONGEST_SECONDS: Final = 0.1
"""An answer waits no longer for the placeholders of others: Discord may be slow to show one, and where the
next question always comes before the last is seen, nobody would ever be answered.
"""


class Arrivals:
    """One for the process."""

    def __init__(self) -> None:
        self._unseen = 0
        self._all_seen = asyncio.Event()
        self._all_seen.set()

    @contextmanager
    def one(self) -> Iterator[None]:
        """Somebody is about to see a placeholder, until the block is left."""
        self._unseen += 1
        self._all_seen.clear()
        try:
            yield
        finally:
            self._unseen -= 1
            if not self._unseen:
                self._all_seen.set()

    async def wait(self) -> None:
        """Return when all who asked see something, after `LONGEST_SECONDS` in any case."""
        waiting = asyncio.ensure_future(self._all_seen.wait())
        try:
            await asyncio.wait({waiting}, timeout=LONGEST_SECONDS)
        finally:
            waiting.cancel()
