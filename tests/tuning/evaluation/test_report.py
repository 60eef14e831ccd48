"""What people read of a report."""

from __future__ import annotations

from dataclasses import replace

import pytest

from agent.contracts import Slug
from agent.errors import UsageError
from agent.serving.served import Task, Trust
from tests.tuning.evaluation.reports import CATEGORIES, answer_arm, report, routing_arm
from tuning.datasets.item import Split
from tuning.evaluation.gate import decide
from tuning.evaluation.report import markdown, picture
from tuning.evaluation.results import Arm, JudgeQuality, Report, read_report
from tuning.pictures import HeatMap, Panel, png_of
from tuning.runs.following import Curves

_TRUST = Trust(scale=0.9, model=0.8, span=6.0)
_CURVES = Curves(steps=(1, 2), losses=(2.0, 1.0), evaluated=(2,), validation=(1.5,))


def _routes(hits: str = "1110" * 6, **more: object) -> Report:
    arms = {
        arm: routing_arm(arm, hits if "challenger" in arm else "1010" * 6)
        for arm in (Arm.UNTUNED, Arm.CHALLENGER, Arm.FUSION, Arm.FUSION_CHALLENGER)
    }
    arms[Arm.FUSION_CHALLENGER] = replace(arms[Arm.FUSION_CHALLENGER], trust=_TRUST)
    return replace(report(Task.ROUTE, arms, serving=Arm.FUSION), **more)  # type: ignore[arg-type]


def _answers() -> Report:
    judge = JudgeQuality(model="m", compared=24, error_before=1.2, error_after=0.4, position_bias=0.1)
    arms = {arm: answer_arm(arm, (3.0,) * 24) for arm in (Arm.UNTUNED, Arm.CHALLENGER)}
    return report(Task.ANSWER, arms, serving=Arm.UNTUNED, judge=judge)


def test_a_router_s_report_says_the_verdict_and_every_figure() -> None:
    text = markdown(_routes(left_out=3), decide(_routes()))
    assert "**It may serve.** What serves now: fusion." in text
    assert "| Better than what serves | passed | 75.0% right against 50.0% of fusion" in text
    assert "| fusion+challenger | 24 | 75.0% |" in text
    assert f"| {CATEGORIES[1]} | 6 | 0.0% | 100.0% |" in text
    assert f"| {CATEGORIES[3]} | {CATEGORIES[0]} | 6 |" in text, "what is still confused"
    assert "weigh the challenger's nats by 0.80 and all else by 0.90" in text
    assert "3 held-out questions were not asked" in text
    assert "2026-11-23 01:30+00:00" in text


def test_an_answer_report_says_how_good_its_judge_is() -> None:
    text = markdown(_answers(), decide(_answers()))
    assert "**It does not serve.**" in text
    assert "**failed**" in text
    assert "1.20 points from people before calibration on 24 of their scores, 0.40 after" in text
    assert "| challenger | 24 | 3.00 |" in text


def test_a_model_that_added_nothing_is_said_to_be_left_unasked() -> None:
    found = _routes()
    untrusted = tuple(replace(arm, trust=None) for arm in found.routing)
    text = markdown(replace(found, routing=untrusted), decide(found))
    assert "the fusion does not ask it" in text


def test_a_bar_in_a_name_breaks_no_table() -> None:
    found = _routes()
    odd = Slug("a|b")
    arms = tuple(
        replace(arm, predicted=tuple(replace(each, right=odd, said=odd) for each in arm.predicted))
        for arm in found.routing
    )
    lines = markdown(replace(found, routing=arms), decide(found)).splitlines()
    assert [line.count("|") for line in lines if "a∣b" in line] == [5]


def test_pictures_show_arms_confusion_and_training() -> None:
    panels = picture(_routes(), _CURVES).panels
    assert [type(panel) for panel in panels] == [Panel, HeatMap, Panel, Panel]
    confusion = panels[1]
    assert isinstance(confusion, HeatMap)
    assert sum(map(sum, confusion.values)) == 24
    assert len(picture(_routes()).panels) == 2
    assert png_of(picture(_answers(), _CURVES)).startswith(b"\x89PNG")


def test_many_categories_are_cut_to_those_with_most_mistakes() -> None:
    found = _routes()
    arm = found.routing[-1]
    many = [
        replace(arm.predicted[0], right=Slug(f"c{n:02}"), said=Slug(f"c{n - n % 2:02}")) for n in range(60)
    ]
    chart = picture(replace(found, routing=(replace(arm, predicted=tuple(many)),))).panels[1]
    assert isinstance(chart, HeatMap)
    assert len(chart.rows) == len(chart.columns) == 20


@pytest.mark.parametrize("text", ["", "{}", "[1]"])
def test_what_is_no_report_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="no evaluation report"):
        read_report(text)


def test_trust_is_the_challenger_s() -> None:
    assert _routes().trust == _TRUST
    assert _answers().trust is None
    assert all(each.split in set(Split) for arm in _routes().routing for each in arm.predicted)
