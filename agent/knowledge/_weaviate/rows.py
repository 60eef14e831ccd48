"""A passage as an object of Weaviate, and back; the properties of a collection, and its filters.

A text that is filtered is indexed whole (tokenisation FIELD), which trims it: a text that would not survive
that is kept as JSON, in quotes. A day is a number like 20240503: Weaviate's own dates are nanoseconds since
1970 in 64 bits and end in 1678 and 2262.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from functools import reduce
from operator import and_
from typing import Any, Final, TypeAlias
from uuid import NAMESPACE_OID, UUID, uuid5

from weaviate.classes.config import DataType, Property, Tokenization
from weaviate.classes.data import DataObject
from weaviate.classes.query import Filter
from weaviate.collections.classes.filters import FilterReturn

from agent.contracts import GuildId, MemberId, Passage, PassageId, Slug, SourceId, SourceKind
from agent.knowledge._rows import searched_text
from agent.knowledge._weaviate.words import indexed_terms
from agent.knowledge.protocol import SearchQuery
from agent.models.protocol import Vector

Row: TypeAlias = "DataObject[dict[str, Any], None]"
Properties: TypeAlias = Mapping[str, Any]
Where: TypeAlias = FilterReturn

PASSAGE: Final = "passage"
"""The passage's id: `id` is Weaviate's own word."""
SEARCHED: Final = "searched"
GENERATION: Final = "generation"
"""Which write of its guild made the row; `ledger` says which ones are searched."""
ORDINAL: Final = "ordinal"
AUTHOR_NAME: Final = "author_name"
CATEGORY: Final = "category"
SOURCE: Final = "source"

BM25_K1: Final = 1.2
BM25_B: Final = 0.75
"""What LanceDB has built in."""

STATE: Final = "state"
PASSAGES: Final = "passages"
"""Of the ledger's rows, which hold no passage."""

_EXACT: Final = (PASSAGE, SOURCE, CATEGORY, "visibility", AUTHOR_NAME, "language", "kind", "author")
_PLAIN: Final = ("title", "location", "text", "link")
_NUMBERS: Final = ("start", "end")
_RANGES: Final = (ORDINAL, "date", GENERATION)
COLUMNS: Final = [*_EXACT, *_PLAIN, *_NUMBERS, *_RANGES]
"""Every property of a passage that is read back."""


def schema() -> list[Property]:
    exact = [
        Property(
            name=name,
            data_type=DataType.TEXT,
            tokenization=Tokenization.FIELD,
            index_filterable=True,
            index_searchable=False,
        )
        for name in _EXACT
    ]
    plain = [
        Property(name=name, data_type=DataType.TEXT, index_filterable=False, index_searchable=False)
        for name in (*_PLAIN, STATE)
    ]
    searched = Property(
        name=SEARCHED,
        data_type=DataType.TEXT,
        tokenization=Tokenization.WHITESPACE,
        index_filterable=False,
        index_searchable=True,
    )
    numbers = [Property(name=name, data_type=DataType.INT, index_filterable=False) for name in _NUMBERS]
    ranges = [
        Property(name=name, data_type=DataType.INT, index_filterable=True, index_range_filters=True)
        for name in _RANGES
    ]
    # Weaviate sums up only what it could also filter.
    counts = Property(name=PASSAGES, data_type=DataType.INT)
    return [*exact, *plain, searched, *numbers, *ranges, counts]


def tenant_of(guild: GuildId) -> str:
    """A digest, because a guild's id may hold anything and a tenant's name may not."""
    return "g" + hashlib.sha256(guild.encode()).hexdigest()[:40]


def row_id(guild: GuildId, passage: PassageId, generation: int) -> UUID:
    """The same for the same write, so that sending it twice stores it once."""
    return uuid5(NAMESPACE_OID, json.dumps([guild, passage, generation]))


