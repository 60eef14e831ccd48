"""Rows of one guild that are not found but asked for: by source, by id, by category."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, Final

import numpy as np
from weaviate import WeaviateAsyncClient
from weaviate.classes.aggregate import GroupByAggregate, Metrics

from agent.contracts import GuildId, MemberId, Passage, PassageId, SourceId
from agent.knowledge._weaviate.errors import MissingTenantError
from agent.knowledge._weaviate.ledger import GuildState
from agent.knowledge._weaviate.nodes import WRITE_SECONDS, Nodes
from agent.knowledge._weaviate.rows import (
    AUTHOR_NAME,
    COLUMNS,
    GENERATION,
    ORDINAL,
    PASSAGE,
    SOURCE,
    Where,
    author_name,
    every,
    of_author,
    of_ids,
    of_ordinals,
    of_sources,
    of_visibilities,
    passage_id,
    source_id,
    tenant_of,
    to_passage,
)
from agent.models.protocol import Vector

_PAGE: Final = 1000
"""Rows of one answer; Weaviate gives at most 10,000."""


class Reading:
    """Of one index version."""

    def __init__(self, nodes: Nodes, collection: str) -> None:
        self._nodes = nodes
        self._collection = collection

    async def passages_of(self, guild: GuildId, source: SourceId, state: GuildState) -> tuple[Passage, ...]:
        """In order."""
        return await self._of_source(guild, every([of_sources([source]), *state.visible()]))

    async def passages_by(self, guild: GuildId, author: MemberId, state: GuildState) -> tuple[Passage, ...]:
        """By source and then in order."""
        where = every([of_author(author), *state.visible()])
        groups = await self._groups(guild, SOURCE, where)
        found: list[Passage] = []
        for source in sorted(source_id(str(group.grouped_by.value)) for group in groups):
            found += await self._of_source(guild, where & of_sources([source]))
        return tuple(found)

    async def count(self, guild: GuildId, state: GuildState) -> int:
        """How many rows are searched, counted anew."""
        groups = await self._groups(guild, GENERATION, every(state.visible()))
        return sum(int(group.total_count or 0) for group in groups)

    async def _of_source(self, guild: GuildId, where: Where) -> tuple[Passage, ...]:
        """A long source is read by its ordinals, which every row of it has its own of."""
        rows = await self._rows(guild, where, COLUMNS)
        if len(rows) == _PAGE:
            last = await self._last_ordinal(guild, where)
            rows = [
                row
                for first in range(0, last + 1, _PAGE)
                for row in await self._rows(guild, where & of_ordinals(first, _PAGE), COLUMNS)
            ]
        found = [to_passage(row.properties, guild) for row in rows]
        return tuple(sorted(found, key=lambda passage: passage.ordinal))

    async def passages(
        self, guild: GuildId, ids: Sequence[PassageId], state: GuildState
    ) -> dict[PassageId, Passage]:
        rows = await self._by_id(guild, ids, state, COLUMNS, vectors=False)
        return {passage_id(row.properties): to_passage(row.properties, guild) for row in rows}

    async def vectors(
        self, guild: GuildId, ids: Sequence[PassageId], state: GuildState
    ) -> dict[PassageId, Vector]:
        """Of those that exist; each of shape (dimension,), float32."""
        rows = await self._by_id(guild, ids, state, [PASSAGE], vectors=True)
        return {
            passage_id(row.properties): np.asarray(row.vector["default"], dtype=np.float32) for row in rows
        }

    async def page(self, guild: GuildId, where: Where) -> list[tuple[Passage, Vector, int]]:
        """Some rows that match, with their vectors and generations; none when there are none."""
        rows = await self._rows(guild, where, COLUMNS, limit=_PAGE // 10, vectors=True)
        return [
            (
                to_passage(row.properties, guild),
                np.asarray(row.vector["default"], dtype=np.float32),
                row.properties[GENERATION],
            )
            for row in rows
        ]

    async def generations(
        self, guild: GuildId, sources: Iterable[SourceId], state: GuildState
    ) -> Counter[int]:
        """How many rows of these sources each generation has, of those that are searched."""
        found = await self._groups(guild, GENERATION, of_sources(list(sources)))
        counts = {int(group.grouped_by.value): int(group.total_count or 0) for group in found}
        return Counter({each: count for each, count in counts.items() if state.holds(each)})

    async def author_names(
        self, guild: GuildId, may_see: frozenset[str], state: GuildState
    ) -> tuple[str, ...]:
        where = every([of_visibilities(may_see), *state.visible()])
        found = await self._groups(guild, AUTHOR_NAME, where)
        return tuple(sorted({author_name(str(group.grouped_by.value)) for group in found} - {""}))

    async def _by_id(
        self,
        guild: GuildId,
        ids: Sequence[PassageId],
        state: GuildState,
        columns: list[str],
        *,
        vectors: bool,
    ) -> list[Any]:
        rows: list[Any] = []
        for first in range(0, len(ids), _PAGE):
            where = every([of_ids(ids[first : first + _PAGE]), *state.visible()])
            rows += await self._rows(guild, where, columns, vectors=vectors)
        return rows

    async def _rows(
        self, guild: GuildId, where: Where, columns: list[str], *, limit: int = _PAGE, vectors: bool = False
    ) -> list[Any]:
        async def work(client: WeaviateAsyncClient) -> Any:
            tenant = client.collections.use(self._collection).with_tenant(tenant_of(guild))
            return await tenant.query.fetch_objects(
                filters=where, limit=limit, include_vector=vectors, return_properties=columns
            )

        try:
            return list((await self._nodes.call(work, seconds=WRITE_SECONDS)).objects)
        except MissingTenantError:
            return []

    async def _last_ordinal(self, guild: GuildId, where: Where) -> int:
        async def work(client: WeaviateAsyncClient) -> Any:
            tenant = client.collections.use(self._collection).with_tenant(tenant_of(guild))
            metrics = Metrics(ORDINAL).integer(maximum=True)
            return await tenant.aggregate.over_all(filters=where, return_metrics=metrics)

        found = await self._nodes.call(work, seconds=WRITE_SECONDS)
        return int(found.properties[ORDINAL].maximum or 0)

    async def _groups(self, guild: GuildId, column: str, where: Where) -> list[Any]:
        async def work(client: WeaviateAsyncClient) -> Any:
            tenant = client.collections.use(self._collection).with_tenant(tenant_of(guild))
            by = GroupByAggregate(prop=column, limit=10_000)
            return await tenant.aggregate.over_all(filters=where, group_by=by, total_count=True)

        try:
            return list((await self._nodes.call(work, seconds=WRITE_SECONDS)).groups)
        except MissingTenantError:
            return []
