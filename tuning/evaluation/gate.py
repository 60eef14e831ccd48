"""The gate: may a challenger serve? A pure function of what was measured.

It must be proven better than what serves now, and a router also than the fusion that asks no model; the
chance of passing a challenger that is no better is `alpha` at most for each comparison. Everything else is a
veto: a category or the golden set that got worse, more invention, broken JSON, answers that come too late. A
margin says how much worse may be noise.

A router's lead is proven by what it chose (McNemar's test) or by the probabilities that it gave (paired
bootstrap of the Brier score), each at half of `alpha`: with few questions choices differ too rarely to prove
anything, while better probabilities show in every question. It must choose right more often either way.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from agent.contracts import Slug
from agent.language.counts import Count
from agent.serving.served import Task
from tuning.datasets.item import Split
from tuning.evaluation.paired import Floats, bootstrap, mcnemar
from tuning.evaluation.results import (
    AnswerArm,
    AnswerScore,
    Arm,
    Aspect,
    Check,
    JudgeQuality,
    Predicted,
    Report,
    RoutingArm,
    Verdict,
    answers_of,
    arm_of,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    alpha: float = 0.05
    least: int = 10
    """Test questions, below which no figure is believed ..."""
    least_scored: int = 20
    """... and below which no mean is: resampling few questions finds them more alike than they are."""
    category_share: float = 0.05
    """How much lower the share of right routes of a category may be ..."""
    category_questions: int = 2
    """... and fewer questions than this lost on balance are no loss at all."""
    category_score: float = 0.5
    """How much lower the mean score of a category's answers may be."""
    hallucination: float = 0.1
    """How much lower the mean score for absence of hallucination may be."""
    answered: float = 0.5
    """How much lower the mean score for relevance may be where the evidence holds an answer."""
    slower: float = 1.5
    """How many times as long as the model as it is the 95th percentile may take ..."""
    route_ms: float = 2000.0
    """... and it may never take longer than this."""
    answer_ms: float = 20_000.0
    judge_compared: int = 20
    """Scores of people on which a judge must have been calibrated before its own count here."""
    judge_error: float = 1.0
    """How far, in points, it may be from people after that."""


DEFAULT_RULES: Final = Rules()


def decide(report: Report, rules: Rules = DEFAULT_RULES) -> Verdict:
    """Say whether the challenger may serve, and why or why not. Raises `ValueError` when the report lacks an
    arm that is compared.
    """
    checks = _routing(report, rules) if report.task is Task.ROUTE else _answers(report, rules)
    found = tuple(checks)
    return Verdict(promoted=all(check.passed for check in found), checks=found)


def _routing(report: Report, rules: Rules) -> Iterator[Check]:
    challenger = _arm(report.routing, Arm.FUSION_CHALLENGER)
    serving, fusion = _arm(report.routing, report.serving), _arm(report.routing, Arm.FUSION)
    test = _asked(challenger, Split.TEST)
    yield _enough(len(test), rules.least)
    yield _routes_better(Aspect.BETTER, test, serving, report.seed, rules)
    if serving is not fusion:
        yield _routes_better(Aspect.BEATS_FUSION, test, fusion, report.seed, rules)
    yield _routed_categories(test, _asked(serving, Split.TEST), rules)
    golden, before = _asked(challenger, Split.GOLDEN), _asked(serving, Split.GOLDEN)
    yield _golden(_share(golden), _share(before), len(golden), as_share=True)
    alone, untuned = _arm(report.routing, Arm.CHALLENGER), _arm(report.routing, Arm.UNTUNED)
    took, base_took = ([each.milliseconds for each in arm.predicted] for arm in (alone, untuned))
    yield _latency(took, base_took, rules.route_ms, rules)


