"""A passage as a row of an Arrow table, and back.

The columns are the fields of `Passage` but `guild`, which is the table itself, and two that are derived:
`searched`, the words that BM25 looks at, and `vector`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from agent.contracts import GuildId, Passage, PassageId, SourceKind
from agent.errors import StoreError
from agent.models.protocol import Vector, Vectors

if TYPE_CHECKING:
    import pyarrow as pa

COLUMNS = (
    "id",
    "source",
    "ordinal",
    "title",
    "location",
    "text",
    "start",
    "end",
    "kind",
    "category",
    "visibility",
    "author",
    "author_name",
    "date",
    "language",
    "link",
)
"""The fields of a passage that are stored as they are, by their own names."""

SEARCHED = "searched"
VECTOR = "vector"


def schema(dimension: int) -> pa.Schema:
    import pyarrow as pa

    types = {"ordinal": pa.int32(), "start": pa.int64(), "end": pa.int64(), "date": pa.date32()}
    fields = [pa.field(name, types.get(name, pa.string())) for name in COLUMNS]
    fields += [pa.field(SEARCHED, pa.string()), pa.field(VECTOR, pa.list_(pa.float32(), dimension))]
    return pa.schema(fields)


def to_rows(passages: Sequence[Passage], vectors: Mapping[PassageId, Vector], dimension: int) -> pa.Table:
    """Shape (len(passages), columns). `StoreError` for a vector that is absent or of another dimension."""
    import pyarrow as pa

    matrix = np.stack([vector_of(passage, vectors, dimension) for passage in passages])
    columns: dict[str, Any] = {name: [getattr(passage, name) for passage in passages] for name in COLUMNS}
    columns["kind"] = [passage.kind.value for passage in passages]
    columns[SEARCHED] = [searched_text(passage) for passage in passages]
    columns[VECTOR] = pa.FixedSizeListArray.from_arrays(pa.array(matrix.ravel()), dimension)
    return pa.table(columns, schema=schema(dimension))


def size_of(passages: Sequence[Passage], dimension: int) -> int:
    """Bytes that storing them takes, generously: text and vector stand in the table and in an index."""
    return sum(12 * len(passage.text) + 8 * dimension + 2_000 for passage in passages)


def to_passages(rows: pa.Table, guild: GuildId) -> list[Passage]:
    """One passage a row, in the order of the rows."""
    return [
        Passage(**{**row, "kind": SourceKind(row["kind"])}, guild=guild)
        for row in rows.select(COLUMNS).to_pylist()
    ]


def vectors_of(rows: pa.Table) -> Vectors:
    """Shape (rows, dimension), without copying where Arrow allows it."""
    column = rows.column(VECTOR).combine_chunks()
    flat: Vectors = column.flatten().to_numpy(zero_copy_only=False)
    return flat.reshape(rows.num_rows, column.type.list_size)


def vector_of(passage: Passage, vectors: Mapping[PassageId, Vector], dimension: int) -> Vector:
    """Shape (dimension,), float32. `StoreError` when it is absent or of another dimension."""
    vector = vectors.get(passage.id)
    if vector is None:
        raise StoreError(f"Passage {passage.id} has no vector and is not stored yet.", "Embed it first.")
    if vector.shape != (dimension,):
        raise StoreError(
            f"The vector of passage {passage.id} has the shape {vector.shape}, not ({dimension},).",
            "Embed with the index's embedder, or build a new index version.",
        )
    return vector.astype(np.float32, copy=False)


def searched_text(passage: Passage) -> str:
    """Where a passage stands says what it is about: a row under `Pool › Pump` need not name the pump."""
    return f"{passage.title}\n{passage.location}\n{passage.text}"
