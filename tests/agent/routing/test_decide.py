"""What probabilities mean for the search, as tables."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.contracts import RouteDecision, Slug
from agent.routing.decide import could_change, decide
from agent.routing.fusion import within

CAR, POOL, YARD = Slug("car"), Slug("pool"), Slug("yard")
SLUGS = (CAR, POOL, YARD)


@pytest.mark.parametrize(
    ("chances", "out", "decision", "categories"),
    [
        ((0.05, 0.90, 0.05), 0.1, RouteDecision.SINGLE, (POOL,)),
        ((0.05, 0.85, 0.10), 0.1, RouteDecision.SINGLE, (POOL,)),
        ((0.45, 0.50, 0.05), 0.1, RouteDecision.UNION, (POOL, CAR)),
        ((0.475, 0.475, 0.05), 0.1, RouteDecision.UNION, (CAR, POOL)),
        ((0.40, 0.35, 0.25), 0.1, RouteDecision.UNFILTERED, ()),
        ((0.05, 0.90, 0.05), 0.51, RouteDecision.OUT_OF_SCOPE, ()),
        ((0.05, 0.90, 0.05), 0.5, RouteDecision.SINGLE, (POOL,)),
        ((0.40, 0.35, 0.25), 0.99, RouteDecision.OUT_OF_SCOPE, ()),
    ],
)
def test_decision(
    chances: tuple[float, ...], out: float, decision: RouteDecision, categories: tuple[Slug, ...]
) -> None:
    decided = decide(SLUGS, np.array(chances), out, 0.5)
    assert (decided.decision, decided.categories) == (decision, categories)
    assert decided.reason


def test_one_category_is_searched_alone() -> None:
    assert decide((POOL,), np.array([1.0]), 0.2, 0.5).categories == (POOL,)


@pytest.mark.parametrize(
    ("chances", "reach", "out", "expected"),
    [
        ((0.98, 0.01, 0.01), 1.0, 0.1, False),
        ((0.98, 0.01, 0.01), 4.0, 0.1, True),
        ((0.50, 0.40, 0.10), 1.0, 0.1, True),
        ((0.50, 0.40, 0.10), 0.0, 0.1, False),
        ((0.50, 0.40, 0.10), 8.0, 0.9, False),
    ],
    ids=["sure", "strong model", "close", "worthless model", "out of scope"],
)
def test_model_is_asked_only_when_it_can_change_the_search(
    chances: tuple[float, ...], reach: float, out: float, expected: bool
) -> None:
    assert could_change(SLUGS, np.log(chances), reach, out, 0.5) is expected


@given(
    logits=st.lists(st.floats(-6, 6), min_size=3, max_size=3),
    reach=st.floats(0.1, 3),
    raised=st.integers(0, 2),
)
def test_a_model_that_is_not_asked_could_not_have_changed_the_search(
    logits: list[float], reach: float, raised: int
) -> None:
    before = np.array(logits)
    if could_change(SLUGS, before, reach, 0.0, 0.5):
        return
    after = before.copy()
    after[raised] += reach
    searched = [decide(SLUGS, within(each), 0.0, 0.5).categories for each in (before, after)]
    assert searched[0] == searched[1]
