"""What `python -m benchmarks.squad --fit` learnt: paste its output here.

Fitted on half of the SQuAD 2.0 articles and the tuning half of the household questions; the other halves are
for measuring. Log-odds per unit of each feature.
"""

from __future__ import annotations

from collections.abc import Mapping

FREE: Mapping[str, float] = {
    "coverage": 5.44,
    "context": 0.67,
    "pairs": 0.72,
    "kind": 0.42,
    "foreign": 2.76,
    "near": 29.49,
    "near_own": 80.91,
}
"""A sentence holds the answer, judged before any sentence is embedded."""

FULL: Mapping[str, float] = {
    "coverage": 3.11,
    "context": 0.47,
    "pairs": 0.31,
    "kind": 0.53,
    "foreign": 2.54,
    "near": 22.13,
    "near_own": 36.27,
    "cosine": 16.04,
}
"""The same with the cosine of question and sentence."""

JUDGE: Mapping[str, float] = {
    "bias": -20.59,
    "cosine": 23.03,
    "gap": 13.69,
    "foreign": 1.96,
    "named": 0.22,
    "kind": 0.66,
    "agreement": 0.25,
}
"""The extracts answer the question."""


def log_odds(weights: Mapping[str, float], features: Mapping[str, float]) -> float:
    """The weighted sum; every weight but `bias` needs its feature."""
    return sum(weight * (1.0 if name == "bias" else features[name]) for name, weight in weights.items())
