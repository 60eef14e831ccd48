"""A change of embedding model or chunker: index v2 is built beside v1, checked, and made active.

Questions go on meanwhile with v1. What is being ingested meanwhile goes into v1 too, so filling v2 is
repeated until nothing is left to do, then v2 becomes active, then it is filled once more: a source
recorded before the flip is found by that last pass, one recorded after it is refused by `Keeping`, which
looks at the active version after it has recorded. A kill at any point only means that v2 holds a part:
the next run finds what is there and goes on. v1 stays for `flip_back`.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from agent.catalog.protocol import Catalog
from agent.contracts import GuildId, Passage, Source, SourceKind
from agent.errors import StoreError, UsageError
from agent.ingest.chunking import embedding_text, recut
from agent.ingest.embedding import embed_passages, index_spec
from agent.ingest.keeping import UNFINISHED
from agent.knowledge.protocol import IndexVersion, KnowledgeStore, SearchQuery
from agent.models.protocol import Embedder

SELF_FOUND = 0.95
"""Share of sampled passages that their own text must find first."""

_SAMPLE = 50
_PASSES = 20

ReindexProgress: TypeAlias = Callable[[int, int], None]
"""Sources done, of how many, in this pass."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReindexReport:
    version: str
    """The version that is active now."""
    before: str
    """The one that was; what `flip_back` returns to."""
    sources: int
    """Sources that this run put into the new version; what an earlier, killed run did is not counted."""
    passages: int
    """Over all guilds, in the new version."""
    self_found: float
    """Share of a sample that was found by its own text at rank 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FlipBackReport:
    version: str
    before: str
    outdated: int
    """Sources that changed since, which this version lacks until `run` or a refresh brings them in."""


@dataclass(slots=True, kw_only=True)
class _Pass:
    filled: int = 0
    counts: Counter[GuildId] = field(default_factory=Counter)
    sample: list[Passage] = field(default_factory=list)


class Reindexer:
    """Builds the index of `embedder` and the present chunker from what the catalog and the old index hold."""

    def __init__(self, store: KnowledgeStore, catalog: Catalog, embedder: Embedder) -> None:
        self._store = store
        self._catalog = catalog
        self._embedder = embedder

    async def needed(self) -> bool:
        """Whether the active index was made with another embedder or chunker."""
        active, _ = await self._versions()
        return active is not None and active.spec != index_spec(self._embedder)

    async def run(self, progress: ReindexProgress | None = None) -> ReindexReport:
        """Fill, check, flip. Raises `StoreError`, with the old version still active, when the check fails.

        When the active version is already of this embedder and chunker, it is only brought in line.
        """
        old, kept = await self._versions()
        new = await self._store.open_index(index_spec(self._embedder))
        if old is None or (old.name == new.name and not kept):
            raise StoreError("There is only one index, and it is of this embedder and chunker.")
        if old.name == new.name:
            swept = await self._sweep(kept[-1], new, progress, flipped=True)
            return await self._report(new, kept[-1], swept.filled, 1.0)
        filled, sample = await self._fill(old, new, progress)
        found = await self._self_found(sample, new)
        if found < SELF_FOUND:
            raise StoreError(
                f"Index {new.name} finds only {found:.0%} of a sample by its own text; {old.name} stays.",
                "The embedder may be broken: see `lorekeeper doctor`.",
            )
        await self._store.optimize(version=new.name)
        await self._store.activate(new.name)
        last = await self._sweep(old, new, progress, flipped=True)
        return await self._report(new, old, filled + last.filled, found)

    async def flip_back(self) -> FlipBackReport:
        """Make the version before the active one active again, at once and without a model.

        What changed since is taken out of it first: text that was replaced, or whose visibility was narrowed,
        must not come back. Raises `StoreError` when there is no other version.
        """
        active, kept = await self._versions()
        if active is None or not kept:
            raise StoreError("There is no other index to go back to.")
        older = [version for version in kept if int(version.name[1:]) < int(active.name[1:])]
        target = (older or kept)[-1]
        outdated = 0
        for source in await self._sources():
            passages = await self._store.passages_of(source.guild, source.id, version=target.name)
            if not _agrees(source, await self._text(source), passages):
                await self._store.delete_sources(source.guild, [source.id], version=target.name)
                outdated += 1
        await self._store.activate(target.name)
        return FlipBackReport(version=target.name, before=active.name, outdated=outdated)

    async def _fill(
        self, old: IndexVersion, new: IndexVersion, progress: ReindexProgress | None
    ) -> tuple[int, Sequence[Passage]]:
        """Sweep until there is nothing to do and each guild has as many passages as it should."""
        filled = 0
        for _ in range(_PASSES):
            swept = await self._sweep(old, new, progress, flipped=False)
            filled += swept.filled
            guilds = await self._catalog.guilds()
            held = {guild: await self._store.count(guild, version=new.name) for guild in guilds}
            if not swept.filled and all(held[guild] == swept.counts[guild] for guild in guilds):
                return filled, swept.sample
        raise StoreError(
            f"Index {new.name} did not become complete; {old.name} stays.", "Re-index while less is ingested."
        )

    async def _sweep(
        self, old: IndexVersion, new: IndexVersion, progress: ReindexProgress | None, *, flipped: bool
    ) -> _Pass:
        """Bring each source of the new version in line; after the flip, only those that disagree with the
        catalog, since from then on the new version is the one that is written to.
        """
        swept = _Pass()
        sources = await self._sources()
        for done, source in enumerate(sources, start=1):
            present = await self._store.passages_of(source.guild, source.id, version=new.name)
            text = await self._text(source)
            stored = await self._store.passages_of(source.guild, source.id, version=old.name)
            if flipped and (_agrees(source, text, present) or not _agrees(source, text, stored)):
                wanted = present
            else:
                wanted = _wanted(source, text, stored, rechunk=old.spec.chunker != new.spec.chunker)
            if wanted != present and wanted:
                await self._put(source, wanted, present, new)
                swept.filled += 1
            swept.counts[source.guild] += len(wanted)
            swept.sample = heapq.nsmallest(_SAMPLE, [*swept.sample, *wanted], key=lambda p: p.id)
            if progress:
                progress(done, len(sources))
        return swept

    async def _put(
        self, source: Source, wanted: Sequence[Passage], present: Sequence[Passage], new: IndexVersion
    ) -> None:
        held = {passage.id for passage in present}
        fresh = [passage for passage in wanted if passage.id not in held]
        vectors = await embed_passages(self._embedder, fresh)
        await self._store.put_source(source.guild, source.id, wanted, vectors, version=new.name)
        now = await self._catalog.source(source.guild, source.id)
        if now is None or now.content_hash == UNFINISHED:
            # It was removed while it was embedded: what a member had forgotten must not come back.
            await self._store.delete_sources(source.guild, [source.id], version=new.name)

    async def _self_found(self, sample: Sequence[Passage], new: IndexVersion) -> float:
        vectors = await embed_passages(self._embedder, sample)
        found = 0
        for passage in sample:
            query = SearchQuery(
                guild=passage.guild,
                text="",
                vector=vectors[passage.id],
                limit=1,
                may_see=frozenset({passage.visibility}),
            )
            best = await self._store.search(query, version=new.name)
            found += bool(best) and embedding_text(best[0].passage) == embedding_text(passage)
        return found / len(sample) if sample else 1.0

    async def _versions(self) -> tuple[IndexVersion | None, list[IndexVersion]]:
        """The active version, and the others, oldest first."""
        versions = await self._store.versions()
        active = next((version for version in versions if version.active), None)
        return active, [version for version in versions if not version.active]

    async def _sources(self) -> list[Source]:
        """Of all guilds, apart from those that are being removed or must be read again."""
        found = [source for g in await self._catalog.guilds() for source in await self._catalog.sources(g)]
        return [source for source in found if source.content_hash != UNFINISHED]

    async def _text(self, source: Source) -> str:
        try:
            return await self._catalog.source_text(source.guild, source.id)
        except UsageError:
            # Removed since it was listed.
            return ""

    async def _report(self, new: IndexVersion, old: IndexVersion, filled: int, found: float) -> ReindexReport:
        counts = [await self._store.count(guild, version=new.name) for guild in await self._catalog.guilds()]
        return ReindexReport(
            version=new.name, before=old.name, sources=filled, passages=sum(counts), self_found=found
        )


def _agrees(source: Source, text: str, passages: Sequence[Passage]) -> bool:
    """Whether passages are what the catalog says of their source."""
    return bool(passages) and all(
        passage.text == text[passage.start : passage.end] and passage.visibility == source.visibility
        for passage in passages
    )


def _wanted(source: Source, text: str, stored: Sequence[Passage], *, rechunk: bool) -> tuple[Passage, ...]:
    """What the new version should hold of a source, out of what the old one does."""
    if rechunk and source.kind is not SourceKind.ENTRY and _agrees(source, text, stored):
        return recut(text, source, stored)
    return tuple(stored)
