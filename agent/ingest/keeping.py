"""Sources go into the store and the catalog, and out of them, so that a kill leaves only whole ones.

In: first the passages, then the catalog's record with its content hash. A kill between the two leaves a
source without its new hash, which is simply read again. Out: the record loses its hash, then the passages
go, then the record; a kill in between leaves a source that is read again or removed again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from agent.catalog.protocol import Catalog
from agent.contracts import GuildId, Passage, PassageId, Source, SourceId
from agent.errors import StoreError
from agent.ingest.embedding import embed_passages, index_spec
from agent.knowledge.protocol import IndexSpec, KnowledgeStore
from agent.models.protocol import Embedder, Vector

STORED_AT_ONCE = 4
"""Sources on their way into the store while the next ones are read and embedded."""
UNFINISHED = ""
"""The content hash of a source that must be read again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """How many passages of a source were embedded, were there already, and went."""

    added: int
    kept: int
    removed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Embedded:
    """A source that has all it takes to be put."""

    source: Source
    text: str
    passages: Sequence[Passage]
    vectors: Mapping[PassageId, Vector]
    """Of the passages that are not stored yet."""
    version: str
    """The index that it is made for."""
    before: int
    """How many passages the source has there now."""


class Keeping:
    """Writes to the index that belongs to its embedder, and only while that is the active one."""

    def __init__(self, store: KnowledgeStore, catalog: Catalog, embedder: Embedder) -> None:
        self._store = store
        self._catalog = catalog
        self._embedder = embedder
        self._seen: tuple[str, IndexSpec] | None = None
        """A version and what it is of, which never changes."""

    async def version(self) -> str:
        """The index to write to. Raises `StoreError` when another one is active."""
        spec = index_spec(self._embedder)
        if self._seen is not None and self._seen == (await self._store.active(), spec):
            return self._seen[0]
        active = next((version for version in await self._store.versions() if version.active), None)
        if active is None:
            active = await self._store.open_index(spec)
        if active.spec != spec:
            raise StoreError(
                "The knowledge was indexed with another embedding model or chunker.",
                "Re-index it, or set the embedder back to what it was.",
            )
        self._seen = active.name, spec
        return active.name

    async def put(self, source: Source, text: str, passages: Sequence[Passage]) -> Kept:
        """Make `passages` the whole of `source`; only those that are not stored yet are embedded."""
        return await self.store(await self.embed(source, text, passages))

    async def embed(
        self,
        source: Source,
        text: str,
        passages: Sequence[Passage],
        embedded: Callable[[int, int], None] | None = None,
    ) -> Embedded:
        """Everything of `put` that the store is not changed by.

        `embedded` hears how many passages are embedded, and how many are to be.
        """
        version = await self.version()
        stored = await self._store.passages_of(source.guild, source.id, version=version)
        old = {passage.id for passage in stored}
        new = [passage for passage in passages if passage.id not in old]
        return Embedded(
            source=source,
            text=text,
            passages=passages,
            vectors=await embed_passages(self._embedder, new, embedded),
            version=version,
            before=len(old),
        )

    async def store(self, made: Embedded) -> Kept:
        """The rest of `put`, of several sources at once."""
        source, version = made.source, made.version
        await self._store.put_source(source.guild, source.id, made.passages, made.vectors, version=version)
        await self._catalog.put_source(source, made.text)
        await self._refuse_flip(source, made.text, version)
        added = len(made.vectors)
        kept = len(made.passages) - added
        return Kept(added=added, kept=kept, removed=made.before - kept)

    async def remove(self, guild: GuildId, ids: Sequence[SourceId]) -> int:
        """Return how many sources went."""
        for id_ in ids:
            if source := await self._catalog.source(guild, id_):
                text = await self._catalog.source_text(guild, id_)
                await self._catalog.put_source(replace(source, content_hash=UNFINISHED), text)
        await self._store.delete_sources(guild, ids)
        return await self._catalog.remove_sources(guild, ids)

    async def _refuse_flip(self, source: Source, text: str, version: str) -> None:
        """A re-index that flipped meanwhile either found this source in the catalog, or is found here."""
        if await self._store.active() not in {None, version}:
            await self._catalog.put_source(replace(source, content_hash=UNFINISHED), text)
            raise StoreError("The knowledge was re-indexed meanwhile.", "Restart, and ingest again.")
