"""What Weaviate means by what it says. The texts are those of Weaviate 1.35, met while nodes were killed."""

from __future__ import annotations

import pytest
from weaviate.exceptions import WeaviateInsertManyAllFailedError, WeaviateQueryError

from agent.errors import ConfigurationError, DiskFullError, LorekeeperError, StoreBusyError, StoreError
from agent.knowledge._weaviate.errors import (
    AsleepError,
    MissingTenantError,
    TakenError,
    is_away,
    store_error,
)


@pytest.mark.parametrize(
    "text",
    [
        "failed to execute query: rpc error: code = Canceled desc = grpc: the client connection is closing",
        "rpc error: code = Unavailable desc = connection error: desc = transport is closing",
        "rpc error: code = DeadlineExceeded desc = context deadline exceeded",
        'put: connect: Post "http://127.0.0.1:7101/replicas/indices/Notes": EOF',
        "read tcp 127.0.0.1:4711->127.0.0.1:7101: read: connection reset by peer",
        "write tcp 127.0.0.1:4711->127.0.0.1:7101: write: broken pipe",
        "read tcp 127.0.0.1:4711->127.0.0.1:7101: i/o timeout",
        "dial tcp 127.0.0.1:7101: connect: connection refused",
        "broadcast: cannot reach enough replicas",
        "leader not found",
    ],
)
def test_a_node_that_lost_another_is_away_and_another_is_asked(text: str) -> None:
    for error in (WeaviateInsertManyAllFailedError(text), WeaviateQueryError(text, "GRPC search")):
        assert is_away(error)
        assert isinstance(store_error("http://here", error), StoreBusyError)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("shard is read-only due to: disk usage too high", DiskFullError),
        ("write /var/lib/weaviate/x: no space left on device", DiskFullError),
        ("vector lengths don't match: 384 vs 3", StoreError),
        ('tenant not found: "g1"', MissingTenantError),
        ('tenant not active: "g1"', AsleepError),
        ("class name Notes_v1 already exists", TakenError),
        ("not find enough weaviate nodes: want 3", ConfigurationError),
        ("something that nobody has met", StoreError),
    ],
)
def test_what_asking_again_would_not_mend_is_said_at_once(text: str, expected: type[LorekeeperError]) -> None:
    error = WeaviateInsertManyAllFailedError(text)
    assert not is_away(error)
    assert type(store_error("http://here", error)) is expected