def _answers(report: Report, rules: Rules) -> Iterator[Check]:
    challenger, serving, untuned = (
        _answer_arm(report.answers, arm) for arm in (Arm.CHALLENGER, report.serving, Arm.UNTUNED)
    )
    believed = report.judge is not None and _believable(report.judge, rules)
    test = _scored(challenger, Split.TEST, judged=believed)
    before = _scored(serving, Split.TEST, judged=believed)
    yield _enough(len(test), rules.least_scored)
    yield _answers_better(Aspect.BETTER, test, before, serving.arm, report.seed, rules)
    if serving is not untuned:
        base = _scored(untuned, Split.TEST, judged=believed)
        yield _answers_better(Aspect.BEATS_UNTUNED, test, base, untuned.arm, report.seed, rules)
    yield _answered_categories(test, before, rules)
    golden = _scored(challenger, Split.GOLDEN, judged=believed)
    golden_before = _scored(serving, Split.GOLDEN, judged=believed)
    yield _golden(_mean(golden), _mean(golden_before), len(golden), as_share=False)
    yield _hallucination(test, before, rules)
    yield _answered(test, before, rules)
    yield _json(challenger, untuned)
    took, base_took = ([each.milliseconds for each in arm.answers] for arm in (challenger, untuned))
    yield _latency(took, base_took, rules.answer_ms, rules)


def _believable(judge: JudgeQuality, rules: Rules) -> bool:
    return judge.compared >= rules.judge_compared and judge.error_after <= rules.judge_error


def _enough(count: int, least: int) -> Check:
    return Check(
        aspect=Aspect.ENOUGH,
        passed=count >= least,
        detail=f"{Count(count):# test question|# test questions}; {least} are needed",
        value=count,
        against=least,
    )


def _routes_better(
    aspect: Aspect, test: Sequence[Predicted], rival: RoutingArm, seed: int, rules: Rules
) -> Check:
    other = _asked(rival, Split.TEST)
    pairs = list(zip(test, other, strict=True))
    won = sum(one.hit and not two.hit for one, two in pairs)
    lost = sum(two.hit and not one.hit for one, two in pairs)
    calmer = [two.brier - one.brier for one, two in pairs if one.brier is not None and two.brier is not None]
    surer = bootstrap(np.array(calmer), seed) if len(calmer) >= rules.least_scored else 1.0
    # Two tests are two chances: Bonferroni doubles the smaller p-value.
    p_value = min(1.0, 2 * min(mcnemar(won, lost), surer))
    return Check(
        aspect=aspect,
        passed=won > lost and p_value <= rules.alpha,
        detail=f"{_share(test):.1%} right against {_share(other):.1%} of {rival.arm}: "
        f"{won} won, {lost} lost, p {p_value:.2g}",
        value=_share(test),
        against=_share(other),
        p_value=p_value,
    )


def _answers_better(
    aspect: Aspect,
    test: Sequence[AnswerScore],
    other: Sequence[AnswerScore],
    rival: Arm,
    seed: int,
    rules: Rules,
) -> Check:
    p_value = bootstrap(_means(test) - _means(other), seed)
    return Check(
        aspect=aspect,
        passed=p_value <= rules.alpha,
        detail=f"{_mean(test):.2f} of 5 against {_mean(other):.2f} of {rival}, p {p_value:.2g}",
        value=_mean(test),
        against=_mean(other),
        p_value=p_value,
    )


def _routed_categories(test: Sequence[Predicted], before: Sequence[Predicted], rules: Rules) -> Check:
    asked = Counter(each.right for each in test)
    lost = {
        slug: sum(each.hit for each in before if each.right == slug)
        - sum(each.hit for each in test if each.right == slug)
        for slug in asked
    }
    worse = [
        slug
        for slug, count in asked.items()
        if lost[slug] >= rules.category_questions and lost[slug] / count > rules.category_share
    ]
    worst = max((lost[slug] / count for slug, count in asked.items()), default=0.0)
    return _categories(worse, len(asked), worst, rules.category_share, as_share=True)


def _answered_categories(test: Sequence[AnswerScore], before: Sequence[AnswerScore], rules: Rules) -> Check:
    changes: dict[Slug | None, list[float]] = {}
    for one, two in zip(test, before, strict=True):
        changes.setdefault(one.category, []).append(two.scores.mean - one.scores.mean)
    drops = {
        slug: float(np.mean(each)) for slug, each in changes.items() if len(each) >= rules.category_questions
    }
    worse = [slug for slug, drop in drops.items() if drop > rules.category_score]
    worst = max(drops.values(), default=0.0)
    return _categories(worse, len(drops), worst, rules.category_score, as_share=False)


