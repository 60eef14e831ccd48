"""Questions while an index is built beside the one they use, flipped to and flipped back."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import Any

from agent.contracts import PassageId
from agent.knowledge.protocol import IndexSpec, KnowledgeStore, SearchQuery
from benchmarks.store import DIMENSION, GUILD, SOURCE_PASSAGES, Corpus, percentiles

SPEC = IndexSpec(embedder="bench, again", dimension=DIMENSION, chunker="1")
QUESTIONS = 50
_FLIPPED_SECONDS = 1.0
"""How long questions go on after each flip."""


@dataclass(slots=True)
class _Asked:
    times: list[float] = field(default_factory=list)
    wrong: int = 0


async def reindexed(store: KnowledgeStore, size: int) -> dict[str, Any]:
    """Build a second version with the same vectors, so that every right answer stays the same."""
    questions = Corpus(seed=2).questions(QUESTIONS)
    right = [await _best(store, question) for question in questions]
    before = _Asked()
    for _ in range(4):
        await _ask_all(store, questions, right, before)
    meanwhile = _Asked()
    asking = asyncio.create_task(_ask_on(store, questions, right, meanwhile))
    try:
        await _rebuild(store, size)
    finally:
        asking.cancel()
        await asyncio.wait([asking])
    p95_before, p95 = (percentiles(asked.times)["p95"] for asked in (before, meanwhile))
    return {
        "ratio": p95 / p95_before,
        "wrong": before.wrong + meanwhile.wrong,
        "row": {
            "p95 before, ms": f"{p95_before:.1f}",
            "p95 meanwhile, ms": f"{p95:.1f}",
            "questions": len(meanwhile.times),
            "wrong or empty": before.wrong + meanwhile.wrong,
        },
    }


async def _rebuild(store: KnowledgeStore, size: int) -> None:
    old = next(version.name for version in await store.versions() if version.active)
    new = (await store.open_index(SPEC)).name
    corpus = Corpus()
    for number in range(size // SOURCE_PASSAGES):
        passages, matrix = await asyncio.to_thread(corpus.source, number)
        vectors = {passage.id: vector for passage, vector in zip(passages, matrix, strict=True)}
        await store.put_source(GUILD, passages[0].source, passages, vectors, version=new)
    await store.optimize(version=new)
    for name in (new, old, new):
        await store.activate(name)
        await asyncio.sleep(_FLIPPED_SECONDS)


async def _ask_on(
    store: KnowledgeStore, questions: list[SearchQuery], right: list[PassageId | None], asked: _Asked
) -> None:
    while True:
        await _ask_all(store, questions, right, asked)


async def _ask_all(
    store: KnowledgeStore, questions: list[SearchQuery], right: list[PassageId | None], asked: _Asked
) -> None:
    for question, expected in zip(questions, right, strict=True):
        started = time.perf_counter()
        best = await _best(store, question)
        asked.times.append(1000.0 * (time.perf_counter() - started))
        asked.wrong += best != expected


async def _best(store: KnowledgeStore, question: SearchQuery) -> PassageId | None:
    found = await store.search(question)
    return found[0].passage.id if found else None
