"""Figures of merit for classification with abstention. Pure."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]
Flags: TypeAlias = NDArray[np.bool_]
BINS = 15


def calibration_error(confidence: Floats, right: Flags, *, equal_mass: bool = False) -> float:
    """Expected calibration error over 15 bins of equal width, or of equal numbers of questions."""
    if equal_mass:
        bins = np.argsort(np.argsort(confidence, kind="stable"), kind="stable") * BINS // len(confidence)
    else:
        bins = np.minimum((confidence * BINS).astype(np.int64), BINS - 1)
    gaps = [
        abs(float(confidence[bins == k].mean() - right[bins == k].mean())) * float((bins == k).mean())
        for k in np.unique(bins)
    ]
    return sum(gaps)


def macro_f1(said: NDArray[np.int64], true: NDArray[np.int64]) -> float:
    """Mean of the F1 of each category in `true`."""
    scores = []
    for k in np.unique(true):
        hits = int(((said == k) & (true == k)).sum())
        scores.append(2 * hits / (int((said == k).sum()) + int((true == k).sum())))
    return float(np.mean(scores))


def recall_at(strangeness: Floats, outside: Flags, kept: float) -> float:
    """Share of questions out of scope that are refused where `kept` of those in scope are not."""
    threshold = np.quantile(strangeness[~outside], kept)
    return float((strangeness[outside] > threshold).mean())


def auroc(strangeness: Floats, outside: Flags) -> float:
    """Probability that a question out of scope looks stranger than one in scope."""
    ranks = np.argsort(np.argsort(strangeness, kind="stable"), kind="stable") + 1
    inside, out = int((~outside).sum()), int(outside.sum())
    return float((ranks[outside].sum() - out * (out + 1) / 2) / (inside * out))