def _categories(
    worse: Sequence[Slug | None], count: int, worst: float, margin: float, *, as_share: bool
) -> Check:
    """`worst` is by how much the category that lost most got worse; below 0 all got better."""
    named = ", ".join(sorted(slug or "no category" for slug in worse))
    most = f"{margin:.1%}" if as_share else f"{margin:.2f}"
    return Check(
        aspect=Aspect.CATEGORIES,
        passed=not worse,
        detail=f"worse by more than {most}: {named}"
        if worse
        else f"none of {count} is worse by more than {most}",
        value=worst,
        against=margin,
    )


def _golden(value: float, against: float, count: int, *, as_share: bool) -> Check:
    shown = [f"{each:.1%}" if as_share else f"{each:.2f} of 5" for each in (value, against)]
    return Check(
        aspect=Aspect.GOLDEN,
        passed=value >= against,
        detail=f"{shown[0]} against {shown[1]} on {Count(count):# golden question|# golden questions}",
        value=value,
        against=against,
    )


def _hallucination(test: Sequence[AnswerScore], before: Sequence[AnswerScore], rules: Rules) -> Check:
    value, against = (_average([each.scores.no_hallucination for each in arm]) for arm in (test, before))
    return Check(
        aspect=Aspect.HALLUCINATION,
        passed=value >= against - rules.hallucination,
        detail=f"absence of hallucination {value:.2f} of 5 against {against:.2f}",
        value=value,
        against=against,
    )


def _answered(test: Sequence[AnswerScore], before: Sequence[AnswerScore], rules: Rules) -> Check:
    value, against = (
        _average([each.scores.relevance for each in arm if each.answerable]) for arm in (test, before)
    )
    return Check(
        aspect=Aspect.ANSWERED,
        passed=value >= against - rules.answered,
        detail=f"relevance {value:.2f} of 5 against {against:.2f} where there is an answer",
        value=value,
        against=against,
    )


def _json(challenger: AnswerArm, untuned: AnswerArm) -> Check:
    value, against = (_valid(arm) for arm in (challenger, untuned))
    return Check(
        aspect=Aspect.JSON,
        passed=value >= against,
        detail=f"valid JSON in {value:.0%} of {Count(challenger.json_asked):# reply|# replies}, "
        f"untuned {against:.0%}",
        value=value,
        against=against,
    )


def _valid(arm: AnswerArm) -> float:
    return arm.json_valid / arm.json_asked if arm.json_asked else 1.0


def _latency(took: Sequence[float], base: Sequence[float], budget: float, rules: Rules) -> Check:
    value = _p95(took)
    against = min(budget, rules.slower * _p95(base))
    return Check(
        aspect=Aspect.LATENCY,
        passed=value <= against,
        detail=f"95 % take {value:.0f} ms at most; {against:.0f} ms are allowed",
        value=value,
        against=against,
    )


def _arm(arms: Sequence[RoutingArm], wanted: Arm) -> RoutingArm:
    found = arm_of(arms, wanted)
    if found is None:
        raise ValueError(f"the report has no arm {wanted}")
    return found


def _answer_arm(arms: Sequence[AnswerArm], wanted: Arm) -> AnswerArm:
    found = answers_of(arms, wanted)
    if found is None:
        raise ValueError(f"the report has no arm {wanted}")
    return found


def _asked(arm: RoutingArm, split: Split) -> tuple[Predicted, ...]:
    return tuple(each for each in arm.predicted if each.split is split and each.right is not None)


def _scored(arm: AnswerArm, split: Split, *, judged: bool) -> tuple[AnswerScore, ...]:
    return tuple(each for each in arm.answers if each.split is split and (judged or not each.judged))


def _share(predicted: Sequence[Predicted]) -> float:
    return _average([float(each.hit) for each in predicted])


def _means(scored: Sequence[AnswerScore]) -> Floats:
    return np.array([each.scores.mean for each in scored])


def _mean(scored: Sequence[AnswerScore]) -> float:
    return _average([each.scores.mean for each in scored])


def _average(values: Sequence[float]) -> float:
    return float(np.mean(values)) if values else 0.0


def _p95(milliseconds: Sequence[float]) -> float:
    return float(np.quantile(milliseconds, 0.95)) if milliseconds else 0.0
