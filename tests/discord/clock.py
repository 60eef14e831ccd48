"""Two readings of time: the date, which always runs, and the deadlines, which a test moves by hand.

An interaction must be acknowledged within 3 seconds and its token dies after 15 minutes. Measured on the wall
clock, the first would make tests fail on a slow machine and the second would take 15 minutes. So deadlines
are measured on a clock that stands still until `advance`; for a person who tries the bot it runs.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta


class Clock:
    """`running` says whether deadlines pass by themselves."""

    def __init__(self, *, running: bool = False) -> None:
        self._running = running
        self._advanced = 0.0
        self._date: datetime | None = None

    def advance(self, seconds: float) -> None:
        """Let time pass, for the date as for deadlines; negative to create something in the past."""
        self._advanced += seconds

    @contextmanager
    def standing_at(self, date: datetime) -> Iterator[None]:
        """The date stands still meanwhile: what is made then has the same ids each time."""
        self._date = date
        try:
            yield
        finally:
            self._date = None

    def now(self) -> datetime:
        return self._date or datetime.now(UTC) + timedelta(seconds=self._advanced)

    def deadline_time(self) -> float:
        """Seconds on the clock of deadlines; only differences mean something."""
        return self._advanced + (time.monotonic() if self._running else 0.0)
