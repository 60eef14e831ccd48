"""From probabilities to what they mean for the search. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agent.contracts import RouteDecision, Slug
from agent.models.labels import LABELS
from agent.routing.fusion import within

COVERED = 0.85
"""Least probability that the answer lies within the filter. A filter gains a few points of recall when it is
right and loses the evidence when it is wrong, so it must be right far more often than not;
`python -m benchmarks.routing` prints how often it was right at this and other values."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    decision: RouteDecision
    categories: tuple[Slug, ...]
    reason: str


def decide(
    slugs: Sequence[Slug], chances: NDArray[np.float64], out_of_scope: float, scope_threshold: float
) -> Decided:
    """Decide what to search.

    `chances` are the probabilities of `slugs` given that the question is in scope; they sum to 1. Ties go to
    the slug that sorts first.
    """
    if out_of_scope > scope_threshold:
        reason = f"out of scope with {out_of_scope:.0%}: it resembles nothing that this guild keeps"
        return Decided(decision=RouteDecision.OUT_OF_SCOPE, categories=(), reason=reason)
    order = sorted(range(len(slugs)), key=lambda k: (-chances[k], slugs[k]))
    best = [slugs[k] for k in order[:2]]
    if chances[order[0]] >= COVERED:
        reason = f"{best[0]} with {chances[order[0]]:.0%}"
        return Decided(decision=RouteDecision.SINGLE, categories=(best[0],), reason=reason)
    if chances[order[:2]].sum() >= COVERED:
        reason = f"{best[0]} and {best[1]} are close: {chances[order[0]]:.0%} and {chances[order[1]]:.0%}"
        return Decided(decision=RouteDecision.UNION, categories=tuple(best), reason=reason)
    reason = f"no category is likely enough: the best is {best[0]} with {chances[order[0]]:.0%}"
    return Decided(decision=RouteDecision.UNFILTERED, categories=(), reason=reason)


def could_change(
    slugs: Sequence[Slug],
    logits: NDArray[np.float64],
    reach: float,
    out_of_scope: float,
    scope_threshold: float,
) -> bool:
    """Tell whether a part that has yet to speak could change what is searched.

    `reach` is how far it can move one candidate's logit against all others: the model's weight times how far
    apart it puts categories. It has no say in what is out of scope, so such a question needs no model.
    """
    if reach <= 0 or len(slugs) < 2 or out_of_scope > scope_threshold:
        return False
    before = decide(slugs, within(logits), out_of_scope, scope_threshold).categories
    order = np.argsort(-logits, kind="stable")
    moves = [(order[0], -reach)] + [(candidate, reach) for candidate in order[: len(LABELS)]]
    for candidate, move in moves:
        moved = logits.copy()
        moved[candidate] += move
        if decide(slugs, within(moved), out_of_scope, scope_threshold).categories != before:
            return True
    return False
