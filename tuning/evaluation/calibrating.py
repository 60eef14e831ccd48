"""What a judge's score means in scores of people: isotonic regression by pooling adjacent violators (Ayer et
al. 1955; Barlow et al. 1972), which assumes nothing but that a higher score is no worse. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from tuning.evaluation.paired import Floats

_FOLDS: Final = 5
_FARTHEST: Final = 4.0
"""Between 1 and 5."""


@dataclass(frozen=True, slots=True)
class Isotonic:
    """A rising function: straight between the points, level beyond them."""

    given: tuple[float, ...]
    """Rising."""
    meant: tuple[float, ...]

    def __call__(self, score: float) -> float:
        return float(np.interp(score, self.given, self.meant))


def fit_isotonic(given: Sequence[float], meant: Sequence[float]) -> Isotonic:
    """Fit the rising function with the least squared error. Both have one value or more."""
    order = np.lexsort((meant, given))
    blocks: list[tuple[float, float, int]] = []
    """Mean of what was given, mean of what was meant, and how many."""
    for x, y in zip(np.array(given)[order], np.array(meant)[order], strict=True):
        block = float(x), float(y), 1
        # Equal scores must mean the same, so they pool as well.
        while blocks and (blocks[-1][1] >= block[1] or blocks[-1][0] == block[0]):
            block = _pooled(blocks.pop(), block)
        blocks.append(block)
    return Isotonic(tuple(x for x, _, _ in blocks), tuple(y for _, y, _ in blocks))


def unseen_error(given: Sequence[float], meant: Sequence[float]) -> float:
    """The mean absolute distance on scores that the fit had not seen: five folds, every fifth score in one.

    With fewer than two scores nothing is unseen: the greatest distance there is.
    """
    count = len(given)
    if count < 2:
        return _FARTHEST
    x, y, fold = np.array(given), np.array(meant), np.arange(count) % min(_FOLDS, count)
    distances: list[Floats] = []
    for held_out in np.unique(fold):
        fitted = fit_isotonic(x[fold != held_out].tolist(), y[fold != held_out].tolist())
        guessed = np.array([fitted(score) for score in x[fold == held_out]])
        distances.append(np.abs(guessed - y[fold == held_out]))
    return float(np.concatenate(distances).mean())


def _pooled(one: tuple[float, float, int], other: tuple[float, float, int]) -> tuple[float, float, int]:
    count = one[2] + other[2]
    x, y = ((one[k] * one[2] + other[k] * other[2]) / count for k in (0, 1))
    return x, y, count
