"""What the embedded store costs: ingest, search with and without filters, memory and disk, by size.

`python -m benchmarks.store`: passages of a seeded vocabulary whose words are as unequally frequent as in a
language, unit vectors around 20 centres, one for each category. Each size runs in a process of its own, so
that one's memory is not another's.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from agent.contracts import GUILD_WIDE, GuildId, Passage, PassageId, Slug, SourceId
from agent.ingest.keeping import STORED_AT_ONCE
from agent.knowledge.lance import open_store
from agent.knowledge.protocol import IndexSpec, KnowledgeStore, SearchQuery
from agent.models.protocol import Vectors
from benchmarks.report import Goal, Report, Section, publish

SIZES = (1_000, 10_000, 100_000)
DIMENSION = 384
CATEGORIES = 20
SOURCE_PASSAGES = 100
WORDS = 70
SEARCHES = 200
GUILD = GuildId("bench")
GOAL_MS = 10.0
_MADE_AHEAD = 50
"""Sources in memory at once."""


class Corpus:
    """Passages, vectors and questions that a seed decides, made one source at a time."""

    def __init__(self, seed: int = 0) -> None:
        self._random = np.random.default_rng(seed)
        letters = list("abcdefghijklmnopqrstuvwxyz")
        lengths = self._random.integers(3, 10, size=30_000)
        self._vocabulary = ["".join(self._random.choice(letters, size=length)) for length in lengths]
        weights = 1.0 / np.arange(1, len(self._vocabulary) + 1)
        self._cumulated = np.cumsum(weights / weights.sum())
        self._centres = self._random.standard_normal((CATEGORIES, DIMENSION))

    def source(self, number: int) -> tuple[list[Passage], Vectors]:
        category = number % CATEGORIES
        passages = [
            Passage(
                id=PassageId(f"{number}-{place}"),
                guild=GUILD,
                source=SourceId(f"source {number}"),
                ordinal=place,
                title=f"Source {number}",
                location=f"Part {place}",
                text=self.text(WORDS),
                start=place * 500,
                end=place * 500 + 500,
                category=Slug(f"category-{category}"),
            )
            for place in range(SOURCE_PASSAGES)
        ]
        return passages, self.vectors(np.full(SOURCE_PASSAGES, category))

    def text(self, words: int) -> str:
        places = np.searchsorted(self._cumulated, self._random.random(words))
        return " ".join(self._vocabulary[min(place, len(self._vocabulary) - 1)] for place in places)

    def vectors(self, categories: np.typing.NDArray[Any]) -> Vectors:
        noise = self._random.standard_normal((len(categories), DIMENSION))
        values = 0.8 * self._centres[categories] + noise
        return np.asarray(values / np.linalg.norm(values, axis=1, keepdims=True), dtype=np.float32)

    def questions(self, count: int) -> list[SearchQuery]:
        """Each about one category, which the filtered search is then given."""
        categories = np.arange(count) % CATEGORIES
        return [
            SearchQuery(
                guild=GUILD,
                text=self.text(8),
                vector=vector,
                may_see=frozenset({GUILD_WIDE}),
                categories=(Slug(f"category-{category}"),),
            )
            for category, vector in zip(categories, self.vectors(categories), strict=True)
        ]


def main() -> None:
    if len(sys.argv) == 3 and sys.argv[1] == "--size":
        print(json.dumps(asyncio.run(_measure(int(sys.argv[2])))))
        return
    figures = [_measured_apart(size) for size in SIZES]
    publish(
        Report(
            name="store",
            title="The embedded knowledge store",
            sections=[_search_section(figures), _cost_section(figures)],
            goals=_goals(figures),
            figures={str(one["passages"]): one for one in figures},
        )
    )


def _measured_apart(size: int) -> dict[str, Any]:
    print(f"{size} passages ...", file=sys.stderr)
    command = [sys.executable, "-m", "benchmarks.store", "--size", str(size)]
    result: dict[str, Any] = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    return result


async def _measure(size: int) -> dict[str, Any]:
    corpus = Corpus()
    with tempfile.TemporaryDirectory() as folder:
        store = await open_store(Path(folder))
        await store.open_index(IndexSpec(embedder="bench", dimension=DIMENSION, chunker="1"))
        before = resident_mb()
        with peak_memory() as peak:
            seconds = await ingest(store, corpus, size)
        started = time.perf_counter()
        await store.optimize()
        figures = {
            "passages": size,
            "ingest_per_second": size / seconds,
            "optimize_seconds": time.perf_counter() - started,
            "memory_before_mb": before,
            "memory_ingest_peak_mb": peak[0],
            "searches_ms": await _searches(store, corpus.questions(SEARCHES)),
            "memory_after_searches_mb": resident_mb(),
            "disk_mb": _disk_mb(Path(folder)),
        }
        await store.close()
    return figures


async def ingest(store: KnowledgeStore, corpus: Corpus, size: int) -> float:
    """Seconds that the store took, with as many sources at once as `lorekeeper ingest` stores; making the
    passages is not counted.
    """
    seconds = 0.0
    numbers = range(size // SOURCE_PASSAGES)
    for first in range(0, len(numbers), _MADE_AHEAD):
        made = iter([corpus.source(number) for number in numbers[first : first + _MADE_AHEAD]])
        started = time.perf_counter()
        await asyncio.gather(*(_put_all(store, made) for _ in range(STORED_AT_ONCE)))
        seconds += time.perf_counter() - started
    return seconds


async def _put_all(store: KnowledgeStore, made: Iterator[tuple[list[Passage], Vectors]]) -> None:
    for passages, matrix in made:
        vectors = {passage.id: vector for passage, vector in zip(passages, matrix, strict=True)}
        await store.put_source(GUILD, passages[0].source, passages, vectors)


async def _searches(store: KnowledgeStore, questions: list[SearchQuery]) -> dict[str, dict[str, float]]:
    """The variants take turns, so that what else the machine does burdens all of them alike."""
    variants: Mapping[str, Callable[[SearchQuery], SearchQuery]] = {
        "hybrid": lambda question: replace(question, categories=()),
        "hybrid, one category": lambda question: question,
        "dense": lambda question: replace(question, categories=(), text=""),
        "dense, one category": lambda question: replace(question, text=""),
    }
    times: dict[str, list[float]] = {name: [] for name in variants}
    gc.collect()
    for question in questions:
        for name, variant in variants.items():
            times[name].append(await milliseconds(store.search(variant(question))))
    return {name: percentiles(values[len(values) // 10 :]) for name, values in times.items()}


async def milliseconds(work: Awaitable[object]) -> float:
    started = time.perf_counter()
    await work
    return 1000.0 * (time.perf_counter() - started)


def percentiles(values: list[float]) -> dict[str, float]:
    return {"p50": statistics.median(values), "p95": statistics.quantiles(values, n=20)[-1]}


@contextmanager
def peak_memory() -> Iterator[list[float]]:
    """The most megabytes that were resident meanwhile, sampled; the only element of what it gives."""
    peak, done = [resident_mb()], threading.Event()

    def sample() -> None:
        while not done.wait(0.05):
            peak[0] = max(peak[0], resident_mb())

    sampler = threading.Thread(target=sample)
    sampler.start()
    try:
        yield peak
    finally:
        done.set()
        sampler.join()


def resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text("utf-8").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def _disk_mb(folder: Path) -> float:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) / 1e6


def _search_section(figures: list[dict[str, Any]]) -> Section:
    names = list(figures[0]["searches_ms"])
    rows = [
        {"passages": f"{one['passages']:,}"}
        | {name: "{p50:.1f} / {p95:.1f}".format(**one["searches_ms"][name]) for name in names}
        for one in figures
    ]
    return Section(
        title="Search: milliseconds, p50 / p95",
        columns=["passages", *names],
        rows=rows,
        note=f"Exact, 8 results, vectors of {DIMENSION}; a category is {100 // CATEGORIES} % of them.",
    )


def _cost_section(figures: list[dict[str, Any]]) -> Section:
    rows = [
        {
            "passages": f"{one['passages']:,}",
            "ingest, passages/s": f"{one['ingest_per_second']:,.0f}",
            "optimize, s": f"{one['optimize_seconds']:.1f}",
            "memory before, MB": f"{one['memory_before_mb']:.0f}",
            "peak while ingesting, MB": f"{one['memory_ingest_peak_mb']:.0f}",
            "after searches, MB": f"{one['memory_after_searches_mb']:.0f}",
            "disk, MB": f"{one['disk_mb']:.0f}",
        }
        for one in figures
    ]
    return Section(
        title=f"Ingest ({SOURCE_PASSAGES} passages a source, embedding not counted), memory and disk",
        columns=list(rows[0]),
        rows=rows,
        note="The disk still holds the states of the last minute, which the next optimize removes.",
    )


def _goals(figures: list[dict[str, Any]]) -> list[Goal]:
    searches = {one["passages"]: one["searches_ms"] for one in figures}
    ratios = {size: ms["hybrid"]["p50"] / ms["hybrid, one category"]["p50"] for size, ms in searches.items()}
    said = ", ".join(f"{ratio:.1f} times at {size:,}" for size, ratio in ratios.items())
    p50 = searches[10_000]["hybrid"]["p50"]
    return [
        Goal(
            text="The category filter makes hybrid search faster.",
            reached=min(ratios.values()) > 1,
            note=said,
        ),
        Goal(
            text=f"Hybrid search of 10,000 passages takes {GOAL_MS:.0f} ms or less at p50.",
            reached=p50 <= GOAL_MS,
            note=f"{p50:.1f} ms",
        ),
    ]


if __name__ == "__main__":
    main()
