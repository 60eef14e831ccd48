"""Writes to one index version: each leaves a guild as it was, or changed whole.

A write has three steps. Rows are inserted under the next generation, where no search looks. One object of
the ledger is replaced, which is the moment of the change. Rows that were replaced are deleted once no search
can need them. A process that is killed in between leaves rows that are never searched; the next writer of the
guild deletes them before it uses that generation again. Sources are put side by side (`line`).
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Final

from weaviate import WeaviateAsyncClient

from agent.contracts import GuildId, MemberId, Passage, PassageId, Slug, SourceId
from agent.knowledge._rows import vector_of
from agent.knowledge._weaviate.batches import REQUESTS_AT_ONCE, delete_where, insert_all, insert_gently
from agent.knowledge._weaviate.errors import MissingTenantError
from agent.knowledge._weaviate.lease import Lease
from agent.knowledge._weaviate.ledger import GuildState, forget_state, read_state, write_state
from agent.knowledge._weaviate.line import Line
from agent.knowledge._weaviate.nodes import WRITE_SECONDS, Nodes
from agent.knowledge._weaviate.reading import Reading
from agent.knowledge._weaviate.rows import (
    Row,
    Where,
    after_generation,
    every,
    of_author,
    of_category,
    of_generations,
    of_sources,
    tenant_of,
    to_row,
)
from agent.models.protocol import Vector

GRACE_SECONDS: Final = 60.0
"""How long replaced rows stay for searches that began before; several times the deadline of a search."""


class Writer:
    def __init__(
        self, nodes: Nodes, collection: str, version: str, lease: Lease, *, grace_seconds: float
    ) -> None:
        self._nodes = nodes
        self._collection = collection
        self._version = version
        self._lease = lease
        self._grace_seconds = grace_seconds
        self._reading = Reading(nodes, collection)
        self._requests = asyncio.Semaphore(REQUESTS_AT_ONCE)
        self._lines: dict[GuildId, Line] = {}
        self._unsettled: set[GuildId] = set()

    async def put_source(
        self,
        guild: GuildId,
        source: SourceId,
        passages: Sequence[Passage],
        vectors: Mapping[PassageId, Vector],
        dimension: int,
        *,
        gently: bool,
    ) -> None:
        line = self._line(guild)
        async with line.beside(source) as write:
            lacking = [passage.id for passage in passages if passage.id not in vectors]
            if lacking:
                vectors = {**await self._reading.vectors(guild, lacking, write.state), **vectors}
            for passage in passages:
                vector_of(passage, vectors, dimension)
            rows = _rows_of(passages, vectors, dimension, write.generation)
            old, _ = await asyncio.gather(
                self._reading.generations(guild, [source], write.state),
                self._insert(guild, rows, gently=gently),
            )
            if passages or old:
                await line.commit(write, old, len(passages))
                self._unsettled.add(guild)

    async def delete_sources(self, guild: GuildId, sources: Sequence[SourceId]) -> int:
        """Unlike what is replaced, what is deleted goes from the server's disk at once."""
        line = self._line(guild)
        async with line.alone() as state:
            old = await self._reading.generations(guild, sources, state)
            after = state
            if old:
                after = state.changed(retire=old, passages=-old.total(), now=self._lease.now())
                await self._store(guild, after)
            await self._delete(guild, of_sources(sources))
            line.keep(after)
        return old.total()

    async def delete_by(self, guild: GuildId, author: MemberId) -> int:
        """Rows go one by one, since others of their sources stay; so the guild's count is taken anew, which a
        stop in between leaves to the next time.
        """
        line = self._line(guild)
        async with line.alone() as state:
            await self._delete(guild, of_author(author))
            left = await self._reading.count(guild, state)
            after = replace(state, passages=left)
            if after != state:
                await self._store(guild, after)
            line.keep(after)
        return state.passages - left

    async def erase_deleted(self, guild: GuildId) -> None:
        """Delete what was replaced without waiting for searches that may need it."""
        line = self._line(guild)
        async with line.alone() as state:
            line.keep(await self._purged(guild, state, -math.inf))

    async def recategorise(self, guild: GuildId, old: Slug, new: Slug | None) -> int:
        """Rows are replaced where they are, so that a stop in between leaves a part to be done again."""
        moved = 0
        if old == new:
            return moved
        line = self._line(guild)
        async with line.alone() as state:
            where = every([of_category(old), *state.visible()])
            while page := await self._reading.page(guild, where):
                rows = [to_row(replace(one, category=new), vector, made) for one, vector, made in page]
                self._lease.require()
                await self._insert(guild, rows)
                moved += len(rows)
            line.keep(state)
        return moved

    async def drop_guild(self, guild: GuildId) -> None:
        async def work(client: WeaviateAsyncClient) -> None:
            await client.collections.use(self._collection).tenants.remove([tenant_of(guild)])

        async with self._line(guild).alone():
            self._unsettled.discard(guild)
            await forget_state(self._nodes, self._collection, guild)
            await self._nodes.call(work, seconds=WRITE_SECONDS)

    async def settle(self) -> None:
        """Have the server write down what this process stored.

        What Weaviate still holds in memory it searches slowly for words, and wrongly: of many matches it
        takes the first ones for the best, because its bound for pruning is 0 there. Left alone it writes
        after a minute; putting a tenant to sleep for a moment makes it do so at once.
        """
        while self._unsettled:
            guild = self._unsettled.pop()
            line = self._line(guild)
            async with line.alone() as state:
                await self._nap(tenant_of(guild))
                line.keep(state)

    async def stop_all(self) -> None:
        """Let nobody write to this version any longer."""
        await self._lease.take_for_good()

    async def close(self) -> None:
        await self._lease.close()

    async def _nap(self, tenant: str) -> None:
        async def work(client: WeaviateAsyncClient) -> None:
            tenants = client.collections.use(self._collection).tenants
            await tenants.deactivate([tenant])
            await tenants.activate([tenant])

        await self._nodes.call(work, seconds=WRITE_SECONDS)

    def _line(self, guild: GuildId) -> Line:
        if guild not in self._lines:
            self._lines[guild] = Line(
                self._lease, clean=partial(self._cleaned, guild), store=partial(self._store, guild)
            )
        return self._lines[guild]

    async def _insert(self, guild: GuildId, rows: Iterable[Row], *, gently: bool = False) -> None:
        if gently:
            await insert_gently(self._nodes, self._collection, tenant_of(guild), rows)
        else:
            await insert_all(self._nodes, self._collection, tenant_of(guild), rows, self._requests)

    async def _cleaned(self, guild: GuildId, known: GuildState | None) -> GuildState:
        """Delete what a writer left that did not finish, and what no search can need any longer."""
        state = known
        if state is None:
            state = await read_state(self._nodes, self._collection, guild, seconds=WRITE_SECONDS)
            state = state or GuildState(version=self._version)
            await self._delete(guild, after_generation(state.revision))
        return await self._purged(guild, state, self._grace_seconds)

    async def _purged(self, guild: GuildId, state: GuildState, grace_seconds: float) -> GuildState:
        overdue = state.overdue(self._lease.now(), grace_seconds)
        if overdue:
            await self._delete(guild, of_generations(overdue))
            state = state.without(overdue)
            await self._store(guild, state)
        return state

    async def _store(self, guild: GuildId, state: GuildState) -> None:
        self._lease.require()
        await write_state(self._nodes, self._collection, guild, state)

    async def _delete(self, guild: GuildId, where: Where) -> None:
        try:
            await delete_where(self._nodes, self._collection, tenant_of(guild), where)
        except MissingTenantError:
            return


def _rows_of(
    passages: Iterable[Passage], vectors: Mapping[PassageId, Vector], dimension: int, generation: int
) -> Iterator[Row]:
    for passage in passages:
        yield to_row(passage, vector_of(passage, vectors, dimension), generation)
