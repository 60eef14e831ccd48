"""Sources that changed where they came from: their bytes there have another hash than when they were read."""

from __future__ import annotations

import asyncio
import hashlib
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from agent.contracts import Day, Source, SourceId, SourceKind
from agent.errors import IngestError
from agent.ingest.targets import has_vanished, read_file
from agent.ingest.web import Fetcher, GoneError
from agent.settings import Settings
from tuning.anomalies.anomaly import Found, Kind

_EVERY: Final = 7
"""Days between two looks at a page of the web: a site is not to notice us. Files are looked at every day."""

GONE: Final = ""
"""The hash of what is no longer there."""


@dataclass(frozen=True, slots=True)
class Origins:
    """Reads where sources came from."""

    settings: Settings
    fetcher: Fetcher

    async def hashes(self, sources: Sequence[Source]) -> Mapping[SourceId, str]:
        """The sha256 of each that can be reached now, hex; `GONE` where nothing is there any longer."""
        found: dict[SourceId, str] = {}
        for source in sources:
            try:
                found[source.id] = await self._hash(source)
            except GoneError:
                found[source.id] = GONE
            except IngestError:
                continue  # what merely cannot be reached is as it was, as far as anybody knows
        return found

    async def _hash(self, source: Source) -> str:
        if source.kind is SourceKind.URL:
            data = (await self.fetcher.fetch(source.uri)).data
        else:
            path = Path(source.uri)
            if await asyncio.to_thread(has_vanished, path):
                return GONE
            data = await asyncio.to_thread(read_file, path, self.settings.ingest_file_mb)
        return hashlib.sha256(data).hexdigest()


def due(sources: Iterable[Source], day: Day) -> tuple[Source, ...]:
    """Those to look at on a day: every file, and each page on its own day of the week."""
    return tuple(
        source
        for source in sources
        if source.kind is SourceKind.FILE
        or (
            source.kind is SourceKind.URL
            and zlib.crc32(source.id.encode()) % _EVERY == day.toordinal() % _EVERY
        )
    )


def stale(sources: Iterable[Source], hashes: Mapping[SourceId, str]) -> Iterator[Found]:
    """A source whose hash is not known now is as it was."""
    for source in sources:
        now = hashes.get(source.id, source.content_hash)
        if now != source.content_hash:
            gone = {"gone": 1} if now == GONE else {}
            yield Found(kind=Kind.STALE, subject=source.id, figures=gone, sources=(source.id,))
