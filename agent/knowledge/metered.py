"""A knowledge store that tells the metrics and the trace what each of its operations took."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from agent.contracts import EvidenceItem, GuildId, MemberId, Passage, PassageId, Slug, SourceId
from agent.knowledge.protocol import IndexSpec, IndexVersion, KnowledgeStore, SearchQuery
from agent.models.protocol import Vector
from agent.observing.metrics import Operation, Store
from agent.observing.seams import store_call


class MeteredStore(KnowledgeStore):
    """See `KnowledgeStore` for what each method promises."""

    def __init__(self, store: KnowledgeStore, name: Store) -> None:
        self._store = store
        self._name = name

    async def open_index(self, spec: IndexSpec) -> IndexVersion:
        with store_call(self._name, Operation.OPEN_INDEX):
            return await self._store.open_index(spec)

    async def versions(self) -> tuple[IndexVersion, ...]:
        with store_call(self._name, Operation.VERSIONS):
            return await self._store.versions()

    async def active(self) -> str | None:
        with store_call(self._name, Operation.ACTIVE):
            return await self._store.active()

    async def activate(self, name: str) -> None:
        with store_call(self._name, Operation.ACTIVATE):
            await self._store.activate(name)

    async def remove_version(self, name: str) -> None:
        with store_call(self._name, Operation.REMOVE_VERSION):
            await self._store.remove_version(name)

    async def put_source(
        self,
        guild: GuildId,
        source: SourceId,
        passages: Sequence[Passage],
        vectors: Mapping[PassageId, Vector],
        *,
        version: str | None = None,
    ) -> None:
        with store_call(self._name, Operation.PUT_SOURCE):
            await self._store.put_source(guild, source, passages, vectors, version=version)

    async def passages_of(
        self, guild: GuildId, source: SourceId, *, version: str | None = None
    ) -> tuple[Passage, ...]:
        with store_call(self._name, Operation.PASSAGES_OF):
            return await self._store.passages_of(guild, source, version=version)

    async def get(self, guild: GuildId, ids: Sequence[PassageId]) -> tuple[Passage, ...]:
        with store_call(self._name, Operation.GET):
            return await self._store.get(guild, ids)

    async def vectors_of(
        self, guild: GuildId, ids: Sequence[PassageId], *, version: str | None = None
    ) -> Mapping[PassageId, Vector]:
        with store_call(self._name, Operation.VECTORS_OF):
            return await self._store.vectors_of(guild, ids, version=version)

    async def delete_sources(
        self, guild: GuildId, sources: Sequence[SourceId], *, version: str | None = None
    ) -> int:
        with store_call(self._name, Operation.DELETE_SOURCES):
            return await self._store.delete_sources(guild, sources, version=version)

    async def passages_by(
        self, guild: GuildId, author: MemberId, *, version: str | None = None
    ) -> tuple[Passage, ...]:
        with store_call(self._name, Operation.PASSAGES_BY):
            return await self._store.passages_by(guild, author, version=version)

    async def delete_by(self, guild: GuildId, author: MemberId) -> int:
        with store_call(self._name, Operation.DELETE_BY):
            return await self._store.delete_by(guild, author)

    async def erase_deleted(self, guild: GuildId) -> None:
        with store_call(self._name, Operation.ERASE_DELETED):
            await self._store.erase_deleted(guild)

    async def recategorise(self, guild: GuildId, old: Slug, new: Slug | None) -> int:
        with store_call(self._name, Operation.RECATEGORISE):
            return await self._store.recategorise(guild, old, new)

    async def search(self, query: SearchQuery, *, version: str | None = None) -> tuple[EvidenceItem, ...]:
        with store_call(self._name, Operation.SEARCH):
            return await self._store.search(query, version=version)

    async def count(self, guild: GuildId, *, version: str | None = None) -> int:
        with store_call(self._name, Operation.COUNT):
            return await self._store.count(guild, version=version)

    async def author_names(self, guild: GuildId, may_see: frozenset[str]) -> tuple[str, ...]:
        with store_call(self._name, Operation.AUTHOR_NAMES):
            return await self._store.author_names(guild, may_see)

    async def drop_guild(self, guild: GuildId) -> None:
        with store_call(self._name, Operation.DROP_GUILD):
            await self._store.drop_guild(guild)

    async def optimize(self, *, version: str | None = None) -> None:
        with store_call(self._name, Operation.OPTIMIZE):
            await self._store.optimize(version=version)

    async def check(self) -> str:
        with store_call(self._name, Operation.CHECK):
            return await self._store.check()

    async def close(self) -> None:
        await self._store.close()
