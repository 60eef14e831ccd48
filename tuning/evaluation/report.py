"""A report for people: Markdown with every figure, and a picture of those that decide."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Final

from agent.serving.served import Task
from tuning.datasets.item import Split
from tuning.evaluation.metrics import (
    AnswerFigures,
    RoutingFigures,
    answer_figures,
    confusion,
    routing_figures,
)
from tuning.evaluation.results import AnswerArm, Arm, Aspect, Report, RoutingArm, Verdict, arm_of
from tuning.pictures import HeatMap, Panel, Picture, Series, Shape, Unit

if TYPE_CHECKING:
    from tuning.runs.following import Curves

_ASPECTS: Final = {
    Aspect.ENOUGH: "Enough questions",
    Aspect.BETTER: "Better than what serves",
    Aspect.BEATS_FUSION: "Better than the fusion without a model",
    Aspect.BEATS_UNTUNED: "Better than the untuned model",
    Aspect.CATEGORIES: "No category worse",
    Aspect.GOLDEN: "Golden set not worse",
    Aspect.HALLUCINATION: "No more invention",
    Aspect.ANSWERED: "Answers what can be answered",
    Aspect.JSON: "JSON not worse",
    Aspect.LATENCY: "In time",
}
_ROUTING_COLUMNS: Final = (
    "arm",
    "questions",
    "accuracy",
    "macro-F1",
    "calibration error",
    "Brier",
    "strangers refused",
    "wrongly refused",
    "p50 ms",
    "p95 ms",
)
_ANSWER_COLUMNS: Final = (
    "arm",
    "questions",
    "mean",
    "relevance",
    "grounding",
    "no hallucination",
    "unanswerable declined",
    "answerable declined",
    "words",
    "apologies",
    "needless “not in the context”",
    "valid JSON",
    "p50 ms",
    "p95 ms",
)
_SHOWN_CATEGORIES: Final = 20
"""Of the confusion in the picture: those with most mistakes."""


def markdown(report: Report, verdict: Verdict) -> str:
    """Everything the report says; it ends with a line feed."""
    parts = [_head(report, verdict), _checks(verdict)]
    parts += [_split(report, split) for split in (Split.TEST, Split.GOLDEN)]
    if report.task is Task.ROUTE:
        parts += [_categories(report), _mistakes(report)]
    parts.append(_provenance(report))
    return "\n\n".join("\n".join(lines) for lines in map(list, parts) if lines) + "\n"


def picture(report: Report, curves: Curves | None = None) -> Picture:
    """The arms, the confusion of the router, and how training went."""
    panels: list[Panel | HeatMap]
    if report.task is Task.ROUTE:
        panels = [_accuracies(report), _confusion(report)]
    else:
        panels = [_scores(report), _declines(report)]
    if curves is not None and curves.steps:
        panels.append(_curve("Training loss (nats)", curves.steps, curves.losses))
        panels.append(_curve("Validation loss (nats)", curves.evaluated, curves.validation))
    title = f"Challenger {report.challenger[-8:]} on held-out questions"
    return Picture(title=title, panels=tuple(panels), note=f"{report.base}, data set {report.dataset[:12]}")


def _head(report: Report, verdict: Verdict) -> Iterator[str]:
    said = "may serve" if verdict.promoted else "does not serve"
    yield f"# Evaluation of the {report.task} challenger {report.challenger}"
    yield ""
    yield f"**It {said}.** What serves now: {report.serving}."
    if report.left_out:
        yield f"{report.left_out} held-out questions were not asked: their category or evidence is gone, or "
        yield "nobody can say what is right."


def _checks(verdict: Verdict) -> Iterator[str]:
    yield "## Gate"
    yield ""
    yield from _table(
        ("check", "", "measured"),
        [
            (_ASPECTS[each.aspect], "passed" if each.passed else "**failed**", each.detail)
            for each in verdict.checks
        ],
    )


def _split(report: Report, split: Split) -> Iterator[str]:
    yield f"## On the {split} set"
    yield ""
    if report.task is Task.ROUTE:
        rows = [_routing_row(arm, routing_figures(arm, split)) for arm in report.routing]
        yield from _table(_ROUTING_COLUMNS, rows)
    else:
        answer_rows = [_answer_row(arm, answer_figures(arm, split)) for arm in report.answers]
        yield from _table(_ANSWER_COLUMNS, answer_rows)


def _routing_row(arm: RoutingArm, figures: RoutingFigures) -> tuple[str, ...]:
    return (
        arm.arm,
        str(figures.asked),
        _percent(figures.accuracy),
        _percent(figures.macro_f1),
        _number(figures.calibration_error, 3),
        _number(figures.brier, 3),
        _percent(figures.strangers_refused),
        _percent(figures.wrongly_refused),
        _number(figures.p50, 0),
        _number(figures.p95, 0),
    )


def _answer_row(arm: AnswerArm, figures: AnswerFigures) -> tuple[str, ...]:
    answerable = figures.answerable
    return (
        arm.arm,
        f"{figures.asked} ({figures.judged} judged)" if figures.judged else str(figures.asked),
        _number(figures.mean, 2),
        _number(figures.relevance, 2),
        _number(figures.grounding, 2),
        _number(figures.no_hallucination, 2),
        f"{figures.unanswerable.right} of {figures.unanswerable.asked}",
        f"{answerable.asked - answerable.right} of {answerable.asked}",
        _number(figures.words, 0),
        _percent(figures.apologies),
        _percent(figures.not_in_context),
        _percent(figures.json_valid),
        _number(figures.p50, 0),
        _number(figures.p95, 0),
    )


def _categories(report: Report) -> Iterator[str]:
    challenger, serving = (arm_of(report.routing, arm) for arm in (Arm.FUSION_CHALLENGER, report.serving))
    if challenger is None or serving is None:
        return
    after = routing_figures(challenger, Split.TEST).by_category
    before = routing_figures(serving, Split.TEST).by_category
    yield "## By category, on the test set"
    yield ""
    yield from _table(
        ("category", "questions", serving.arm, challenger.arm),
        [
            (slug, str(tally.asked), _percent(before[slug].share), _percent(tally.share))
            for slug, tally in after.items()
        ],
    )


def _mistakes(report: Report) -> Iterator[str]:
    """What the challenger's fusion still confuses, most often first."""
    arm = arm_of(report.routing, Arm.FUSION_CHALLENGER)
    if arm is None:
        return
    slugs, counts = confusion(arm, Split.TEST)
    wrong = sorted(
        (-counts[row][column], right, said)
        for row, right in enumerate(slugs)
        for column, said in enumerate(slugs)
        if row != column and counts[row][column]
    )
    if wrong:
        yield f"## Still confused by {arm.arm}"
        yield ""
        rows = [(right, said, str(-count)) for count, right, said in wrong[:_SHOWN_CATEGORIES]]
        yield from _table(("right", "said", "times"), rows)


