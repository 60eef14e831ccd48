"""Rows into a tenant and out of it, in requests of bounded size, with every failure told.

Weaviate takes the good objects of a batch and reports the others one by one; a batch that left anything
behind is an error here.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Final

import numpy as np
from weaviate import WeaviateAsyncClient
from weaviate.exceptions import WeaviateDeleteManyError, WeaviateInsertManyAllFailedError
from weaviate.proto.v1 import batch_pb2

from agent.errors import StoreError
from agent.knowledge._weaviate.nodes import WRITE_SECONDS, Nodes
from agent.knowledge._weaviate.rows import Row, Where

_ROWS: Final = 100
"""In one request: enough to keep the server busy, few enough not to hold up a question in this process."""
REQUESTS_AT_ONCE: Final = 4
_RETRIES: Final = 2
"""Of a request that the server was too busy for, by the library."""
_GENTLE_ROWS: Final = 10
"""The server uses every core for a request: a question that comes meanwhile waits for so many rows."""
_NAMED: Final = 3


async def insert_all(
    nodes: Nodes, collection: str, tenant: str, rows: Iterable[Row], requests: asyncio.Semaphore
) -> None:
    """Store rows, or store them anew, in as many requests at once as `requests` lets through.

    Rows are drawn as they are sent, so they may be made meanwhile.
    """
    batches = _batches(iter(rows), _ROWS)

    async def send() -> None:
        while True:
            async with requests:
                if (batch := next(batches, None)) is None:
                    return
                await insert(nodes, collection, tenant, batch)

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(REQUESTS_AT_ONCE):
                group.create_task(send())
    except* StoreError as errors:
        raise _first(errors) from errors


async def insert_gently(nodes: Nodes, collection: str, tenant: str, rows: Iterable[Row]) -> None:
    """Leave the server half of the time, and room between small requests, for whoever asks meanwhile."""
    for batch in _batches(iter(rows), _GENTLE_ROWS):
        started = time.monotonic()
        await insert(nodes, collection, tenant, batch)
        await asyncio.sleep(time.monotonic() - started)


async def insert(nodes: Nodes, collection: str, tenant: str, rows: Sequence[Row]) -> None:
    """In one request. Raises `StoreError` with the first failures when not everything was stored.

    The library's own door looks at every property of every row for what kind it is, and makes an object of
    what was stored; that takes three times as long as making the message here.
    """
    request = batch_pb2.BatchObjectsRequest(objects=[_message(row, collection, tenant) for row in rows])

    async def work(client: WeaviateAsyncClient) -> None:
        refused = await client._connection.grpc_batch_objects(  # noqa: SLF001
            request, timeout=WRITE_SECONDS, max_retries=_RETRIES
        )
        if refused:
            raise WeaviateInsertManyAllFailedError(_named(list(refused.values())))

    await nodes.call(work, seconds=WRITE_SECONDS)


async def delete_where(nodes: Nodes, collection: str, tenant: str, where: Where) -> None:
    """Delete all rows that match, however many; Weaviate deletes some thousands a request."""

    async def work(client: WeaviateAsyncClient) -> int:
        rows = client.collections.use(collection)
        result = await rows.with_tenant(tenant).data.delete_many(where=where)
        if result.failed:
            # It does not say why, but whether the tenant takes changes at all.
            states = [shard.status for shard in await rows.config.get_shards() if shard.name == tenant]
            raise WeaviateDeleteManyError(f"{result.failed} rows of a {' '.join(states)} tenant stayed")
        return int(result.matches)

    while await nodes.call(work, seconds=WRITE_SECONDS):
        pass


def _message(row: Row, collection: str, tenant: str) -> batch_pb2.BatchObject:
    """Every property of ours is a text or a whole number."""
    vector = b"" if row.vector is None else np.asarray(row.vector, dtype="<f4").tobytes()
    message = batch_pb2.BatchObject(
        collection=collection, tenant=tenant, uuid=str(row.uuid), vector_bytes=vector
    )
    fields = message.properties.non_ref_properties.fields
    for name, value in row.properties.items():
        if isinstance(value, str):
            fields[name].string_value = value
        else:
            fields[name].number_value = value
    return message


def _batches(rows: Iterator[Row], size: int) -> Iterator[list[Row]]:
    while batch := list(islice(rows, size)):
        yield batch


def _named(messages: Sequence[str]) -> str:
    """The first failures, each kind once, and how many there are."""
    kinds = list(dict.fromkeys(messages))
    return f"{len(messages)} of the objects were refused: {'; '.join(kinds[:_NAMED])}"


def _first(errors: BaseExceptionGroup[StoreError]) -> StoreError:
    first = errors.exceptions[0]
    return first if isinstance(first, StoreError) else _first(first)
