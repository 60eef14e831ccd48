"""The figures of an arm, computed of what it said question by question. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from agent.contracts import Slug
from tuning.datasets.item import Split
from tuning.evaluation.results import AnswerArm, AnswerScore, Predicted, RoutingArm

BINS = 10
"""Of the calibration error; of equal numbers of questions, as most are near certainty."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    asked: int
    right: int

    @property
    def share(self) -> float:
        return self.right / self.asked if self.asked else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RoutingFigures:
    """None where the arm cannot tell."""

    asked: int
    accuracy: float
    macro_f1: float
    """Mean of the F1 of every category that was asked for."""
    calibration_error: float | None
    brier: float | None
    strangers_refused: float | None
    """Share of the questions out of scope that were taken for it: recall."""
    wrongly_refused: float | None
    """Share of those in scope."""
    by_category: Mapping[Slug, Tally]
    p50: float
    """Milliseconds; below too."""
    p95: float


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerFigures:
    asked: int
    relevance: float
    """Means, 1 to 5."""
    grounding: float
    no_hallucination: float
    unanswerable: Tally
    """`right` are those that were declined."""
    answerable: Tally
    """`right` are those that were not."""
    words: float
    """Mean length of what was not declined."""
    apologies: float
    """Shares of all answers."""
    not_in_context: float
    judged: int
    json_valid: float | None
    p50: float
    p95: float

    @property
    def mean(self) -> float:
        return (self.relevance + self.grounding + self.no_hallucination) / 3


def routing_figures(arm: RoutingArm, split: Split) -> RoutingFigures:
    asked = tuple(each for each in arm.predicted if each.split is split)
    inside = tuple(each for each in asked if each.right is not None)
    outside = tuple(each for each in asked if each.right is None)
    tells_scope = any(each.out_of_scope is not None for each in asked)
    briers = [each.brier for each in inside if each.brier is not None]
    p50, p95 = percentiles([each.milliseconds for each in inside])
    return RoutingFigures(
        asked=len(inside),
        accuracy=_mean([each.hit for each in inside]),
        macro_f1=macro_f1(inside),
        calibration_error=calibration_error(inside),
        brier=_mean(briers) if briers else None,
        strangers_refused=_mean([each.refused for each in outside]) if outside else None,
        wrongly_refused=_mean([each.refused for each in inside]) if tells_scope else None,
        by_category=by_category(inside),
        p50=p50,
        p95=p95,
    )


def answer_figures(arm: AnswerArm, split: Split) -> AnswerFigures:
    answers = tuple(each for each in arm.answers if each.split is split)
    written = [each.words for each in answers if not each.declined]
    p50, p95 = percentiles([each.milliseconds for each in answers])
    return AnswerFigures(
        asked=len(answers),
        relevance=_mean([each.scores.relevance for each in answers]),
        grounding=_mean([each.scores.grounding for each in answers]),
        no_hallucination=_mean([each.scores.no_hallucination for each in answers]),
        unanswerable=_declined(answers, answerable=False),
        answerable=_declined(answers, answerable=True),
        words=_mean(written),
        apologies=_mean([each.apologises for each in answers]),
        not_in_context=_mean([each.not_in_context for each in answers]),
        judged=sum(each.judged for each in answers),
        json_valid=arm.json_valid / arm.json_asked if arm.json_asked else None,
        p50=p50,
        p95=p95,
    )


def by_category(predicted: Sequence[Predicted]) -> dict[Slug, Tally]:
    """By the right category, in the order of the slugs."""
    asked = Counter(each.right for each in predicted if each.right is not None)
    hits = Counter(each.right for each in predicted if each.hit)
    return {slug: Tally(asked=asked[slug], right=hits[slug]) for slug in sorted(asked)}


def macro_f1(predicted: Sequence[Predicted]) -> float:
    asked, said = Counter(each.right for each in predicted), Counter(each.said for each in predicted)
    hits = Counter(each.right for each in predicted if each.hit)
    return _mean([2 * hits[slug] / (asked[slug] + said[slug]) for slug in asked if slug is not None])


def calibration_error(predicted: Sequence[Predicted]) -> float | None:
    """The expected calibration error over bins of equal numbers of questions (Naeini et al. 2015; in this
    form Nixon et al. 2019); None where the arm knows no probabilities.
    """
    known = [(each.confidence, each.hit) for each in predicted if each.confidence is not None]
    if not known:
        return None
    known.sort(key=lambda each: each[0])
    confidence, hits = np.array(known, dtype=np.float64).T
    bins = np.arange(len(known)) * BINS // len(known)
    gaps = [abs(confidence[bins == k].sum() - hits[bins == k].sum()) for k in np.unique(bins)]
    return float(sum(gaps) / len(known))


def confusion(arm: RoutingArm, split: Split) -> tuple[tuple[Slug, ...], tuple[tuple[int, ...], ...]]:
    """The categories, and for each that was right how often each was said."""
    pairs = Counter(
        (each.right, each.said) for each in arm.predicted if each.split is split and each.right is not None
    )
    slugs = tuple(sorted({slug for pair in pairs for slug in pair if slug is not None}))
    return slugs, tuple(tuple(pairs[right, said] for said in slugs) for right in slugs)


def percentiles(milliseconds: Sequence[float]) -> tuple[float, float]:
    """The median and the 95th percentile; zeros of nothing."""
    if not milliseconds:
        return 0.0, 0.0
    return float(np.quantile(milliseconds, 0.5)), float(np.quantile(milliseconds, 0.95))


def _declined(answers: Sequence[AnswerScore], *, answerable: bool) -> Tally:
    those = [each for each in answers if each.answerable is answerable]
    return Tally(asked=len(those), right=sum(each.declined is not answerable for each in those))


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if values else 0.0
