"""What `python -m benchmarks.squad --fit` learnt: paste its output here.

Fitted on half of the SQuAD 2.0 articles and the tuning half of the household questions; the other halves are
for measuring. Log-odds per unit of each feature.
"""

from __future__ import annotations

from collections.abc import Mapping

FREE: Mapping[str, float] = {
    "coverage": 5.46,
    "context": 0.67,
    "pairs": 0.7,
    "kind": 0.37,
    "foreign": 2.51,
    "near": 12.79,
    "near_own": 19.01,
}
"""A sentence holds the answer, judged before any sentence is embedded."""

FULL: Mapping[str, float] = {
    "coverage": 3.38,
    "context": 0.31,
    "pairs": 0.49,
    "kind": 0.41,
    "foreign": 2.1,
    "near": 15.36,
    "near_own": 1.58,
    "cosine": 3.53,
}
"""The same with the cosine of question and sentence."""

JUDGE: Mapping[str, float] = {
    "bias": -2.76,
    "cosine": 3.99,
    "gap": 4.97,
    "foreign": 0.52,
    "named": 0.75,
    "kind": 0.36,
    "agreement": 0.22,
}
"""The extracts answer the question."""


def log_odds(weights: Mapping[str, float], features: Mapping[str, float]) -> float:
    """The weighted sum; every weight but `bias` needs its feature."""
    return sum(weight * (1.0 if name == "bias" else features[name]) for name, weight in weights.items())
