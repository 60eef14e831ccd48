"""The gate as tables: what passes, and each thing that alone refuses."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from agent.serving.served import Task
from tests.tuning.evaluation.reports import CATEGORIES, answer_arm, answered, report, routing_arm
from tuning.datasets.item import Split
from tuning.evaluation.gate import DEFAULT_RULES, decide
from tuning.evaluation.results import AnswerArm, Arm, Aspect, JudgeQuality, Report, Scores

_HALF, _MOST, _ALL = "0011" * 10, "0111" * 10, "1" * 40
_LOW, _HIGH = (2.0, 3.0) * 20, (3.0, 4.0) * 20
_JUDGE = JudgeQuality(model="m", compared=30, error_before=1.5, error_after=0.5, position_bias=0.1)


def _routing(challenger: str = _ALL, fusion: str = _HALF, champion: str = "") -> Report:
    arms = {
        Arm.FUSION: routing_arm(Arm.FUSION, fusion),
        Arm.FUSION_CHALLENGER: routing_arm(Arm.FUSION_CHALLENGER, challenger),
        Arm.CHALLENGER: routing_arm(Arm.CHALLENGER, challenger, milliseconds=100.0),
        Arm.UNTUNED: routing_arm(Arm.UNTUNED, "0" * len(challenger), milliseconds=100.0),
    }
    if champion:
        arms[Arm.FUSION_CHAMPION] = routing_arm(Arm.FUSION_CHAMPION, champion)
    return report(Task.ROUTE, arms, serving=Arm.FUSION_CHAMPION if champion else Arm.FUSION)


def _answering(
    challenger: tuple[float, ...] = _HIGH, untuned: tuple[float, ...] = _LOW, serving: Arm = Arm.UNTUNED
) -> Report:
    arms = {
        Arm.UNTUNED: answer_arm(Arm.UNTUNED, untuned),
        Arm.CHALLENGER: answer_arm(Arm.CHALLENGER, challenger),
    }
    if serving is not Arm.UNTUNED:
        arms[serving] = answer_arm(serving, _LOW)
    return report(Task.ANSWER, arms, serving=serving)


def _with(found: Report, *arms: Any) -> Report:
    """The report with these arms in the place of its own."""
    new = {arm.arm: arm for arm in arms}
    return replace(
        found,
        routing=tuple(new.get(arm.arm, arm) for arm in found.routing),
        answers=tuple(new.get(arm.arm, arm) for arm in found.answers),
    )


def _failed(found: Report) -> set[Aspect]:
    verdict = decide(found)
    assert verdict.promoted is not bool(verdict.failed)
    return {check.aspect for check in verdict.failed}


@pytest.mark.parametrize(
    ("found", "failed"),
    [
        pytest.param(_routing(), set(), id="clearly better"),
        pytest.param(_routing(champion=_MOST), set(), id="better than the champion too"),
        pytest.param(_routing(_HALF), {Aspect.BETTER}, id="the same"),
        pytest.param(_routing("1100" * 10), {Aspect.BETTER, Aspect.CATEGORIES}, id="right elsewhere"),
        pytest.param(_routing("1" + _HALF[1:]), {Aspect.BETTER}, id="one more right proves nothing"),
        pytest.param(_routing(champion=_ALL), {Aspect.BETTER}, id="no better than the champion"),
        pytest.param(
            _routing(_MOST, fusion=_MOST, champion=_HALF), {Aspect.BEATS_FUSION}, id="no better than no model"
        ),
        pytest.param(_routing("1" * 9, "001000000"), {Aspect.ENOUGH}, id="too few questions"),
        pytest.param(_routing("1" * 12, "0011" * 3), set(), id="few, and six won"),
        pytest.param(_routing("1" * 12, "0111" * 3), {Aspect.BETTER}, id="few, and three won"),
        pytest.param(_routing("1" * 36 + "1011", _MOST), set(), id="a question lost in a category is noise"),
        pytest.param(
            _routing("1101" * 3 + "1111" * 7, "0010" * 10), {Aspect.CATEGORIES}, id="a category got worse"
        ),
        pytest.param(
            _with(_routing(), routing_arm(Arm.FUSION_CHALLENGER, _ALL, "1110")), {Aspect.GOLDEN}, id="golden"
        ),
        pytest.param(
            _with(_routing(), routing_arm(Arm.CHALLENGER, _ALL, milliseconds=151.0)),
            {Aspect.LATENCY},
            id="slower than the untuned model",
        ),
        pytest.param(
            _with(
                _routing(),
                routing_arm(Arm.CHALLENGER, _ALL, milliseconds=2100.0),
                routing_arm(Arm.UNTUNED, _ALL, milliseconds=2000.0),
            ),
            {Aspect.LATENCY},
            id="too slow for any member",
        ),
    ],
)
def test_a_router_is_promoted_only_when_everything_holds(found: Report, failed: set[Aspect]) -> None:
    assert _failed(found) == failed


def test_better_probabilities_prove_what_too_few_differing_choices_cannot() -> None:
    surer = routing_arm(Arm.FUSION_CHALLENGER, "1" + _HALF[1:], brier=0.1)
    assert _failed(_with(_routing(), surer)) == set()
    assert _failed(_with(_routing(_HALF), routing_arm(Arm.FUSION_CHALLENGER, _HALF, brier=0.1))) == {
        Aspect.BETTER
    }, "surer, and right no more often"


@pytest.mark.parametrize(
    ("found", "failed"),
    [
        pytest.param(_answering(), set(), id="clearly better"),
        pytest.param(_answering(serving=Arm.CHAMPION), set(), id="better than the champion"),
        pytest.param(_answering(serving=Arm.EXTRACTIVE), set(), id="better than the best sentences"),
        pytest.param(_answering(_LOW), {Aspect.BETTER}, id="the same"),
        pytest.param(
            _answering(untuned=(4.5,) * 40, serving=Arm.CHAMPION),
            {Aspect.BEATS_UNTUNED},
            id="untuned is better",
        ),
        pytest.param(_answering((5.0,) * 16, (2.0,) * 16), {Aspect.ENOUGH}, id="too few questions"),
        pytest.param(
            _answering((4.0, 4.0, 4.0, 1.9) * 10, (2.0, 2.0, 2.0, 2.5) * 10),
            {Aspect.CATEGORIES},
            id="the kitchen got worse",
        ),
        pytest.param(
            _with(_answering(), answer_arm(Arm.CHALLENGER, _HIGH, (2.9,) * 4)), {Aspect.GOLDEN}, id="golden"
        ),
        pytest.param(
            _with(_answering(), answer_arm(Arm.CHALLENGER, _HIGH, invention=2.3)),
            {Aspect.HALLUCINATION},
            id="invents more",
        ),
        pytest.param(
            _with(_answering(), answer_arm(Arm.CHALLENGER, _HIGH, json_valid=9)),
            {Aspect.JSON},
            id="breaks JSON",
        ),
        pytest.param(
            _with(_answering(), answer_arm(Arm.CHALLENGER, _HIGH, milliseconds=1501.0)),
            {Aspect.LATENCY},
            id="slow",
        ),
    ],
)
def test_answers_are_promoted_only_when_everything_holds(found: Report, failed: set[Aspect]) -> None:
    assert _failed(found) == failed


@pytest.mark.parametrize(
    ("judge", "promoted"),
    [
        (_JUDGE, True),
        (None, False),
        (replace(_JUDGE, compared=DEFAULT_RULES.judge_compared - 1), False),
        (replace(_JUDGE, error_after=DEFAULT_RULES.judge_error + 0.1), False),
    ],
)
def test_what_a_judge_says_counts_only_when_people_bear_it_out(
    judge: JudgeQuality | None, promoted: bool
) -> None:
    arms = {
        Arm.UNTUNED: answer_arm(Arm.UNTUNED, _LOW, judged=True),
        Arm.CHALLENGER: answer_arm(Arm.CHALLENGER, _HIGH, judged=True),
    }
    verdict = decide(report(Task.ANSWER, arms, serving=Arm.UNTUNED, judge=judge))
    assert verdict.promoted is promoted
    if not promoted:
        assert Aspect.ENOUGH in {check.aspect for check in verdict.failed}, "no question is left"


def test_a_check_says_its_numbers_and_which_category_got_worse() -> None:
    checks = {check.aspect: check for check in decide(_routing("1100" * 10)).checks}
    better, categories = checks[Aspect.BETTER], checks[Aspect.CATEGORIES]
    assert (better.value, better.against, better.p_value) == (0.5, 0.5, 1.0)
    assert "20 won, 20 lost" in better.detail
    assert CATEGORIES[2] in categories.detail
    assert CATEGORIES[0] not in categories.detail


def test_the_same_report_gets_the_same_verdict() -> None:
    found = _routing("1" + _HALF[1:])
    assert decide(found) == decide(found)


def test_a_report_without_the_arm_that_serves_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="no arm fusion\\+champion"):
        decide(replace(_routing(), serving=Arm.FUSION_CHAMPION))


def test_strangers_are_no_test_questions() -> None:
    stranger = replace(_routing().routing[0].predicted[0], item="stranger:1", right=None, split=Split.TEST)
    challenger = routing_arm(Arm.FUSION_CHALLENGER, _ALL)
    found = _with(_routing(), replace(challenger, predicted=(*challenger.predicted, stranger)))
    assert _failed(found) == set()


def test_a_model_that_declines_whatever_it_is_asked_does_not_pass() -> None:
    """It gets more points than one that invents half of what it says; a third has no answer."""
    rambles = [replace(answered(number, 2.0), answerable=number % 3 > 0) for number in range(40)]
    silent = [
        replace(each, declined=True, scores=Scores(relevance=right, grounding=right, no_hallucination=5.0))
        for each in rambles
        for right in (1.0 if each.answerable else 5.0,)
    ]
    arms = {
        Arm.UNTUNED: AnswerArm(arm=Arm.UNTUNED, answers=tuple(rambles)),
        Arm.CHALLENGER: AnswerArm(arm=Arm.CHALLENGER, answers=tuple(silent)),
    }
    assert _failed(report(Task.ANSWER, arms, serving=Arm.UNTUNED)) == {Aspect.ANSWERED}


def test_a_declined_answer_is_compared_like_any_other() -> None:
    declined = [replace(answered(number, 5.0), declined=True, answerable=False) for number in range(40)]
    arm = AnswerArm(arm=Arm.CHALLENGER, answers=(*declined, answered(0, 3.0, split=Split.GOLDEN)))
    rambled = [replace(answered(number, 2.0), answerable=False) for number in range(40)]
    base = AnswerArm(arm=Arm.UNTUNED, answers=(*rambled, answered(0, 3.0, split=Split.GOLDEN)))
    assert decide(report(Task.ANSWER, {Arm.UNTUNED: base, Arm.CHALLENGER: arm}, serving=Arm.UNTUNED)).promoted
