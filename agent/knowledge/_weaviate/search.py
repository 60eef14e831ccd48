"""One hybrid search of one guild: words and vector side by side, fused here.

Weaviate's own fusion stretches both halves to 0..1 over what they found, so that the best of a few accidental
words counts as much as a perfect match, and it gives back neither the cosine of what words found nor the
BM25 score. The judge of evidence needs both, so the two halves are asked for apart, which Weaviate also does
inside, and fused by `_fusion` as for every store. Of the rows that they find only those that are shown are
made into passages.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import numpy as np

from agent.contracts import EvidenceItem, GuildId
from agent.knowledge._fusion import fuse
from agent.knowledge._weaviate.ledger import GuildState
from agent.knowledge._weaviate.nodes import Nodes
from agent.knowledge._weaviate.rows import (
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
from agent.knowledge._weaviate.wire import Scope, filters_of, matching, nearest, rows_of, value_of
from agent.knowledge._weaviate.words import asked_terms
from agent.knowledge.protocol import SearchQuery
from agent.models.protocol import Vector

_FULL_BM25: Final = BM25_K1 + 1.0
"""The factor of BM25's definition that Weaviate leaves out and LanceDB does not."""

_CANDIDATES: Final = 50
"""From each half; a passage below both is not worth fusing."""

_COLUMNS: Final = tuple(COLUMNS)


@dataclass(frozen=True, slots=True)
class Hit:
    similarity: float
    lexical: float
    row: Any
    """As it came over the wire."""


Hits: TypeAlias = dict[bytes, Hit]
"""By the id's bytes."""


async def find(nodes: Nodes, collection: str, query: SearchQuery, state: GuildState) -> Hits:
    """The candidates of both halves, of what was searched in `state`.

    Rows of a write that goes on, or began since, may be among what the server finds; then it is asked again
    without them, which costs it more than looking first would gain.
    """
    where = every([wanted(query), *state.not_retired()])
    hits = await _halves(nodes, collection, query, where)
    if any(_generation(hit.row) > state.revision for hit in hits.values()):
        hits = await _halves(nodes, collection, query, where & up_to_generation(state.revision))
    return hits


def evidence(hits: Hits, query: SearchQuery, passages: int) -> tuple[EvidenceItem, ...]:
    """The best of a guild of so many passages, best first; only they are made into passages."""
    if not hits:
        return ()
    alpha = query.alpha if query.vector is not None else 0.0
    similarity = np.array([hit.similarity for hit in hits.values()])
    lexical = np.array([hit.lexical for hit in hits.values()])
    scores = fuse(similarity, lexical, alpha=alpha, passages=passages)
    found = list(hits.values())
    best = np.argsort(-scores, kind="stable")[: query.limit]
    return tuple(_item(found[place], float(scores[place]), query.guild) for place in best)


def _item(hit: Hit, score: float, guild: GuildId) -> EvidenceItem:
    passage = to_passage({name: value_of(hit.row, name) for name in COLUMNS}, guild)
    return EvidenceItem(passage=passage, score=score, similarity=hit.similarity, lexical=hit.lexical)


async def _halves(nodes: Nodes, collection: str, query: SearchQuery, where: Where) -> Hits:
    terms = asked_terms(query.text) if query.alpha < 1.0 else ""
    scope = Scope(
        collection=collection,
        tenant=tenant_of(query.guild),
        where=filters_of(where),
        limit=max(_CANDIDATES, query.limit),
        columns=_COLUMNS,
    )
    halves = []
    if query.vector is not None and (query.alpha > 0.0 or not terms):
        halves.append(_nearest(nodes, scope, query.vector))
    if terms:
        halves.append(_matching(nodes, scope, terms, query.vector))
    found: Hits = {}
    for half in await asyncio.gather(*halves):
        # The second half knows both scores, so what it found replaces what the vector found.
        found |= half
    return found


async def _nearest(nodes: Nodes, scope: Scope, vector: Vector) -> Hits:
    request = nearest(scope, vector)
    rows = await nodes.call(lambda client: rows_of(client, request))
    return {row.metadata.id_as_bytes: Hit(-row.metadata.distance, 0.0, row) for row in rows}


async def _matching(nodes: Nodes, scope: Scope, terms: str, vector: Vector | None) -> Hits:
    request = matching(scope, terms, SEARCHED, vectors=vector is not None)
    rows = await nodes.call(lambda client: rows_of(client, request))
    similarity = np.zeros(len(rows))
    if vector is not None and rows:
        stored = b"".join(row.metadata.vectors[0].vector_bytes for row in rows)
        similarity = np.frombuffer(stored, dtype="<f4").reshape(len(rows), -1) @ vector
    return {
        row.metadata.id_as_bytes: Hit(float(cosine), _FULL_BM25 * row.metadata.score, row)
        for row, cosine in zip(rows, similarity, strict=True)
    }


def _generation(row: Any) -> int:
    return int(row.properties.non_ref_props.fields[GENERATION].int_value)
