"""Searches as they go over the wire, for what every question waits for.

The library's own door checks and copies what it is given, and makes an object of every row of a reply and a
list of every vector. For a hundred candidates that takes longer than the search.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from uuid import UUID

import numpy as np
from weaviate import WeaviateAsyncClient
from weaviate.collections.filters import _FilterToGRPC
from weaviate.proto.v1 import base_pb2, base_search_pb2, search_get_pb2

from agent.knowledge._weaviate.rows import Where
from agent.models.protocol import Vector


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """Which rows are searched, and what of them is given back."""

    collection: str
    tenant: str
    where: base_pb2.Filters
    limit: int
    columns: tuple[str, ...]


def filters_of(where: Where) -> base_pb2.Filters:
    return _FilterToGRPC.convert(where)


def nearest(scope: Scope, vector: Vector) -> search_get_pb2.SearchRequest:
    """With the id and the distance of each row."""
    data = base_pb2.Vectors(
        vector_bytes=np.asarray(vector, dtype="<f4").tobytes(),
        type=base_pb2.Vectors.VectorType.VECTOR_TYPE_SINGLE_FP32,
    )
    return _request(
        scope,
        metadata=search_get_pb2.MetadataRequest(uuid=True, distance=True),
        near_vector=base_search_pb2.NearVector(vectors=[data]),
    )


def matching(scope: Scope, terms: str, column: str, *, vectors: bool) -> search_get_pb2.SearchRequest:
    """With the id and the BM25 score of each row, and with its vector where they are asked for."""
    return _request(
        scope,
        metadata=search_get_pb2.MetadataRequest(uuid=True, score=True, vector=vectors),
        bm25_search=base_search_pb2.BM25(query=terms, properties=[column]),
    )


def by_id(collection: str, tenant: str, identity: UUID, column: str) -> search_get_pb2.SearchRequest:
    """With whether the replicas agree."""
    where = base_pb2.Filters(
        operator=base_pb2.Filters.Operator.OPERATOR_EQUAL,
        value_text=str(identity),
        target=base_pb2.FilterTarget(property="_id"),
    )
    scope = Scope(collection=collection, tenant=tenant, where=where, limit=1, columns=(column,))
    return _request(scope, metadata=search_get_pb2.MetadataRequest(uuid=True, is_consistent=True))


async def rows_of(client: WeaviateAsyncClient, request: search_get_pb2.SearchRequest) -> Sequence[Any]:
    """The rows of a reply as they came."""
    reply = await client._connection.grpc_search(request=request)  # noqa: SLF001
    return list(reply.results)


def value_of(row: Any, column: str) -> Any:
    """Of a row; None where it has none."""
    fields = row.properties.non_ref_props.fields
    if column not in fields:
        return None
    value = fields[column]
    kind = value.WhichOneof("kind")
    return None if kind == "null_value" else getattr(value, kind)


def _request(scope: Scope, **what: Any) -> search_get_pb2.SearchRequest:
    return search_get_pb2.SearchRequest(
        collection=scope.collection,
        tenant=scope.tenant,
        filters=scope.where,
        limit=scope.limit,
        properties=_properties(scope.columns),
        # The newest of the shapes in which a server may answer.
        uses_123_api=True,
        uses_125_api=True,
        uses_127_api=True,
        **what,
    )


@lru_cache
def _properties(columns: tuple[str, ...]) -> search_get_pb2.PropertiesRequest:
    return search_get_pb2.PropertiesRequest(non_ref_properties=columns)
