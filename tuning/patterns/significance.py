"""Whether what fails is more than chance: statistics that stay valid when they are asked every day.

Each cluster has an e-process (`tuning.sequential.DropProof`) of its trials since a baseline was frozen,
without the one that leads it. The leader was there before the others were asked, so which trials belong to a
cluster is settled before their outcome is known, and the e-process of a healthy cluster passes 1 / alpha with
probability alpha at most, ever. An interval of the last votes, or a binomial test with the procedure of
Benjamini and Hochberg, holds for one look only: asked every day, both find something in the end.

Many clusters are looked at, so their e-values share a bound: e-BH (Wang and Ramdas 2022, "False discovery
rate control with e-values"), the procedure of Benjamini and Hochberg for e-values, which asks nothing of how
the clusters depend on each other. Of the clusters that it names, `ALPHA` at most are healthy, on average.

A category that fell as a whole is noticed by `DropAlarm`, which does not forget a fall after a long good
time. A cluster takes part in it when its own e-value speaks against chance, however weakly.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tuning.patterns.rules import ALPHA
from tuning.patterns.trials import Trial
from tuning.sequential import alarms, proofs

BETWEEN: Final = 4_000
"""Healthy trials until an alarm of a category is false, on average, if the baseline is the truth."""


def worse(log_es: Sequence[float]) -> tuple[bool, ...]:
    """Which of these e-values, given as logarithms, e-BH names, at the level `ALPHA`."""
    ordered = sorted(log_es, reverse=True)
    bounds = [bound(len(log_es), rank) for rank in range(1, len(log_es) + 1)]
    named = max((rank for rank, log_e in enumerate(ordered, 1) if log_e >= bounds[rank - 1]), default=0)
    return tuple(bool(named) and log_e >= ordered[named - 1] for log_e in log_es)


def bound(looked_at: int, rank: int = 1) -> float:
    """What the e-value at a rank must reach among so many, as a logarithm."""
    return math.log(max(looked_at, 1) / (ALPHA * rank))


def path(trials: Sequence[Trial], rates: Sequence[float]) -> NDArray[np.float64]:
    """The logarithm of the e-process after each of these trials, each held against its own rate."""
    return proofs(_outcomes(trials), np.asarray(rates, dtype=np.float64))


def fallen(trials: Sequence[Trial], rate: float) -> bool:
    """Whether the alarm is up after these trials."""
    if not trials:
        return False
    return bool(alarms(_outcomes(trials), rate)[-1] >= math.log(BETWEEN))


def _outcomes(trials: Sequence[Trial]) -> NDArray[np.bool_]:
    return np.fromiter((not each.failed for each in trials), dtype=np.bool_, count=len(trials))
