"""One hybrid search of one Lance table: two queries of the same snapshot, fused here.

Lance's own hybrid query fuses ranks and keeps the cosine of vector hits only; a judge of evidence needs the
true cosine of every hit, so hits of BM25 bring their vectors along. Reading a passage's many columns costs
more than finding it: the queries give row ids, and only the rows that are shown are read.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from agent.contracts import EvidenceItem
from agent.knowledge import _filters, _rows
from agent.knowledge._fusion import Scores, fuse
from agent.knowledge._words import searched_words
from agent.knowledge.protocol import SearchQuery
from agent.models.protocol import Vector

if TYPE_CHECKING:
    from lancedb.expr import Expr
    from lancedb.table import AsyncTable

_CANDIDATES = 50
"""From each half; a passage below both is not worth fusing."""

_EVERY_PARTITION = 1_000_000
"""Lance splits a growing vector index into partitions; all of them are looked at, so the search is exact."""

_ROW = "_rowid"


@dataclass(frozen=True, slots=True)
class _Hits:
    """Found rows, each named once; all three have the shape (hits,)."""

    rows: NDArray[np.uint64]
    """Row ids, which mean something within one snapshot only."""
    similarity: Scores
    lexical: Scores


async def hybrid(table: AsyncTable, query: SearchQuery) -> tuple[EvidenceItem, ...]:
    """Search a snapshot. Raises what Lance raises."""
    where = _filters.visible(query)
    words = searched_words(query.text) if query.alpha < 1.0 else ""
    count = max(_CANDIDATES, query.limit)
    halves: list[Awaitable[_Hits]] = []
    if query.vector is not None and (query.alpha > 0.0 or not words):
        halves.append(_nearest(table, query.vector, where, count))
    if words:
        halves.append(_matching(table, words, query.vector, where, count))
    if not halves:
        return ()
    passages, found = await asyncio.gather(table.count_rows(), asyncio.gather(*halves))
    hits = _merged(found)
    alpha = query.alpha if query.vector is not None else 0.0
    scores = fuse(hits.similarity, hits.lexical, alpha=alpha, passages=passages)
    best = np.lexsort((hits.rows, -scores))[: query.limit]
    return await _evidence(table, query, hits, scores, best)


async def _nearest(table: AsyncTable, vector: Vector, where: Expr, count: int) -> _Hits:
    search = table.query().nearest_to(vector).distance_type("dot").nprobes(_EVERY_PARTITION)
    found = await search.where(where).limit(count).with_row_id().select(["_distance"]).to_arrow()
    similarity = 1.0 - found["_distance"].to_numpy().astype(np.float64)
    return _Hits(found[_ROW].to_numpy(), similarity, np.zeros(found.num_rows))


async def _matching(table: AsyncTable, words: str, vector: Vector | None, where: Expr, count: int) -> _Hits:
    search = table.query().nearest_to_text(words, columns=_rows.SEARCHED)
    columns = ["_score"] if vector is None else ["_score", _rows.VECTOR]
    found = await search.where(where).limit(count).with_row_id().select(columns).to_arrow()
    similarity = np.zeros(found.num_rows) if vector is None else _rows.vectors_of(found) @ vector
    lexical = found["_score"].to_numpy().astype(np.float64)
    return _Hits(found[_ROW].to_numpy(), similarity.astype(np.float64), lexical)


def _merged(halves: list[_Hits]) -> _Hits:
    """BM25 comes last and knows both scores, so what it found replaces what the vector found."""
    rows = np.concatenate([hits.rows for hits in halves])
    _, from_the_end = np.unique(rows[::-1], return_index=True)
    chosen = len(rows) - 1 - from_the_end
    return _Hits(
        rows[chosen],
        np.concatenate([hits.similarity for hits in halves])[chosen],
        np.concatenate([hits.lexical for hits in halves])[chosen],
    )


async def _evidence(
    table: AsyncTable, query: SearchQuery, hits: _Hits, scores: Scores, best: NDArray[np.intp]
) -> tuple[EvidenceItem, ...]:
    if not len(best):
        return ()
    taken = table.take_row_ids(hits.rows[best].tolist()).with_row_id().select([*_rows.COLUMNS])
    read = await taken.to_arrow()
    passages = dict(zip(read[_ROW].to_pylist(), _rows.to_passages(read, query.guild), strict=True))
    return tuple(
        EvidenceItem(
            passage=passages[int(hits.rows[place])],
            score=float(scores[place]),
            similarity=float(hits.similarity[place]),
            lexical=float(hits.lexical[place]),
        )
        for place in best
    )
