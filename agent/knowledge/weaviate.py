"""The knowledge store of a Weaviate server, or of several nodes that are one.

A tenant for each guild, an index version for each collection, an alias for the active one. Everything that
differs between processes is on the server, so any number of them may use it at once:

* *Searches* take no lock. Weaviate changes objects one by one, so what a search may see is written apart, in
  one object a guild (`_weaviate.ledger`): which write was the last, and which rows it replaced. A search asks
  with what it knows of that, reads the object through the alias at the same time, and asks once more when it
  has changed. So it sees a source before or after a change, in the version that is active while it looks.
* *Writers* of a version take turns (`_weaviate.lease`).
* *Versions* are made, flipped and removed by the server's schema (`_weaviate.versions`).

With several replicas, reads and writes need most of them: a node that dies loses nothing. One that comes back
after a while lacks what was written meanwhile until Weaviate has brought it up to date.

Importing this takes a second; `open_store` is all that others need.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final, TypeVar

from agent.contracts import EvidenceItem, GuildId, MemberId, Passage, PassageId, Slug, SourceId
from agent.knowledge._checks import check_vector, check_whole
from agent.knowledge._weaviate.errors import AsleepError, MissingCollectionError, MissingTenantError
from agent.knowledge._weaviate.lease import Lease
from agent.knowledge._weaviate.ledger import GuildState, passages_in, read_state
from agent.knowledge._weaviate.nodes import Nodes, addresses_of
from agent.knowledge._weaviate.reading import Reading
from agent.knowledge._weaviate.rows import tenant_of
from agent.knowledge._weaviate.search import Hits, evidence, find
from agent.knowledge._weaviate.tenants import IDLE_SECONDS, Tenants
from agent.knowledge._weaviate.versions import Versions
from agent.knowledge._weaviate.writer import GRACE_SECONDS, Writer
from agent.knowledge.protocol import IndexSpec, IndexVersion, KnowledgeStore, SearchQuery
from agent.language.counts import Count
from agent.models.protocol import Vector

_T = TypeVar("_T")

_TRIES: Final = 4
_PAUSE_SECONDS: Final = 0.1
"""Between tries of a read whose tenant or version moved under it."""


async def open_store(
    urls: str,
    *,
    alias: str,
    api_key: str = "",
    grpc_port: int = 50051,
    replicas: int = 1,
    idle_seconds: float = IDLE_SECONDS,
    grace_seconds: float = GRACE_SECONDS,
    stale_seconds: float = 60.0,
    lock_seconds: float = 150.0,
) -> WeaviateStore:
    """Reach a node of `urls`, which are those of one Weaviate, commas between.

    A guild that is not used for `idle_seconds` is put to sleep. What a write replaced is deleted after
    `grace_seconds`. A writer that gave no sign of life for `stale_seconds` has died; another one is
    waited for `lock_seconds` before `StoreBusyError`. Raises `StoreBusyError`, `ConfigurationError`.
    """
    nodes = Nodes(addresses_of(urls, grpc_port), api_key)
    try:
        await nodes.require()
    except BaseException:
        await nodes.close()
        raise
    versions = Versions(nodes, alias, replicas)
    tenants = Tenants(nodes, idle_seconds=idle_seconds)

    def writer(version: str) -> Writer:
        collection = versions.collection(version)
        lease = Lease(nodes, collection, stale_seconds=stale_seconds, wait_seconds=lock_seconds)
        return Writer(nodes, collection, version, lease, grace_seconds=grace_seconds)

    return WeaviateStore(nodes, versions, tenants, writer)


class WeaviateStore(KnowledgeStore):
    """See `KnowledgeStore` for what each method promises. Made by `open_store`."""

    def __init__(
        self, nodes: Nodes, versions: Versions, tenants: Tenants, make_writer: Callable[[str], Writer]
    ) -> None:
        self._nodes = nodes
        self._versions = versions
        self._tenants = tenants
        self._make_writer = make_writer
        self._writers: dict[str, Writer] = {}
        self._known: dict[tuple[str | None, GuildId], GuildState] = {}
        """What the last search of a guild learned, by the version that it asked for."""

    async def open_index(self, spec: IndexSpec) -> IndexVersion:
        await self._versions.create(spec)
        return next(version for version in await self.versions() if version.spec == spec)

    async def versions(self) -> tuple[IndexVersion, ...]:
        known = await self._versions.read()
        counts = await asyncio.gather(*(self._total(name) for name in known.specs))
        return tuple(
            IndexVersion(name=name, spec=spec, active=name == known.active, passages=passages)
            for (name, spec), passages in zip(known.specs.items(), counts, strict=True)
        )

    async def active(self) -> str | None:
        return await self._versions.active()

    async def activate(self, name: str) -> None:
        await self._versions.activate(name)

    async def remove_version(self, name: str) -> None:
        (await self._versions.read()).without(name)
        await self._writer(name).stop_all()
        await self._versions.remove(name)
        del self._writers[name]

    async def put_source(
        self,
        guild: GuildId,
        source: SourceId,
        passages: Sequence[Passage],
        vectors: Mapping[PassageId, Vector],
        *,
        version: str | None = None,
    ) -> None:
        check_whole(guild, source, passages)
        name, active = await self._to_write(guild, version)
        dimension = (await self._versions.spec(name)).dimension
        self._use(name, guild)
        try:
            # What is built beside the version that answers has time.
            gently = active not in {None, name}
            await self._writer(name).put_source(guild, source, passages, vectors, dimension, gently=gently)
        except MissingCollectionError:
            (await self._versions.read()).require(version)
            raise

    async def passages_of(
        self, guild: GuildId, source: SourceId, *, version: str | None = None
    ) -> tuple[Passage, ...]:
        async def read(state: GuildState) -> tuple[Passage, ...]:
            return await self._reading(state).passages_of(guild, source, state)

        return await self._read(guild, version, read) or ()

    async def get(self, guild: GuildId, ids: Sequence[PassageId]) -> tuple[Passage, ...]:
        async def read(state: GuildState) -> dict[PassageId, Passage]:
            return await self._reading(state).passages(guild, ids, state)

        found = await self._read(guild, None, read) or {}
        return tuple(found[identity] for identity in ids if identity in found)

    async def vectors_of(
        self, guild: GuildId, ids: Sequence[PassageId], *, version: str | None = None
    ) -> Mapping[PassageId, Vector]:
        async def read(state: GuildState) -> dict[PassageId, Vector]:
            return await self._reading(state).vectors(guild, ids, state)

        return await self._read(guild, version, read) or {}

    async def delete_sources(
        self, guild: GuildId, sources: Sequence[SourceId], *, version: str | None = None
    ) -> int:
        if not sources:
            return 0
        known = await self._versions.read()
        names = known.specs if version is None else [known.require(version)]
        return sum([await self._writer(name).delete_sources(guild, sources) for name in names])

    async def passages_by(
        self, guild: GuildId, author: MemberId, *, version: str | None = None
    ) -> tuple[Passage, ...]:
        async def read(state: GuildState) -> tuple[Passage, ...]:
            return await self._reading(state).passages_by(guild, author, state)

        return await self._read(guild, version, read) or ()

    async def delete_by(self, guild: GuildId, author: MemberId) -> int:
        names = (await self._versions.read()).specs
        return sum([await self._writer(name).delete_by(guild, author) for name in names])

    async def erase_deleted(self, guild: GuildId) -> None:
        for name in (await self._versions.read()).specs:
            await self._writer(name).erase_deleted(guild)

    async def recategorise(self, guild: GuildId, old: Slug, new: Slug | None) -> int:
        known = await self._versions.read()
        moved = {name: await self._writer(name).recategorise(guild, old, new) for name in known.specs}
        return moved.get(known.active or "", 0)

    async def search(self, query: SearchQuery, *, version: str | None = None) -> tuple[EvidenceItem, ...]:
        if not query.may_see or query.limit < 1:
            return ()

        return await _while_it_moves(lambda: self._search(query, version, (version, query.guild)))

    async def author_names(self, guild: GuildId, may_see: frozenset[str]) -> tuple[str, ...]:
        if not may_see:
            return ()

        async def read(state: GuildState) -> tuple[str, ...]:
            return await self._reading(state).author_names(guild, may_see, state)

        return await self._read(guild, None, read) or ()

    async def count(self, guild: GuildId, *, version: str | None = None) -> int:
        state = await self._state(guild, version)
        return state.passages if state is not None else 0

    async def drop_guild(self, guild: GuildId) -> None:
        for name in (await self._versions.read()).specs:
            await self._writer(name).drop_guild(guild)

    async def optimize(self, *, version: str | None = None) -> None:
        known = await self._versions.read()
        if version is not None or known.active is not None:
            await self._writer(known.require(version)).settle()

    async def check(self) -> str:
        known = await self.versions()
        where = f"Weaviate {await self._cluster()} at {self._nodes.urls}"
        active = next((version for version in known if version.active), None)
        if active is None:
            return f"{where}: no index yet"
        replicas = await self._versions.replicas(active.name)
        return (
            f"{where}: {Count(active.passages):# passage|# passages} in {active.name}, the active one of "
            f"{Count(len(known)):# index version|# index versions}, {Count(replicas):# replica|# replicas}"
        )

    async def close(self) -> None:
        await self._tenants.close()
        for writer in self._writers.values():
            await writer.close()
        await self._nodes.close()

    async def _search(
        self, query: SearchQuery, version: str | None, key: tuple[str | None, GuildId]
    ) -> tuple[EvidenceItem, ...]:
        state = self._known.pop(key, None)
        if state is None:
            state = await self._state(query.guild, version)
            hits = await self._find(query, state) if state else {}
        else:
            hits, now = await asyncio.gather(self._find(query, state), self._state(query.guild, version))
            if now != state:
                state, hits = now, await self._find(query, now) if now else {}
        if state is None:
            return ()
        self._known[key] = state
        return evidence(hits, query, state.passages)

    async def _find(self, query: SearchQuery, state: GuildState) -> Hits:
        check_vector(query, await self._versions.spec(state.version))
        self._use(state.version, query.guild)
        return await find(self._nodes, self._versions.collection(state.version), query, state)

    async def _read(
        self, guild: GuildId, version: str | None, read: Callable[[GuildState], Awaitable[_T]]
    ) -> _T | None:
        """None for an unknown guild."""

        async def work() -> _T | None:
            state = await self._state(guild, version)
            if state is None:
                return None
            self._use(state.version, guild)
            return await read(state)

        return await _while_it_moves(work)

    async def _state(self, guild: GuildId, version: str | None) -> GuildState | None:
        """None for an unknown guild. Raises `StoreError` for an unknown version."""
        collection = self._versions.alias if version is None else self._versions.collection(version)
        state = await read_state(self._nodes, collection, guild)
        if state is None:
            await self._versions.require(version)
            # The first answer may have been that of a server that was still starting.
            state = await read_state(self._nodes, collection, guild)
        return state

    async def _to_write(self, guild: GuildId, version: str | None) -> tuple[str, str | None]:
        """The version that is meant, which is there, and the one that is active.

        Both stand in the ledger of a guild that the active one knows, which is asked with one request.
        """
        state = await read_state(self._nodes, self._versions.alias, guild)
        if state is not None and version in {None, state.version}:
            return state.version, state.version
        name = await self._versions.name(version)
        return name, await self._versions.active()

    async def _cluster(self) -> str:
        """The cluster soon forgets a node that is away; WEAVIATE_URL does not."""
        nodes = await self._nodes.call(lambda client: client.cluster.nodes())
        healthy = [node for node in nodes if node.status == "HEALTHY"]
        known = max(len(nodes), self._nodes.count)
        return f"{nodes[0].version} ({len(healthy)} of {Count(known):# node|# nodes} healthy)"

    async def _total(self, name: str) -> int:
        return await passages_in(self._nodes, self._versions.collection(name))

    def _use(self, version: str, guild: GuildId) -> None:
        self._tenants.used(self._versions.collection(version), tenant_of(guild))

    def _reading(self, state: GuildState) -> Reading:
        return Reading(self._nodes, self._versions.collection(state.version))

    def _writer(self, name: str) -> Writer:
        if name not in self._writers:
            self._writers[name] = self._make_writer(name)
        return self._writers[name]


async def _while_it_moves(work: Callable[[], Awaitable[_T]]) -> _T:
    """Do `work` again when its tenant or version went, or was about to wake up, while it looked."""
    for _ in range(_TRIES - 1):
        try:
            return await work()
        except (MissingTenantError, MissingCollectionError, AsleepError):
            await asyncio.sleep(_PAUSE_SECONDS)
    return await work()
