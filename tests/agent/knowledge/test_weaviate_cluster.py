"""Three real nodes with three replicas: one of them may die at any moment and nothing is lost or fails."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from dataclasses import replace

import pytest

from agent.contracts import SourceId
from agent.knowledge.weaviate import WeaviateStore
from tests.agent.knowledge.factories import open_at
from tests.agent.knowledge.passages import HOME, NEW_SPEC, NOTES, SPEC, about, passages_of, put
from tests.servers.fixtures import require
from tests.servers.weaviate import WeaviateServer, cluster_of, start_cluster

SIZE = 5


@pytest.fixture
def nodes(
    pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Sequence[WeaviateServer]]:
    require("Weaviate", pytestconfig)
    cluster = cluster_of(tmp_path_factory.mktemp("cluster"), 3)
    try:
        start_cluster(cluster)
        yield cluster
    finally:
        for node in cluster:
            node.kill()


@pytest.fixture
async def store(nodes: Sequence[WeaviateServer]) -> AsyncIterator[WeaviateStore]:
    opened = await open_at(*nodes, alias="Cluster", replicas=3)
    await opened.open_index(SPEC)
    yield opened
    await opened.close()


def _source(number: int) -> SourceId:
    return SourceId(f"s{number}")


async def _put(store: WeaviateStore, number: int, word: str) -> None:
    source = _source(number)
    await put(store, *passages_of(source, *(f"{word} pump {number} {place}" for place in range(SIZE))))


@pytest.mark.parametrize("victim", [0, 2], ids=["the one that is asked", "another one"])
async def test_a_node_killed_during_ingest_and_questions_loses_nothing_and_fails_nothing(
    nodes: Sequence[WeaviateServer], store: WeaviateStore, victim: int
) -> None:
    await put(store, *passages_of(NOTES, *(f"kept pump {place}" for place in range(SIZE))))
    done = asyncio.Event()
    written = 0

    async def ask() -> int:
        asked = 0
        while not done.is_set():
            found = await store.search(replace(about("kept pump"), sources=(NOTES,)))
            assert len(found) == SIZE
            asked += 1
        return asked

    async def ingest() -> None:
        nonlocal written
        while not done.is_set():
            await _put(store, written, "new")
            written += 1

    asking, ingesting = asyncio.create_task(ask()), asyncio.create_task(ingest())

    async def has_written(count: int) -> bool:
        return written >= count or ingesting.done()

    await _until(lambda: has_written(5))
    await asyncio.to_thread(nodes[victim].kill)
    killed_at = written
    await _until(lambda: has_written(killed_at + 10))
    done.set()
    assert await asking > 5
    await ingesting

    assert await store.count(HOME) == SIZE * (written + 1)
    for number in range(written):
        assert len(await store.passages_of(HOME, _source(number))) == SIZE
    await store.open_index(NEW_SPEC)
    await store.activate("v2")
    await store.activate("v1")
    assert "2 of 3 nodes healthy" in await store.check()
    if victim != 0:
        # The first node is the one that the others join: alone it does not find them again.
        await _comes_back(nodes, victim, written)


async def _comes_back(nodes: Sequence[WeaviateServer], victim: int, written: int) -> None:
    """A node that was away has everything again, and serves it when it is asked alone."""
    await asyncio.to_thread(nodes[victim].start)
    alone = await open_at(nodes[victim], alias="Cluster", replicas=3)

    async def has_all() -> bool:
        held = [await alone.passages_of(HOME, _source(number)) for number in range(written)]
        return all(len(each) == SIZE for each in held)

    await _until(has_all)
    assert await alone.count(HOME) == SIZE * (written + 1)
    await alone.close()


async def _until(holds: Callable[[], Awaitable[bool]]) -> None:
    deadline = time.monotonic() + 90
    while not await holds():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.05)
