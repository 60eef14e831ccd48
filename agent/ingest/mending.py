"""Sources that the catalog has and the index has lost: found, and put back.

It happens when an index was restored from an older backup than the catalog, or a disk lost a file. Such a
source has not changed, so a refresh would leave it alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from agent.catalog.protocol import Catalog
from agent.contracts import GuildId, Slug, Source, SourceId, SourceKind
from agent.ingest.chunking import entry_passage
from agent.ingest.keeping import UNFINISHED, Keeping
from agent.ingest.pipeline import Ingestor
from agent.ingest.report import Outcome
from agent.knowledge.protocol import KnowledgeStore
from agent.models.protocol import Embedder

_READ_AGAIN: Final = frozenset({SourceKind.FILE, SourceKind.URL})


@dataclass(frozen=True, slots=True, kw_only=True)
class Mended:
    back: tuple[SourceId, ...]
    """In the index again."""
    left: tuple[SourceId, ...]
    """Those that could not be read where they came from, and conversations: their history brings them in."""


class Mender:
    """Raises `StoreError`, `ModelError`, `UnknownGuildError`."""

    def __init__(
        self, *, store: KnowledgeStore, catalog: Catalog, embedder: Embedder, ingestor: Ingestor
    ) -> None:
        self._store = store
        self._catalog = catalog
        self._ingestor = ingestor
        self._keeping = Keeping(store, catalog, embedder)

    async def lost(self, guild: GuildId, category: Slug) -> tuple[SourceId, ...]:
        """The sources of a category that have text, of which the index that is searched holds nothing."""
        found = []
        for source in await self._catalog.sources(guild):
            if source.category != category or await self._store.passages_of(guild, source.id):
                continue
            if (await self._catalog.source_text(guild, source.id)).strip():
                found.append(source.id)
        return tuple(found)

    async def put_back(self, guild: GuildId, sources: Sequence[SourceId]) -> Mended:
        """Read sources again, whether or not they changed."""
        known = [source for source in await self._catalog.sources(guild) if source.id in sources]
        readable = [source for source in known if source.kind in _READ_AGAIN]
        back = await self._read_again(guild, readable) if readable else frozenset[SourceId]()
        for source in known:
            if source.kind is SourceKind.ENTRY:
                text = await self._catalog.source_text(guild, source.id)
                await self._keeping.put(source, text, [entry_passage(source, text)])
                back |= {source.id}
        return Mended(
            back=tuple(each for each in sources if each in back),
            left=tuple(each for each in sources if each not in back),
        )

    async def _read_again(self, guild: GuildId, sources: Sequence[Source]) -> frozenset[SourceId]:
        """Without its hash a source counts as changed; what cannot be read gets its hash back."""
        texts = {source.id: await self._catalog.source_text(guild, source.id) for source in sources}
        for source in sources:
            await self._catalog.put_source(replace(source, content_hash=UNFINISHED), texts[source.id])
        report = await self._ingestor.refresh(guild, [source.id for source in sources])
        back = {each.source for each in report.targets if each.outcome is Outcome.CHANGED}
        for source in sources:
            now = await self._catalog.source(guild, source.id)
            if now is not None and now.content_hash == UNFINISHED:
                await self._catalog.put_source(source, texts[source.id])
        return frozenset(id_ for id_ in back if id_ is not None)
