"""What every `Embedder` must do."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import numpy as np
import pytest

from agent.errors import ModelError
from agent.models.protocol import Embedder, EmbedKind

ODD_TEXTS = [
    "",
    " \n\t",
    "\x00",
    "a\x00b",
    "\ud800",
    "🎉" * 1000,
    "ﷺ" * 20_000,
    "שלום עולם",
    "한국어 " * 2000,
    "pool pump " * 20_000,
    "x" * 100_000,
    "\u0301" * 5000,
]


def test_says_which_model_it_is(any_embedder: Embedder) -> None:
    assert any_embedder.info.name
    assert len(any_embedder.info.digest) == 64
    assert any_embedder.dimension > 100


@pytest.mark.parametrize("kind", EmbedKind)
async def test_nothing_to_embed_gives_no_rows(any_embedder: Embedder, kind: EmbedKind) -> None:
    assert (await any_embedder.embed([], kind)).shape == (0, any_embedder.dimension)


@pytest.mark.parametrize("count", [1, 2, 40])
async def test_one_unit_row_a_text_in_order(any_embedder: Embedder, count: int) -> None:
    texts = [f"Entry {n}: the pump number {n} was replaced." for n in range(count)]
    rows = await any_embedder.embed(texts, EmbedKind.PASSAGE)
    assert rows.shape == (count, any_embedder.dimension)
    assert rows.dtype == np.float32
    assert np.linalg.norm(rows, axis=1) == pytest.approx(np.ones(count), abs=1e-4)
    alone = await any_embedder.embed([texts[-1]], EmbedKind.PASSAGE)
    assert rows[-1] @ alone[0] == pytest.approx(1, abs=2e-3)


async def test_the_same_text_gives_the_same_vector(any_embedder: Embedder) -> None:
    first = await any_embedder.embed(["When did we replace our pool pump?"], EmbedKind.QUERY)
    await any_embedder.embed(["Something else, and longer than before."], EmbedKind.QUERY)
    again = await any_embedder.embed(["When did we replace our pool pump?"], EmbedKind.QUERY)
    assert np.array_equal(first, again)


async def test_a_question_is_nearest_to_its_passage(any_embedder: Embedder) -> None:
    passages = [
        "The pool pump was replaced in May 2024 by a Pentair SuperFlo.",
        "The car got four winter tyres in November.",
        "Boil the rice for twelve minutes, then let it rest.",
    ]
    rows = await any_embedder.embed(passages, EmbedKind.PASSAGE)
    for index, question in enumerate(
        ["When did we buy a new pool pump?", "Which tyres does the car have?", "How long to cook rice?"]
    ):
        query = await any_embedder.embed([question], EmbedKind.QUERY)
        assert int(np.argmax(rows @ query[0])) == index


async def test_odd_texts_have_finite_unit_vectors(any_embedder: Embedder) -> None:
    rows = await any_embedder.embed(ODD_TEXTS, EmbedKind.PASSAGE)
    assert np.isfinite(rows).all()
    assert np.linalg.norm(rows, axis=1) == pytest.approx(np.ones(len(ODD_TEXTS)), abs=1e-3)


async def test_several_callers_each_get_their_own_rows(any_embedder: Embedder) -> None:
    texts = [[f"caller {c} text {n}" for n in range(c + 1)] for c in range(5)]
    together = await asyncio.gather(*(any_embedder.embed(t, EmbedKind.QUERY) for t in texts))
    for caller, rows in zip(texts, together, strict=True):
        alone = await any_embedder.embed(caller, EmbedKind.QUERY)
        assert np.einsum("ij,ij->i", rows, alone) == pytest.approx(np.ones(len(caller)), abs=2e-3)


async def test_cancelling_ends_long_work_and_the_next_call_works(any_embedder: Embedder) -> None:
    long = asyncio.create_task(any_embedder.embed(["pool pump " * 50] * 5000, EmbedKind.PASSAGE))
    await asyncio.sleep(0.05)
    long.cancel()
    with pytest.raises(asyncio.CancelledError):
        await long
    async with asyncio.timeout(60):
        assert (await any_embedder.embed(["still here"], EmbedKind.QUERY)).shape[0] == 1


async def test_a_closed_embedder_says_so(open_another_embedder: Callable[[], Awaitable[Embedder]]) -> None:
    opened = await open_another_embedder()
    await opened.close()
    with pytest.raises(ModelError, match="closed"):
        await opened.embed(["x"], EmbedKind.QUERY)
