"""Passages with their vectors, source by source: what the target holds already, to the bit, is left alone.

Only the active index version is copied. What an unfinished ingest left in the store without a record in the
catalog stays behind: the next ingest reads it again anyway.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import TypeAlias

from agent.catalog.protocol import Catalog
from agent.contracts import GuildId, Passage, PassageId, Source, SourceId
from agent.errors import DiskFullError, LorekeeperError, StoreBusyError, StoreError, UnknownGuildError
from agent.knowledge.protocol import IndexVersion, KnowledgeStore
from agent.language.counts import Count
from agent.models.protocol import Vector
from agent.moving.record import MoveRecord, SourceKey
from agent.moving.tables import Step
from agent.moving.verify import NOTHING, PASSAGES, Digest, line_of_passage

_VECTORS = 1000
"""Vectors in one request."""
_READS = 3
"""Attempts to read passages and vectors of a source between two changes of it."""

_Read: TypeAlias = tuple[tuple[Passage, ...], dict[PassageId, Vector]]


async def active_version(store: KnowledgeStore) -> IndexVersion | None:
    return next((version for version in await store.versions() if version.active), None)


async def held(
    store: KnowledgeStore, version: str, sources: Iterable[SourceKey], step: Step
) -> dict[SourceKey, Digest]:
    """Return what a store holds of each source."""
    found = {}
    for guild, source in sources:
        found[guild, source] = _digest(await _read(store, version, guild, source))
        step(found[guild, source].rows, PASSAGES)
    return found


def added_up(sources: Mapping[SourceKey, Digest]) -> dict[tuple[str, str], Digest]:
    """Return the digest of each guild that has passages, out of those of its sources."""
    guilds: dict[GuildId, list[tuple[SourceId, Digest]]] = {}
    for (guild, source), digest in sorted(sources.items()):
        if digest.rows:
            guilds.setdefault(guild, []).append((source, digest))
    return {
        (guild, PASSAGES): Digest(
            rows=sum(digest.rows for _, digest in digests),
            sha256=hashlib.sha256("".join(digest.sha256 for _, digest in digests).encode()).hexdigest(),
        )
        for guild, digests in guilds.items()
    }


class KnowledgeCopy:
    """Brings the passages of `target` in line with the version `version` of `source`."""

    def __init__(
        self, source: KnowledgeStore, version: IndexVersion, target: KnowledgeStore, record: MoveRecord
    ) -> None:
        self._source = source
        self._from = version
        self._target = target
        self._record = record
        self._done: dict[SourceKey, tuple[Source, Digest]] = {}
        self._read_now: list[Source] = []
        self.copied = 0
        """Passages that were put into the target."""

    async def bring(self, catalog: Catalog, step: Step) -> None:
        """Put what differs and delete what is gone. A second call looks only at what the catalog changed."""
        into = await self._target.open_index(self._from.spec)
        self._read_now = []
        wanted = set[SourceKey]()
        for guild in await catalog.guilds():
            for source in await catalog.sources(guild):
                wanted.add((guild, source.id))
                if self._done.get((guild, source.id), (None,))[0] != source:
                    self._read_now.append(source)
                    self._done[guild, source.id] = source, await self._copy(source, into.name, step)
        for guild, gone in sorted({*self._done, *self._record.sources()} - wanted):
            await self._target.delete_sources(guild, [gone])
            self._done.pop((guild, gone), None)

    async def settled(self, catalog: Catalog) -> bool:
        """Whether no source that the last call of `bring` read has changed since."""
        for source in self._read_now:
            try:
                if await catalog.source(source.guild, source.id) != source:
                    return False
            except UnknownGuildError:
                return False
        return True

    async def verify(self, step: Step) -> dict[tuple[str, str], Digest]:
        """Read the target again; return what each guild holds. Raises `StoreError` for a difference."""
        into = await self._target.open_index(self._from.spec)
        found = await held(self._target, into.name, self._done, step)
        for key, (source, wanted) in self._done.items():
            if found[key] != wanted:
                raise StoreError(
                    f"The passages of {_named(source)} differ: copied were {wanted}, the target holds "
                    f"{found[key]}.",
                    "Run it again: only what differs is copied.",
                )
        digests = added_up(found)
        for guild in self._guilds():
            stored = await self._target.count(guild, version=into.name)
            wanted_rows = digests.get((guild, PASSAGES), NOTHING).rows
            if stored != wanted_rows:
                raise StoreError(
                    f"The target holds {Count(stored):# passage|# passages} of guild {guild} in place of "
                    f"{wanted_rows}.",
                    "Something else writes to it. Empty it, then run the same command again.",
                )
        return digests

    async def finish(self) -> str:
        """Make what was copied the index that the target searches; return its name there."""
        active = await active_version(self._source)
        if active is None or active.name != self._from.name:
            raise StoreBusyError("The knowledge was re-indexed meanwhile.", "Run it again.")
        into = await self._target.open_index(self._from.spec)
        await self._target.optimize(version=into.name)
        await self._target.activate(into.name)
        return into.name

    async def left_behind(self) -> int:
        """Return how many passages belong to no source of the catalog."""
        stored = sum([await self._source.count(guild, version=self._from.name) for guild in self._guilds()])
        return max(stored - sum(digest.rows for _, digest in self._done.values()), 0)

    def _guilds(self) -> set[GuildId]:
        return {guild for guild, _ in self._done}

    async def _copy(self, source: Source, into: str, step: Step) -> Digest:
        guild, id_ = source.guild, source.id
        passages, vectors = await _read(self._source, self._from.name, guild, id_)
        digest = _digest((passages, vectors))
        if digest != _digest(await _read(self._target, into, guild, id_)):
            self._record.add_source((guild, id_))
            try:
                await self._target.put_source(guild, id_, passages, vectors, version=into)
            except LorekeeperError as error:
                if error.transient or isinstance(error, DiskFullError):
                    raise
                raise StoreError(
                    f"The target refuses the passages of {_named(source)}: {error}", error.hint
                ) from error
            self.copied += len(passages)
        step(len(passages), PASSAGES)
        return digest


def _named(source: Source) -> str:
    return f"{source.title or source.id} of guild {source.guild}"


async def _read(store: KnowledgeStore, version: str, guild: GuildId, source: SourceId) -> _Read:
    """Raises `StoreBusyError` when the source changes all the time."""
    for _ in range(_READS):
        passages = await store.passages_of(guild, source, version=version)
        ids = [passage.id for passage in passages]
        vectors: dict[PassageId, Vector] = {}
        for start in range(0, len(ids), _VECTORS):
            vectors |= await store.vectors_of(guild, ids[start : start + _VECTORS], version=version)
        if len(vectors) == len(ids):
            return passages, vectors
    raise StoreBusyError(f"Source {source} of guild {guild} is being changed.", "Run it again.")


def _digest(read: _Read) -> Digest:
    passages, vectors = read
    running = hashlib.sha256()
    for passage in passages:
        running.update(line_of_passage(passage, vectors[passage.id]))
    return Digest(rows=len(passages), sha256=running.hexdigest())
