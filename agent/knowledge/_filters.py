"""The exact filters of a search as Lance expressions.

Values are literals of an expression tree, never pieces of SQL text, so no value can change what a filter
means.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import TYPE_CHECKING

from agent.contracts import MemberId, PassageId, SourceId
from agent.knowledge.protocol import SearchQuery

if TYPE_CHECKING:
    from lancedb.expr import Expr


def visible(query: SearchQuery) -> Expr:
    """What the asker may see and the query asks for."""
    from lancedb.expr import col, lit

    parts = [of_visibilities(query.may_see)]
    if query.categories:
        parts.append(col("category").isin(list(query.categories)))
    if query.sources:
        parts.append(col("source").isin(list(query.sources)))
    if query.author_name:
        parts.append(col("author_name").eq(lit(query.author_name)))
    if query.since is not None:
        parts.append(col("date").gte(lit(query.since)))
    if query.until is not None:
        parts.append(col("date").lte(lit(query.until)))
    return reduce(lambda left, right: left.and_(right), parts)


def of_visibilities(may_see: frozenset[str]) -> Expr:
    from lancedb.expr import col

    return col("visibility").isin(sorted(may_see))


def of_sources(sources: Sequence[SourceId]) -> Expr:
    from lancedb.expr import col

    return col("source").isin(list(sources))


def of_ids(ids: Sequence[PassageId]) -> Expr:
    from lancedb.expr import col

    return col("id").isin(list(ids))


def of_author(author: MemberId) -> Expr:
    from lancedb.expr import col, lit

    return col("author").eq(lit(author))


def of_category(category: str) -> Expr:
    from lancedb.expr import col, lit

    return col("category").eq(lit(category))
