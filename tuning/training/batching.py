"""Which rows go through the model together, and in which order; the same for the same seed on any machine.

Rows of like length share a batch, because on a CPU padding costs as much as text: 1.5 times on rows of 40 to
220 tokens. Rows are shuffled first and sorted within stretches of some batches only, so that a batch is not
always made of the same rows.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from typing import Final, TypeAlias

Micro: TypeAlias = tuple[int, ...]
"""Indices of rows that go through the model at once."""

_STRETCH: Final = 8
"""Batches that are sorted by length together."""
_SHARED_WORTH: Final = 8
"""So many tokens that are shared take the memory of one that is a row's own: of them a row has keys, values
and attention's scores, of its own also all that lies between (SmolLM2: 0.25 MB beside 2.4 MB, in float32)."""


def steps(
    lengths: Sequence[int], *, batch: int, micro_tokens: int, shared: int, seed: int, epoch: int
) -> list[tuple[Micro, ...]]:
    """Return the optimizer's steps of an epoch, each as the parts in which its rows go through the model.

    `lengths` are in tokens, without the `shared` ones that all rows begin with and that are read once a step.
    """
    order = list(range(len(lengths)))
    source = random.Random(f"{seed}/{epoch}")
    source.shuffle(order)
    stretch = batch * _STRETCH
    batches = [
        tuple(sorted(part, key=lambda row: lengths[row])[at : at + batch])
        for begin in range(0, len(order), stretch)
        for part in [order[begin : begin + stretch]]
        for at in range(0, len(part), batch)
    ]
    source.shuffle(batches)
    return [tuple(parts(rows, lengths, micro_tokens, shared)) for rows in batches]


def parts(rows: Sequence[int], lengths: Sequence[int], micro_tokens: int, shared: int) -> Iterator[Micro]:
    """Cut rows, shortest first, into parts of at most `micro_tokens`, padding included.

    What is shared counts for an eighth in every row, as each attends to it.
    """
    attended = shared // _SHARED_WORTH
    part: list[int] = []
    for row in sorted(rows, key=lambda each: lengths[each]):
        if part and (attended + lengths[row]) * (len(part) + 1) > micro_tokens:
            yield tuple(part)
            part = []
        part.append(row)
    if part:
        yield tuple(part)


def common_start(rows: Sequence[list[int]], most: int) -> int:
    """How many tokens all rows begin with, at most `most`."""
    if not rows:
        return 0
    low, high = min(rows), max(rows)
    for at, (one, other) in enumerate(zip(low[:most], high[:most], strict=False)):
        if one != other:
            return at
    return min(len(low), len(high), most)
