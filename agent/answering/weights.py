"""What `python -m benchmarks.squad --fit` learnt: paste its output here.

Fitted on half of the SQuAD 2.0 articles and the tuning half of the household questions; the other halves are
for measuring. Log-odds per unit of each feature.
"""

from __future__ import annotations

from collections.abc import Mapping

FREE: Mapping[str, float] = {
    "coverage": 5.97,
    "context": 0.87,
    "passage": -0.78,
    "pairs": 2.58,
    "kind": 1.59,
    "near": 10.46,
    "lexical": 1.05,
    "foreign": 2.64,
    "near_own": 9.83,
}
"""A sentence holds the answer, judged before any sentence is embedded."""

FULL: Mapping[str, float] = {**FREE, "cosine": 5.05}
"""The same with the cosine of question and sentence."""

JUDGE: Mapping[str, float] = {
    "bias": -33.2,
    "cosine": 40.0,
}
"""The extracts answer the question."""


def log_odds(weights: Mapping[str, float], features: Mapping[str, float]) -> float:
    """The weighted sum; every weight but `bias` needs its feature."""
    return sum(weight * (1.0 if name == "bias" else features[name]) for name, weight in weights.items())
