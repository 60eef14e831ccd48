"""Weights start at the prior, follow the labels, and trust a model by what it adds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.routing.fusion import (
    Floats,
    Prior,
    Similarities,
    Weights,
    fit_parts,
    fit_scope,
    out_of_scope,
    part_features,
    scope_features,
    strangers_of,
    trust_model,
    within,
)
from agent.routing.ridge import Rows

PRIOR = Prior(mean=(1.0, 2.0, 3.0), sd=(1.0, 1.0, 1.0))
TRUST = Prior(mean=(1.0, 0.0), sd=(0.2, 0.3))
COUNT, CATEGORIES = 800, 5


def _labelled() -> tuple[Floats, Rows]:
    rng = np.random.default_rng(1)
    labels = rng.integers(0, CATEGORIES, COUNT)
    features = rng.normal(size=(COUNT, CATEGORIES, 3))
    features[np.arange(COUNT), labels, 0] += 1.0
    return features, labels


def test_without_labels_the_weights_are_the_priors() -> None:
    nothing = np.empty((0, CATEGORIES, 3))
    assert fit_parts(nothing, np.empty(0, np.int64), PRIOR) == PRIOR.mean


def test_labels_move_the_weights_to_what_predicts_them() -> None:
    features, labels = _labelled()
    weights = fit_parts(features, labels, PRIOR)
    assert weights[0] == pytest.approx(1.0, abs=0.4)
    assert max(abs(weights[1]), abs(weights[2])) < 0.4


def test_a_firm_prior_gives_way_less() -> None:
    features, labels = _labelled()
    firm = fit_parts(features, labels, Prior(mean=PRIOR.mean, sd=(0.05, 0.05, 0.05)))
    free = fit_parts(features, labels, PRIOR)
    assert abs(firm[2] - PRIOR.mean[2]) < abs(free[2] - PRIOR.mean[2])


def test_scope_of_familiar_and_strange_questions() -> None:
    inside = np.tile([1.0, -0.1, 0.9], (50, 1))
    outside = np.tile([1.0, -2.0, 0.4], (50, 1))
    weights = Weights(parts=(1, 1, 1), scope=fit_scope(inside, outside, PRIOR, outside_share=0.2))
    assert out_of_scope(inside[:1], weights)[0] < 0.1
    assert out_of_scope(outside[:1], weights)[0] > 0.6


def _likelihoods(right: Rows) -> Floats:
    raw: Floats = np.log(np.full((COUNT, CATEGORIES), 0.02))
    raw[np.arange(COUNT), right] = np.log(0.92)
    return raw


def _with_model(said: Floats) -> Weights:
    features, labels = _labelled()
    return trust_model(Weights(parts=(1.0, 0, 0), scope=(0, 0, 0)), features, said, labels, TRUST)


def test_a_model_that_is_right_is_trusted() -> None:
    _, labels = _labelled()
    trusted = _with_model(_likelihoods(labels))
    assert trusted.model > 0.5
    assert trusted.model_span == pytest.approx(np.log(0.92 / 0.02))


@pytest.mark.parametrize("said", ["one category for everything", "always a wrong category"])
def test_a_model_that_says_nothing_or_misleads_has_no_weight(said: str) -> None:
    _, labels = _labelled()
    answer = np.zeros(COUNT, np.int64) if said.startswith("one") else (labels + 1) % CATEGORIES
    assert _with_model(_likelihoods(answer)).model == 0


cosines = st.lists(st.floats(-1, 1, width=32), min_size=CATEGORIES, max_size=CATEGORIES)


@given(scores=cosines, nearest=cosines, descriptions=cosines)
def test_probabilities_are_finite_and_sum_to_one(
    scores: list[float], nearest: list[float], descriptions: list[float]
) -> None:
    rows = [np.array([each], np.float32) for each in (scores, nearest, descriptions)]
    seen = Similarities(scores=rows[0], nearest=rows[1], descriptions=rows[2])
    weights = Weights(parts=(3.0, 5.0, 2.0), scope=(1.0, 2.0, 8.0))
    outside = out_of_scope(scope_features(seen, strangers_of(seen)), weights)[0]
    chances = within(part_features(seen)[0] @ np.array(weights.parts)) * (1 - outside)
    assert chances.sum() + outside == pytest.approx(1.0)
    assert (chances >= 0).all()
