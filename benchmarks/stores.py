"""Weaviate through our client, Weaviate through its own, and the embedded store, side by side.

`python -m benchmarks.stores`, after `make servers`: passages and questions as in `benchmarks.store`. The raw
client asks the same server for the same tenant with one hybrid query, which is what a program would do
that needs neither scores of its own nor a search that sees whole writes only. Each size runs in a process of
its own, so that one's memory is not another's; the ways of searching take turns.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import weaviate
from weaviate.classes.config import Configure
from weaviate.classes.query import HybridFusion
from weaviate.collections import CollectionAsync

from agent.ingest.keeping import STORED_AT_ONCE
from agent.knowledge._weaviate import rows, words
from agent.knowledge.protocol import IndexSpec, KnowledgeStore, SearchQuery
from agent.runtime import open_knowledge
from agent.settings import load_settings
from benchmarks.reindexing import reindexed
from benchmarks.report import Goal, Report, Section, publish
from benchmarks.servers import running
from benchmarks.store import (
    DIMENSION,
    GUILD,
    SEARCHES,
    SIZES,
    SOURCE_PASSAGES,
    Corpus,
    ingest,
    milliseconds,
    peak_memory,
    percentiles,
    resident_mb,
)

SPEC = IndexSpec(embedder="bench", dimension=DIMENSION, chunker="1")
OVERHEAD_MS = 2.0
INGEST_SHARE = 0.8
SLOWER = 2.0
RAW_WAYS = ((100, 1), (100, 4), (500, 1), (500, 4), (1000, 2))
"""Rows a request and requests at once; the best counts."""
RAW_PASSAGES = 10_000
"""With which the ways are compared, and which are in memory at once."""

_Collection = CollectionAsync[Any, Any]


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--reindex-up-to", type=int, default=SIZES[-1], help="Re-index no more passages than so many."
    )
    parser.add_argument("--size", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--ports", type=int, nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.size:
        http, grpc = arguments.ports
        print(json.dumps(await _measure(arguments.size, http, grpc, arguments.reindex_up_to)))
        return
    with tempfile.TemporaryDirectory() as folder:
        async with running(Path(folder)) as servers:
            ports = (servers.weaviate.http_port, servers.weaviate.grpc_port)
            figures = [
                await asyncio.to_thread(_measured_apart, size, ports, arguments.reindex_up_to)
                for size in SIZES
            ]
    publish(_report(figures))


def _measured_apart(size: int, ports: tuple[int, int], reindex_up_to: int) -> dict[str, Any]:
    print(f"{size} passages ...", file=sys.stderr)
    module = [sys.executable, "-m", "benchmarks.stores", "--size", str(size), "--ports", *map(str, ports)]
    command = [*module, "--reindex-up-to", str(reindex_up_to)]
    result: dict[str, Any] = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    return result


async def _measure(size: int, http_port: int, grpc_port: int, reindex_up_to: int) -> dict[str, Any]:
    chosen = {
        "weaviate_url": f"http://127.0.0.1:{http_port}",
        "weaviate_grpc_port": grpc_port,
        "weaviate_collection": f"Bench{size}",
    }
    figures: dict[str, Any] = {"passages": size}
    with tempfile.TemporaryDirectory() as folder:
        async with (
            _opened(Path(folder), {}) as embedded,
            _opened(Path(folder), chosen) as served,
            weaviate.use_async_with_local("127.0.0.1", http_port, grpc_port) as client,
        ):
            # Weaviate first: the memory that the embedded store takes is not its client's.
            for name, store in {"Weaviate": served, "LanceDB": embedded}.items():
                figures[name] = await _filled(store, size)
            figures["raw ingest"] = await _raw_ingest(client, f"Raw{size}", size)
            raw = client.collections.use(f"Bench{size}").with_tenant(rows.tenant_of(GUILD))
            figures["searches"] = await _searches(embedded, served, raw)
            stores = {"LanceDB": embedded, "Weaviate": served}
            for name, store in stores.items() if size <= reindex_up_to else ():
                figures[f"re-index, {name}"] = await reindexed(store, size)
    return figures


@asynccontextmanager
async def _opened(folder: Path, chosen: dict[str, Any]) -> AsyncIterator[KnowledgeStore]:
    store = await open_knowledge(load_settings(None, data_dir=folder, **chosen))
    try:
        await store.open_index(SPEC)
        yield store
    finally:
        await store.close()


async def _filled(store: KnowledgeStore, size: int) -> dict[str, float]:
    before = resident_mb()
    with peak_memory() as peak:
        seconds = await ingest(store, Corpus(), size)
    await store.optimize()
    return {"per second": size / seconds, "memory before, MB": before, "peak, MB": peak[0]}


async def _raw_ingest(client: weaviate.WeaviateAsyncClient, name: str, size: int) -> dict[str, float]:
    """Passages a second for each way of sending; of many passages, for the way that is best with fewer."""
    fewer = min(size, RAW_PASSAGES)
    per_second = {way: await _raw_rate(client, name, fewer, way) for way in RAW_WAYS}
    if fewer < size:
        best = max(per_second, key=per_second.__getitem__)
        per_second = {best: await _raw_rate(client, name, size, best)}
    return {f"{count} a request, {at_once} at once": rate for (count, at_once), rate in per_second.items()}


async def _raw_rate(
    client: weaviate.WeaviateAsyncClient, name: str, size: int, way: tuple[int, int]
) -> float:
    """Passages a second, into a new tenant of the same schema."""
    await client.collections.create(
        name,
        properties=rows.schema(),
        vector_config=Configure.Vectors.self_provided(),
        multi_tenancy_config=Configure.multi_tenancy(enabled=True, auto_tenant_creation=True),
    )
    # What our client learned of the words when it stored the same passages.
    words.term.cache_clear()
    corpus, seconds = Corpus(), 0.0
    for first in range(0, size, RAW_PASSAGES):
        numbers = range(first // SOURCE_PASSAGES, min(first + RAW_PASSAGES, size) // SOURCE_PASSAGES)
        seconds += await _sent(client.collections.use(name).with_tenant("bench"), corpus, numbers, *way)
    await client.collections.delete(name)
    return size / seconds


async def _sent(
    tenant: _Collection, corpus: Corpus, numbers: Sequence[int], count: int, at_once: int
) -> float:
    """Seconds; making the rows is counted, as it is for our client."""
    sources = [corpus.source(number) for number in numbers]
    pairs = [(p, v) for passages, vectors in sources for p, v in zip(passages, vectors, strict=True)]
    batches = iter(range(0, len(pairs), count))

    async def send() -> None:
        for first in batches:
            made = [rows.to_row(passage, vector, 1) for passage, vector in pairs[first : first + count]]
            stored = await tenant.data.insert_many(made)
            if stored.has_errors:
                raise RuntimeError(f"{len(stored.errors)} rows were refused")

    started = time.perf_counter()
    await asyncio.gather(*(send() for _ in range(at_once)))
    return time.perf_counter() - started


async def _searches(
    embedded: KnowledgeStore, served: KnowledgeStore, raw: _Collection
) -> dict[str, dict[str, float]]:
    ways: dict[str, Callable[[SearchQuery], Awaitable[Any]]] = {
        "LanceDB": embedded.search,
        "Weaviate": served.search,
        "raw client": lambda query: _raw_search(raw, query),
    }
    times: dict[str, list[float]] = {f"{way}{end}": [] for way in ways for end in ("", ", one category")}
    for question in Corpus(seed=1).questions(SEARCHES):
        for way, search in ways.items():
            times[way].append(await milliseconds(search(replace(question, categories=()))))
            times[f"{way}, one category"].append(await milliseconds(search(question)))
    return {name: percentiles(values[len(values) // 10 :]) for name, values in times.items()}


async def _raw_search(tenant: _Collection, query: SearchQuery) -> Any:
    assert query.vector is not None
    return await tenant.query.hybrid(
        words.asked_terms(query.text),
        vector=query.vector.tolist(),
        alpha=query.alpha,
        fusion_type=HybridFusion.RELATIVE_SCORE,
        query_properties=[rows.SEARCHED],
        limit=query.limit,
        filters=rows.wanted(query),
        return_properties=rows.COLUMNS,
    )


def _report(figures: Sequence[dict[str, Any]]) -> Report:
    return Report(
        name="stores",
        title="Embedded store and Weaviate, side by side",
        sections=[_search_section(figures), _ingest_section(figures), _reindex_section(figures)],
        goals=_goals(figures),
        figures={str(one["passages"]): one for one in figures},
    )


def _search_section(figures: Sequence[dict[str, Any]]) -> Section:
    names = list(figures[0]["searches"])
    return Section(
        title="Hybrid search: milliseconds, p50 / p95",
        columns=["passages", *names],
        rows=[
            {"passages": f"{one['passages']:,}"}
            | {name: "{p50:.1f} / {p95:.1f}".format(**one["searches"][name]) for name in names}
            for one in figures
        ],
        note="8 results; a category is 5 % of the passages. The server has the same two cores as the client.",
    )


def _ingest_section(figures: Sequence[dict[str, Any]]) -> Section:
    return Section(
        title=f"Ingest ({SOURCE_PASSAGES} passages a source, embedding not counted)",
        columns=[
            "passages",
            "LanceDB, a second",
            "Weaviate, a second",
            "raw client, a second",
            "raw way",
            "peak",
        ],
        rows=[
            {
                "passages": f"{one['passages']:,}",
                "LanceDB, a second": f"{one['LanceDB']['per second']:,.0f}",
                "Weaviate, a second": f"{one['Weaviate']['per second']:,.0f}",
                "raw client, a second": f"{max(one['raw ingest'].values()):,.0f}",
                "raw way": max(one["raw ingest"], key=one["raw ingest"].__getitem__),
                "peak": "{memory before, MB:.0f} -> {peak, MB:.0f} MB".format(**one["Weaviate"]),
            }
            for one in figures
        ],
        note=f"{STORED_AT_ONCE} sources at once. The raw client's best of {len(RAW_WAYS)} ways, which are "
        f"compared with at most {RAW_PASSAGES:,} passages; peak: resident memory of the process before "
        "Weaviate is filled, and the most meanwhile.",
    )


def _reindex_section(figures: Sequence[dict[str, Any]]) -> Section:
    names = [name for name in figures[0] if name.startswith("re-index")]
    return Section(
        title="Questions while an index is built beside, flipped to and flipped back",
        columns=["passages", "store", "p95 before, ms", "p95 meanwhile, ms", "questions", "wrong or empty"],
        rows=[
            {"passages": f"{one['passages']:,}", "store": name.removeprefix("re-index, ")} | one[name]["row"]
            for one in figures
            for name in names
            if name in one
        ],
        note="A question is one hybrid search within a category; wrong: another passage is best.",
    )


def _goals(figures: Sequence[dict[str, Any]]) -> list[Goal]:
    p50 = {
        one["passages"]: {name: times["p50"] for name, times in one["searches"].items()} for one in figures
    }
    added = {
        size: max(ms["Weaviate" + end] - ms["raw client" + end] for end in ("", ", one category"))
        for size, ms in p50.items()
    }
    faster = {size: ms["Weaviate"] / ms["Weaviate, one category"] for size, ms in p50.items()}
    shares = {
        one["passages"]: one["Weaviate"]["per second"] / max(one["raw ingest"].values()) for one in figures
    }
    reindexes = {one["passages"]: one["re-index, Weaviate"] for one in figures if "re-index, Weaviate" in one}
    slower = {size: one["ratio"] for size, one in reindexes.items()}
    wrong = sum(one["wrong"] for one in reindexes.values())
    return [
        Goal(
            text=f"Our client adds at most {OVERHEAD_MS:g} ms at p50 to Weaviate's own hybrid search.",
            reached=max(added.values()) <= OVERHEAD_MS,
            note=_by_size(added, "{:+.1f} ms"),
        ),
        Goal(
            text="The category filter makes search on Weaviate faster.",
            reached=min(faster.values()) > 1,
            note=_by_size(faster, "{:.1f} times"),
        ),
        Goal(
            text=f"Ingest at {INGEST_SHARE:.0%} or more of the raw client's best rate.",
            reached=min(shares.values()) >= INGEST_SHARE,
            note=_by_size(shares, "{:.0%}"),
        ),
        Goal(
            text="A re-index at most doubles p95, and no answer is wrong or empty.",
            reached=max(slower.values()) <= SLOWER and not wrong,
            note=f"{_by_size(slower, '{:.1f} times')}; {wrong} wrong or empty",
        ),
    ]


def _by_size(values: dict[int, float], form: str) -> str:
    return ", ".join(f"{form.format(value)} at {size:,}" for size, value in values.items())


if __name__ == "__main__":
    asyncio.run(main())