def to_row(passage: Passage, vector: Vector, generation: int) -> Row:
    properties: dict[str, Any] = {name: getattr(passage, name) for name in (*_PLAIN, *_NUMBERS, ORDINAL)}
    exact = {name: getattr(passage, name) for name in _EXACT if name != PASSAGE}
    properties |= {name: _exact(value) for name, value in exact.items() if value is not None}
    properties |= {
        PASSAGE: _exact(passage.id),
        SEARCHED: indexed_terms(searched_text(passage)),
        GENERATION: generation,
    }
    if passage.date is not None:
        properties["date"] = _number_of(passage.date)
    return DataObject(
        properties=properties, uuid=row_id(passage.guild, passage.id, generation), vector=vector.tolist()
    )


def to_passage(row: Properties, guild: GuildId) -> Passage:
    day = row.get("date")
    category = _value(row.get(CATEGORY))
    author = _value(row.get("author"))
    return Passage(
        id=PassageId(_value(row[PASSAGE]) or ""),
        guild=guild,
        source=source_id(row[SOURCE]),
        ordinal=row[ORDINAL],
        title=row["title"],
        location=row["location"],
        text=row["text"],
        start=row["start"],
        end=row["end"],
        kind=SourceKind(row["kind"]),
        category=None if category is None else Slug(category),
        visibility=_value(row["visibility"]) or "",
        author=None if author is None else MemberId(author),
        author_name=_value(row[AUTHOR_NAME]) or "",
        date=None if day is None else date(day // 10_000, day // 100 % 100, day % 100),
        language=_value(row["language"]) or "",
        link=row["link"],
    )


def passage_id(row: Properties) -> PassageId:
    return PassageId(_value(row[PASSAGE]) or "")


def author_name(value: str) -> str:
    """A name as a person wrote it, from the value that Weaviate groups by."""
    return _value(value) or ""


def source_id(value: str) -> SourceId:
    """Likewise."""
    return SourceId(_value(value) or "")


def wanted(query: SearchQuery) -> Where:
    """What the asker may see and the query asks for."""
    parts = [of_visibilities(query.may_see)]
    if query.categories:
        parts.append(_one_of(CATEGORY, query.categories))
    if query.sources:
        parts.append(of_sources(query.sources))
    if query.author_name:
        parts.append(_one_of(AUTHOR_NAME, [query.author_name]))
    if query.since is not None:
        parts.append(Filter.by_property("date").greater_or_equal(_number_of(query.since)))
    if query.until is not None:
        parts.append(Filter.by_property("date").less_or_equal(_number_of(query.until)))
    return every(parts)


def every(parts: Iterable[Where]) -> Where:
    """All of them; there must be one."""
    return reduce(and_, parts)


def of_visibilities(may_see: frozenset[str]) -> Where:
    return _one_of("visibility", sorted(may_see))


def of_sources(sources: Sequence[SourceId]) -> Where:
    return _one_of(SOURCE, sources)


def of_ids(ids: Sequence[PassageId]) -> Where:
    return _one_of(PASSAGE, ids)


def of_author(author: MemberId) -> Where:
    return _one_of("author", [author])


def of_category(category: Slug) -> Where:
    return _one_of(CATEGORY, [category])


def of_generations(generations: Sequence[int]) -> Where:
    return Filter.by_property(GENERATION).contains_any(list(generations))


def not_of_generation(generation: int) -> Where:
    return Filter.by_property(GENERATION).not_equal(generation)


def up_to_generation(generation: int) -> Where:
    return Filter.by_property(GENERATION).less_or_equal(generation)


def after_generation(generation: int) -> Where:
    return Filter.by_property(GENERATION).greater_than(generation)


def of_ordinals(first: int, count: int) -> Where:
    ordinal = Filter.by_property(ORDINAL)
    return ordinal.greater_or_equal(first) & ordinal.less_than(first + count)


def _one_of(name: str, values: Sequence[str]) -> Where:
    return Filter.by_property(name).contains_any([_exact(value) for value in values])


def _exact(value: str) -> str:
    plain = value and value == value.strip() and not value.startswith('"')
    return str(value) if plain else json.dumps(value)


def _value(stored: str | None) -> str | None:
    return json.loads(stored) if stored is not None and stored.startswith('"') else stored


def _number_of(day: date) -> int:
    return day.year * 10_000 + day.month * 100 + day.day
