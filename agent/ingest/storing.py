"""Sources on their way into the store while the next ones are read and embedded.

Reading, choosing a category and embedding stay in the order in which the sources were named: what one of them
brings, such as a new category, holds for the next. Only the last step, which waits for servers, overlaps.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Final

from agent.errors import LorekeeperError, ModelError, StoreError
from agent.ingest.keeping import STORED_AT_ONCE
from agent.ingest.report import IngestReport, TargetReport, failed
from agent.observing.metrics import Where, count_error

_LAST_SECONDS: Final = 5.0
"""For what is on its way when the run is cancelled: it is embedded already, and storing it takes a moment."""


class Storing:
    """What became of the targets of one run. On leaving it nothing is on its way any longer."""

    def __init__(self, ended: Callable[[TargetReport], None]) -> None:
        """`ended` hears of each target as it ends."""
        self._ended = ended
        self._room = asyncio.Semaphore(STORED_AT_ONCE)
        self._tasks: set[asyncio.Task[None]] = set()
        self._reports: list[TargetReport | None] = []
        """In the order in which they were named; None while on the way."""
        self._error: LorekeeperError | None = None

    async def __aenter__(self) -> Storing:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._tasks:
            return
        ended, late = await asyncio.wait(self._tasks, timeout=_LAST_SECONDS if error else None)
        for task in late:
            task.cancel()
        if late:
            await asyncio.wait(late)
        for task in ended if error is None else ():
            task.result()

    @property
    def stopped(self) -> bool:
        """Whether the store or the model failed, so that nothing more should be begun."""
        return self._error is not None

    def end(self, report: TargetReport) -> None:
        """Of a target that is not stored."""
        self._reports.append(report)
        self._ended(report)

    def fail(self, uri: str, error: LorekeeperError) -> None:
        self.end(self._failed(uri, error))

    async def store(self, uri: str, put: Callable[[], Awaitable[TargetReport]]) -> None:
        """Begin with `put` once fewer than `STORED_AT_ONCE` are on their way, unless it stops before."""
        await self._room.acquire()
        if self.stopped:
            return
        self._reports.append(None)
        self._tasks.add(asyncio.create_task(self._put(len(self._reports) - 1, uri, put)))

    def report(self) -> IngestReport:
        """Once it is left."""
        return IngestReport(
            targets=tuple(report for report in self._reports if report),
            stopped=str(self._error) if self._error else "",
            hint=self._error.hint if self._error else "",
        )

    async def _put(self, place: int, uri: str, put: Callable[[], Awaitable[TargetReport]]) -> None:
        try:
            report = await put()
        except (StoreError, ModelError) as error:
            report = self._failed(uri, error)
        finally:
            self._room.release()
        self._reports[place] = report
        self._ended(report)

    def _failed(self, uri: str, error: LorekeeperError) -> TargetReport:
        count_error(type(error), Where.INGEST.value)
        self._error = self._error or error
        return failed(uri, error)
