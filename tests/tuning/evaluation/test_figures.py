"""Figures against values worked out by hand, and statistics against what they promise."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.serving.served import Task
from tests.tuning.evaluation.reports import CATEGORIES, answer_arm, answered, predicted, report, routing_arm
from tuning.datasets.item import Split
from tuning.evaluation.calibrating import fit_isotonic, unseen_error
from tuning.evaluation.metrics import (
    answer_figures,
    calibration_error,
    confusion,
    macro_f1,
    routing_figures,
)
from tuning.evaluation.paired import bootstrap, mcnemar
from tuning.evaluation.results import AnswerArm, Arm, RoutingArm, read_report


@pytest.mark.parametrize(
    ("won", "lost", "p_value"),
    [(0, 0, 1.0), (5, 0, 1 / 32), (0, 5, 1.0), (3, 3, 42 / 64), (8, 2, 56 / 1024), (500, 500, 0.5126)],
)
def test_mcnemar_is_the_upper_tail_of_fair_tosses(won: int, lost: int, p_value: float) -> None:
    assert mcnemar(won, lost) == pytest.approx(p_value, abs=1e-4)


def test_a_bootstrap_is_about_the_normal_tail_where_that_holds() -> None:
    differences = np.random.default_rng(1).normal(0.1, 1.0, 400)
    z = differences.mean() / (differences.std() / 20)
    tail = 0.5 * (1 - np.sign(z) * (1 - np.exp(-2 * z**2 / np.pi)) ** 0.5)
    assert bootstrap(differences, seed=0) == pytest.approx(tail, abs=0.01)


@pytest.mark.parametrize(
    ("differences", "low", "high"),
    [
        ((), 1, 1),
        ((0.0,) * 30, 1, 1),
        ((1.0,) * 30, 0, 0.001),
        ((-1.0,) * 30, 1, 1),
        ((1.0, -1.0) * 15, 0.4, 0.7),
    ],
)
def test_a_bootstrap_of_extremes(differences: tuple[float, ...], low: float, high: float) -> None:
    assert low <= bootstrap(np.array(differences), seed=0) <= high


def test_a_bootstrap_passes_no_more_equals_than_it_says() -> None:
    random = np.random.default_rng(0)
    passed = [bootstrap(random.normal(0, 1, 60), seed=k, rounds=1000) <= 0.05 for k in range(300)]
    assert np.mean(passed) <= 0.08


def test_routing_figures_of_a_small_table() -> None:
    hits = "1110"
    arm = RoutingArm(
        arm=Arm.FUSION,
        predicted=(
            *(replace(predicted(n, hit=hit == "1"), out_of_scope=0.1) for n, hit in enumerate(hits)),
            replace(predicted(4, hit=True), item="stranger:4", right=None, out_of_scope=0.9, refused=True),
            replace(predicted(5, hit=True), item="stranger:5", right=None, out_of_scope=0.2),
            predicted(0, hit=False, split=Split.GOLDEN),
        ),
    )
    found = routing_figures(arm, Split.TEST)
    # The kitchen was taken for the pool: F1 is 2/3 for the pool, 0 for the kitchen, 1 for the others.
    assert (found.asked, found.accuracy) == (4, 0.75)
    assert found.macro_f1 == pytest.approx((2 / 3 + 1 + 1 + 0) / 4)
    assert found.brier == pytest.approx((0.2 * 3 + 1.2) / 4)
    assert (found.strangers_refused, found.wrongly_refused) == (0.5, 0.0)
    assert found.by_category[CATEGORIES[3]].share == 0.0
    assert routing_figures(arm, Split.GOLDEN).accuracy == 0.0
    slugs, counts = confusion(arm, Split.TEST)
    assert counts[slugs.index(CATEGORIES[3])][slugs.index(CATEGORIES[0])] == 1
    assert sum(map(sum, counts)) == 4


def test_an_arm_without_probabilities_has_no_calibration() -> None:
    bare = [replace(predicted(n, hit=True), confidence=None, brier=None) for n in range(4)]
    found = routing_figures(RoutingArm(arm=Arm.NEAREST, predicted=tuple(bare)), Split.TEST)
    assert (found.calibration_error, found.brier, found.strangers_refused) == (None, None, None)


@pytest.mark.parametrize(("confidence", "right", "error"), [(0.7, 70, 0.0), (0.9, 70, 0.2), (0.5, 100, 0.5)])
def test_calibration_error_is_how_far_confidence_is_from_the_share_of_hits(
    confidence: float, right: int, error: float
) -> None:
    # Every tenth alike, so that each bin of equal numbers has the same share of hits.
    asked = [replace(predicted(n, hit=n % 10 < right // 10), confidence=confidence) for n in range(100)]
    assert calibration_error(asked) == pytest.approx(error, abs=1e-9)


def test_no_question_gives_no_figure_and_no_fault() -> None:
    assert routing_figures(RoutingArm(arm=Arm.FUSION, predicted=()), Split.TEST).accuracy == 0.0
    assert answer_figures(AnswerArm(arm=Arm.UNTUNED, answers=()), Split.TEST).mean == 0.0
    assert macro_f1([]) == 0.0


def test_answer_figures_tell_right_from_wrong_declines() -> None:
    told = [answered(0, 4.0), answered(1, 2.0)]
    declined = replace(answered(2, 1.0), declined=True, words=0)
    rightly = replace(answered(3, 5.0), declined=True, words=0, answerable=False)
    invented = replace(answered(4, 1.0), answerable=False, apologises=True, not_in_context=True)
    arm = AnswerArm(arm=Arm.UNTUNED, answers=(*told, declined, rightly, invented), json_asked=4, json_valid=3)
    found = answer_figures(arm, Split.TEST)
    assert (found.unanswerable.right, found.unanswerable.asked) == (1, 2)
    assert (found.answerable.right, found.answerable.asked) == (2, 3)
    assert found.mean == pytest.approx((4 + 2 + 1 + 5 + 1) / 5)
    assert (found.words, found.apologies, found.not_in_context) == (20, 0.2, 0.2)
    assert found.json_valid == 0.75


@given(st.lists(st.tuples(st.floats(1, 5), st.floats(1, 5)), min_size=1, max_size=30))
def test_a_calibration_never_falls_and_stays_within_what_people_said(
    pairs: list[tuple[float, float]],
) -> None:
    given_, meant = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    fitted = fit_isotonic(given_, meant)
    scores = [fitted(score) for score in np.linspace(0, 6, 50)]
    assert all(one <= other + 1e-9 for one, other in pairwise(scores))
    assert min(meant) - 1e-9 <= scores[0] <= scores[-1] <= max(meant) + 1e-9


def test_a_calibration_mends_a_judge_that_is_kind() -> None:
    random = np.random.default_rng(0)
    people = random.uniform(1, 5, 80)
    kind = 3 + people / 3 + random.normal(0, 0.05, 80)
    before = float(np.abs(kind - people).mean())
    assert unseen_error(kind.tolist(), people.tolist()) < before / 3
    assert unseen_error([3.0], [4.0]) == 4.0, "nothing is unseen of one score"


def test_a_report_is_the_same_after_json() -> None:
    routes = report(Task.ROUTE, {Arm.FUSION: routing_arm(Arm.FUSION, "10")}, serving=Arm.FUSION)
    answers = report(Task.ANSWER, {Arm.UNTUNED: answer_arm(Arm.UNTUNED, (3.0,))}, serving=Arm.UNTUNED)
    assert read_report(routes.to_json()) == routes
    assert read_report(answers.to_json()) == answers
