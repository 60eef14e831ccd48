"""One hybrid search of one guild: words and vector side by side, fused here.

Weaviate's own fusion stretches both halves to 0..1 over what they found, so that the best of a few accidental
words counts as much as a perfect match, and it gives back neither the cosine of what words found nor the
BM25 score. The judge of evidence needs both, so the two halves are asked for apart, which Weaviate also does
inside, and fused by `_fusion` as for every store. They give ids and scores only; the passages that are shown
are read last.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import numpy as np
from weaviate import WeaviateAsyncClient
from weaviate.classes.query import MetadataQuery
from weaviate.collections import CollectionAsync

from agent.contracts import EvidenceItem, GuildId
from agent.knowledge._fusion import fuse
from agent.knowledge._weaviate_ledger import GuildState
from agent.knowledge._weaviate_nodes import Nodes
from agent.knowledge._weaviate_rows import (
    BM25_K1,
    COLUMNS,
    GENERATION,
    SEARCHED,
    Where,
    every,
    tenant_of,
    to_passage,
    up_to_generation,
    wanted,
)
from agent.knowledge._weaviate_words import asked_terms
from agent.knowledge.protocol import SearchQuery
from agent.models.protocol import Vector

_FULL_BM25: Final = BM25_K1 + 1.0
"""The factor of BM25's definition that Weaviate leaves out and LanceDB does not."""

_CANDIDATES: Final = 50
"""From each half; a passage below both is not worth fusing."""

_Tenant = CollectionAsync[Any, Any]


@dataclass(frozen=True, slots=True)
class Hit:
    similarity: float
    lexical: float
    generation: int


Hits = dict[UUID, Hit]


async def find(nodes: Nodes, collection: str, query: SearchQuery, state: GuildState) -> Hits:
    """The candidates of both halves, of what was searched in `state`.

    Rows of a write that goes on, or began since, may be among what the server finds; then it is asked again
    without them, which costs it more than looking first would gain.
    """
    where = every([wanted(query), *state.not_retired()])
    hits = await _halves(nodes, collection, query, where)
    if any(hit.generation > state.revision for hit in hits.values()):
        hits = await _halves(nodes, collection, query, where & up_to_generation(state.revision))
    return hits


def best_of(hits: Hits, query: SearchQuery, passages: int) -> list[tuple[UUID, Hit, float]]:
    """The best with their fused scores, best first."""
    if not hits:
        return []
    alpha = query.alpha if query.vector is not None else 0.0
    similarity = np.array([hit.similarity for hit in hits.values()])
    lexical = np.array([hit.lexical for hit in hits.values()])
    scores = fuse(similarity, lexical, alpha=alpha, passages=passages)
    found = list(hits.items())
    return [
        (*found[place], float(scores[place])) for place in np.argsort(-scores, kind="stable")[: query.limit]
    ]


async def evidence(
    nodes: Nodes, collection: str, guild: GuildId, best: Sequence[tuple[UUID, Hit, float]]
) -> tuple[EvidenceItem, ...]:
    """Read what is shown. A passage that was deleted since it was found is left out."""
    if not best:
        return ()

    async def work(client: WeaviateAsyncClient) -> Any:
        tenant = client.collections.use(collection).with_tenant(tenant_of(guild))
        ids = [id_ for id_, _, _ in best]
        return await tenant.query.fetch_objects_by_ids(ids, limit=len(ids), return_properties=COLUMNS)

    found = await nodes.call(work)
    passages = {row.uuid: to_passage(row.properties, guild) for row in found.objects}
    return tuple(
        EvidenceItem(passage=passages[id_], score=score, similarity=hit.similarity, lexical=hit.lexical)
        for id_, hit, score in best
        if id_ in passages
    )


async def _halves(nodes: Nodes, collection: str, query: SearchQuery, where: Where) -> Hits:
    terms = asked_terms(query.text) if query.alpha < 1.0 else ""
    count = max(_CANDIDATES, query.limit)

    async def nearest(client: WeaviateAsyncClient) -> Hits:
        return await _nearest(_tenant(client, collection, query), query.vector, where, count)

    async def matching(client: WeaviateAsyncClient) -> Hits:
        return await _matching(_tenant(client, collection, query), terms, query.vector, where, count)

    halves = []
    if query.vector is not None and (query.alpha > 0.0 or not terms):
        halves.append(nodes.call(nearest))
    if terms:
        halves.append(nodes.call(matching))
    found: Hits = {}
    for half in await asyncio.gather(*halves):
        # The second half knows both scores, so what it found replaces what the vector found.
        found |= half
    return found


async def _nearest(tenant: _Tenant, vector: Vector | None, where: Where, count: int) -> Hits:
    assert vector is not None
    found = await tenant.query.near_vector(
        vector.tolist(),
        limit=count,
        filters=where,
        return_properties=[GENERATION],
        return_metadata=MetadataQuery(distance=True),
    )
    return {
        row.uuid: Hit(-float(row.metadata.distance or 0.0), 0.0, row.properties[GENERATION])
        for row in found.objects
    }


async def _matching(tenant: _Tenant, terms: str, vector: Vector | None, where: Where, count: int) -> Hits:
    found = await tenant.query.bm25(
        terms,
        query_properties=[SEARCHED],
        limit=count,
        filters=where,
        include_vector=vector is not None,
        return_properties=[GENERATION],
        return_metadata=MetadataQuery(score=True),
    )
    if vector is None or not found.objects:
        similarity = np.zeros(len(found.objects))
    else:
        similarity = np.array([row.vector["default"] for row in found.objects]) @ vector
    return {
        row.uuid: Hit(float(cosine), _FULL_BM25 * (row.metadata.score or 0.0), row.properties[GENERATION])
        for row, cosine in zip(found.objects, similarity, strict=True)
    }


def _tenant(client: WeaviateAsyncClient, collection: str, query: SearchQuery) -> _Tenant:
    return client.collections.use(collection).with_tenant(tenant_of(query.guild))