def _provenance(report: Report) -> Iterator[str]:
    judge = report.judge
    yield "## How it was measured"
    yield ""
    yield f"* Made {report.made_at.isoformat(' ', 'minutes')} through {report.engine}, by {report.code}."
    yield f"* Base: {report.base}, sha256 `{report.base_digest}`."
    yield f"* Data set `{report.dataset}`; resampled with seed {report.seed}."
    yield f"* Challenger: `{report.challenger_digest}`."
    yield (
        f"* Champion: `{report.champion_digest}`."
        if report.champion
        else "* No champion: the model served as it is."
    )
    if report.task is Task.ROUTE:
        yield f"* {_trusted(report)}"
    if judge:
        yield (
            f"* Judge: {judge.model}, {judge.error_before:.2f} points from people before calibration on "
            f"{judge.compared} of their scores, {judge.error_after:.2f} after it on scores that it had not "
            f"seen; place moves its grades by {judge.position_bias:.2f}."
        )


def _trusted(report: Report) -> str:
    trust = report.trust
    if trust is None:
        return "On what it was not trained on the challenger added nothing: the fusion does not ask it."
    return (
        f"On what it was not trained on the fusion learnt to weigh the challenger's nats by "
        f"{trust.model:.2f} and all else by {trust.scale:.2f}; no test question had a say in its own route."
    )


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(columns)} |"
    yield f"|{'---|' * len(columns)}"
    for row in rows:
        yield f"| {' | '.join(each.replace('|', '∣') for each in row)} |"


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{share:.1%}"


def _number(value: float | None, digits: int) -> str:
    return "–" if value is None else f"{value:.{digits}f}"


def _accuracies(report: Report) -> Panel:
    figures = [routing_figures(arm, Split.TEST).accuracy for arm in report.routing]
    return _bars("Right routes", [arm.arm for arm in report.routing], figures, Unit.SHARE)


def _scores(report: Report) -> Panel:
    figures = [answer_figures(arm, Split.TEST).mean for arm in report.answers]
    return _bars("Mean score, 1 to 5", [arm.arm for arm in report.answers], figures, Unit.NUMBER)


def _declines(report: Report) -> Panel:
    figures = [answer_figures(arm, Split.TEST).unanswerable.share for arm in report.answers]
    return _bars("Unanswerable questions declined", [arm.arm for arm in report.answers], figures, Unit.SHARE)


def _bars(title: str, names: Sequence[str], values: Sequence[float], unit: Unit) -> Panel:
    series = Series(label=title, values=tuple(values), shape=Shape.BARS)
    return Panel(title=title, unit=unit, names=tuple(names), series=(series,))


def _confusion(report: Report) -> HeatMap:
    """Of the challenger's fusion, or of the first arm where there is none."""
    arm = arm_of(report.routing, Arm.FUSION_CHALLENGER) or report.routing[0]
    slugs, counts = confusion(arm, Split.TEST)
    mistakes = [
        sum(counts[row]) + sum(line[row] for line in counts) - 2 * counts[row][row]
        for row in range(len(slugs))
    ]
    shown = sorted(sorted(range(len(slugs)), key=lambda row: -mistakes[row])[:_SHOWN_CATEGORIES])
    names = tuple(str(slugs[row]) for row in shown)
    values = tuple(tuple(float(counts[row][column]) for column in shown) for row in shown)
    title = f"What {arm.arm} took for what"
    return HeatMap(
        title=title, rows=names, columns=names, values=values, row_label="right", column_label="said"
    )


def _curve(title: str, steps: Sequence[int], losses: Sequence[float]) -> Panel:
    series = Series(label=title, values=tuple(losses))
    return Panel(title=title, unit=Unit.NUMBER, steps=tuple(map(float, steps)), series=(series,))
