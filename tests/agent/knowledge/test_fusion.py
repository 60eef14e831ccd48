import numpy as np
import pytest

from agent.knowledge._fusion import full_match, fuse

_BEST = full_match(100)


@pytest.mark.parametrize(
    ("similarity", "lexical", "alpha", "expected"),
    [
        ([0.9, 0.8, 0.7], [0.0, 0.0, 0.0], 1.0, [1.0, 0.5, 0.0]),
        ([0.9, 0.8, 0.7], [0.0, 2 * _BEST, _BEST], 0.0, [0.0, 1.0, 0.5]),
        ([0.9, 0.8, 0.7], [0.0, _BEST, 0.0], 0.5, [0.5, 0.75, 0.0]),
        ([0.9, 0.8, 0.7], [0.0, 0.0, _BEST / 4], 0.5, [0.5, 0.25, 0.125]),
        ([0.3], [0.0], 0.5, [0.5]),
        ([0.3, 0.3], [_BEST, 0.0], 0.5, [1.0, 0.5]),
        ([-0.5, 0.5], [0.0, 0.0], 0.6, [0.0, 0.6]),
        ([], [], 0.5, []),
    ],
    ids=["vector only", "words only", "both", "weak words", "one", "alike", "negative", "none"],
)
def test_fuse(similarity: list[float], lexical: list[float], alpha: float, expected: list[float]) -> None:
    fused = fuse(np.array(similarity), np.array(lexical), alpha=alpha, passages=100)
    assert fused.tolist() == pytest.approx(expected)


def test_more_passages_ask_for_a_better_match() -> None:
    assert 0 < full_match(0) <= full_match(1) < full_match(10) < full_match(1_000_000)
