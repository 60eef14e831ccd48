"""Whether one of two is better on the same questions. Pure, one-sided: the null hypothesis is "no better".

* Right or wrong: McNemar's test in its exact form (McNemar 1947). Only questions on which the two differ
  say something, and each is a coin toss if neither is better.
* Scores: the paired bootstrap (Efron 1979; for comparing systems Koehn 2004, "Statistical significance tests
  for machine translation evaluation"): how often is the mean difference of resampled questions no lead.
"""

from __future__ import annotations

import math
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]

ROUNDS = 10_000
_AT_ONCE = 500
"""Rounds in memory together: 8 MB at 1,000 questions."""


def mcnemar(won: int, lost: int) -> float:
    """The chance of at least `won` of `won + lost` tosses; 1 where the two never differ."""
    tosses = won + lost
    ways = sum(math.comb(tosses, k) for k in range(won, tosses + 1))
    return float(ways / 2**tosses)


def bootstrap(differences: Floats, seed: int, rounds: int = ROUNDS) -> float:
    """The share of resamplings of (n,) differences whose mean is no lead; never 0, and 1 for none."""
    if not len(differences):
        return 1.0
    random = np.random.default_rng(seed)
    without = 0
    for start in range(0, rounds, _AT_ONCE):
        shape = min(_AT_ONCE, rounds - start), len(differences)
        drawn = random.integers(0, len(differences), shape)
        without += int((differences[drawn].mean(axis=1) <= 0).sum())
    return (without + 1) / (rounds + 1)
