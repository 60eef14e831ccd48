"""The closed forms against what they stand for: fitting again without the rows."""

from __future__ import annotations

import numpy as np
import pytest

from agent.models.protocol import Vectors
from agent.models.space import unit
from agent.routing import ridge
from agent.routing.ridge import Rows, fit_ridge

CATEGORIES = 4


@pytest.fixture
def rows() -> tuple[Vectors, Rows]:
    rng = np.random.default_rng(0)
    vectors = unit(rng.normal(size=(40, 8)).astype(np.float32))
    return vectors, np.concatenate([rng.integers(0, CATEGORIES, 36), np.arange(CATEGORIES)])


@pytest.mark.parametrize("row", [0, 17, 39])
def test_score_of_a_row_left_out_is_that_of_a_fit_without_it(rows: tuple[Vectors, Rows], row: int) -> None:
    vectors, categories = rows
    _, unseen = fit_ridge(vectors, categories, CATEGORIES)
    others = np.arange(len(vectors)) != row
    again, _ = fit_ridge(vectors[others], categories[others], CATEGORIES)
    np.testing.assert_allclose(unseen.row_out[row], again.scores(vectors[row : row + 1])[0], atol=1e-5)


@pytest.mark.parametrize("category", range(CATEGORIES))
def test_scores_of_a_category_left_out_are_those_of_a_fit_without_it(
    rows: tuple[Vectors, Rows], category: int
) -> None:
    vectors, categories = rows
    _, unseen = fit_ridge(vectors, categories, CATEGORIES)
    out = categories == category
    again, _ = fit_ridge(vectors[~out], categories[~out], CATEGORIES)
    others = [k for k in range(CATEGORIES) if k != category]
    np.testing.assert_allclose(
        unseen.category_out[out][:, others], again.scores(vectors[out])[:, others], atol=1e-5
    )
    assert np.isneginf(unseen.category_out[out, category]).all()


def test_with_fewer_landmarks_than_rows_the_closed_form_still_sums_up_a_fit(
    rows: tuple[Vectors, Rows], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ridge, "LANDMARKS", 16)
    vectors, categories = rows
    fitted, unseen = fit_ridge(vectors, categories, CATEGORIES)
    assert len(fitted.landmarks) == 16
    assert {int(k) for k in unseen.row_out.argmax(axis=1)} == set(range(CATEGORIES))
    own = np.arange(40), categories
    error_seen, error_unseen = np.abs(1 - fitted.scores(vectors)[own]), np.abs(1 - unseen.row_out[own])
    assert (error_seen < error_unseen).all()
