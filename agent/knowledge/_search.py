"""One hybrid search of one Lance table: two queries on the same snapshot, fused here.

Lance's own hybrid query fuses ranks and keeps the cosine of vector hits only; a judge of evidence needs the
true cosine of every hit, so hits of BM25 bring their vectors along.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from agent.contracts import EvidenceItem
from agent.knowledge import _filters, _rows
from agent.knowledge._fusion import Scores, fuse
from agent.knowledge._words import searched_words
from agent.knowledge.protocol import SearchQuery
from agent.models.protocol import Vector

if TYPE_CHECKING:
    import pyarrow as pa
    from lancedb.expr import Expr
    from lancedb.table import AsyncTable

_CANDIDATES = 50
"""From each half; a passage below both is not worth fusing."""

_EVERY_PARTITION = 1_000_000
"""Lance splits a growing vector index into partitions; all of them are looked at, so the search is exact."""


@dataclass(frozen=True, slots=True)
class _Hits:
    """What one half found; `rows` has the passage columns, the scores have shape (rows,)."""

    rows: pa.Table
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
    return _ranked(found, query, passages)


async def _nearest(table: AsyncTable, vector: Vector, where: Expr, count: int) -> _Hits:
    search = table.query().nearest_to(vector).distance_type("dot").nprobes(_EVERY_PARTITION)
    rows = await search.where(where).limit(count).select([*_rows.COLUMNS, "_distance"]).to_arrow()
    similarity = 1.0 - rows["_distance"].to_numpy().astype(np.float64)
    return _Hits(rows.select(_rows.COLUMNS), similarity, np.zeros(rows.num_rows))


async def _matching(table: AsyncTable, words: str, vector: Vector | None, where: Expr, count: int) -> _Hits:
    search = table.query().nearest_to_text(words, columns=_rows.SEARCHED)
    columns = [*_rows.COLUMNS, _rows.VECTOR, "_score"]
    rows = await search.where(where).limit(count).select(columns).to_arrow()
    similarity = np.zeros(rows.num_rows) if vector is None else (_rows.vectors_of(rows) @ vector)
    lexical = rows["_score"].to_numpy().astype(np.float64)
    return _Hits(rows.select(_rows.COLUMNS), similarity.astype(np.float64), lexical)


def _ranked(found: list[_Hits], query: SearchQuery, passages: int) -> tuple[EvidenceItem, ...]:
    import pyarrow as pa

    rows = pa.concat_tables([hits.rows for hits in found])
    similarity = np.concatenate([hits.similarity for hits in found])
    lexical = np.concatenate([hits.lexical for hits in found])
    ids = rows["id"].to_pylist()
    # A passage that both halves found comes last from BM25, with both scores known: the later row wins.
    chosen = np.array(sorted({identity: row for row, identity in enumerate(ids)}.values()), dtype=np.int64)
    alpha = query.alpha if query.vector is not None else 0.0
    scores = fuse(similarity[chosen], lexical[chosen], alpha=alpha, passages=passages)
    order = sorted(range(len(chosen)), key=lambda place: (-scores[place], ids[chosen[place]]))[: query.limit]
    best = chosen[order]
    return tuple(
        EvidenceItem(
            passage=passage,
            score=float(scores[place]),
            similarity=float(similarity[row]),
            lexical=float(lexical[row]),
        )
        for passage, place, row in zip(
            _rows.to_passages(rows.take(best), query.guild), order, best, strict=True
        )
    )
