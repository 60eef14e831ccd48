"""What a guild's labels teach the router, and what that says of one question. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np

from agent.models.protocol import Vector
from agent.routing import prior
from agent.routing.fusion import (
    Floats,
    Part,
    Prior,
    Strangers,
    Weights,
    fit_parts,
    fit_scope,
    out_of_scope,
    part_features,
    scope_features,
    strangers_of,
    trust_model,
    trusting,
    within,
)
from agent.routing.labels import Labels, look, look_unseen
from agent.routing.ridge import Ridge, Rows, Unseen, fit_ridge
from agent.serving.served import Trust

CALIBRATED_ON = 2000
"""Most examples that the few weights of the fusion are fitted on: more change nothing to speak of."""

_TWIN, _SAME = 0.90, 0.97
"""Cosines between which a question turns from a neighbour of a labelled one into the same question. In
banking77 98 % of the questions that lie as near as 0.90 to a label share it, and it gets no better above."""
_TRUST_IN_TWINS = 0.97
_TIE = 0.01
"""Labels that lie this much farther than the nearest one have an equal say."""

_FEWEST_CATEGORIES = 3
"""With fewer, leaving one out says little of what is out of scope."""

_SHOWN = 5
"""Nearest examples that a route names."""


@dataclass(frozen=True, slots=True)
class Learned:
    labels: Labels
    ridge: Ridge
    weights: Weights
    strangers: Strangers
    without_model: Weights
    """The weights of the other parts where the language model has no say."""


@dataclass(frozen=True, slots=True)
class Opinion:
    """What is known of a question without the language model."""

    logits: Floats
    """(categories,); their softmax is the probability of each, given that the question is in scope."""
    out_of_scope: float
    examples: Floats
    """(categories,) probabilities by the labelled questions alone; so below."""
    description: Floats
    nearest: tuple[int, ...]
    """Indices of the nearest examples, nearest first."""
    repeated: bool
    """Whether a labelled question that is almost the same decided."""


def learn(labels: Labels, examined: Mapping[str, Floats] = MappingProxyType({})) -> Learned:
    """Fit the regression and the weights. Milliseconds for 300 labels, seconds for 10,000.

    `examined` holds the language model's log-likelihoods (categories,) of some labelled questions.
    """
    ridge, unseen = fit_ridge(labels.vectors, labels.rows, len(labels.categories))
    parts, scope = _priors(labels)
    chosen = spread(labels, CALIBRATED_ON)
    inside, outside = look_unseen(labels, unseen, chosen)
    strangers = strangers_of(look(labels, ridge, labels.strangers))
    in_features, out_features = scope_features(inside, strangers), scope_features(outside, strangers)
    if len(labels.categories) < _FEWEST_CATEGORIES:
        in_features, out_features = in_features[:0], out_features[:0]
    weights = Weights(
        parts=fit_parts(part_features(inside), labels.rows[chosen], parts),
        scope=fit_scope(in_features, out_features, scope, prior.OUTSIDE_SHARE),
    )
    return Learned(labels, ridge, _with_model(weights, labels, unseen, examined), strangers, weights)


def _with_model(weights: Weights, labels: Labels, unseen: Unseen, examined: Mapping[str, Floats]) -> Weights:
    rows = [row for row, example in enumerate(labels.examples) if example.question in examined]
    if not rows:
        return weights
    chosen = np.array(rows, dtype=np.int64)
    inside, _ = look_unseen(labels, unseen, chosen)
    likelihoods = np.stack([examined[labels.examples[row].question] for row in rows])
    return trust_model(weights, part_features(inside), likelihoods, labels.rows[chosen], prior.MODEL)


def relabelled(learned: Learned, labels: Labels) -> Learned:
    """Look at new labels at once with weights fitted before them. The categories must be the same."""
    return replace(learned, labels=labels)


def believing(learned: Learned, trust: Trust | None) -> Learned:
    """Weigh a tuned model by the trust that came with its adapter; without any it has no say."""
    weights = learned.without_model
    return replace(learned, weights=weights if trust is None else trusting(weights, trust))


def spread(labels: Labels, most: int) -> Rows:
    """Pick at most so many examples, evenly over the categories."""
    return evenly(len(labels.examples), most)


def evenly(count: int, most: int) -> Rows:
    """Pick at most so many of `count` rows."""
    return np.linspace(0, count - 1, min(count, most)).astype(np.int64)


def consider(learned: Learned, question: Vector) -> Opinion:
    """Judge one placed question. A millisecond at 1,000 labels."""
    labels, weights = learned.labels, learned.weights
    cosines = labels.vectors @ question
    seen = look(labels, learned.ridge, question[np.newaxis], cosines[np.newaxis])
    weighted = part_features(seen)[0] * np.array(weights.parts)
    outside = float(out_of_scope(scope_features(seen, learned.strangers), weights)[0])
    to_examples = cosines[: len(labels.examples)]
    trust, told = _told_by_twins(to_examples, labels)
    by_examples = within(weighted[:, Part.REGRESSION] + weighted[:, Part.NEAREST])
    return Opinion(
        logits=np.log((1 - trust) * within(weighted.sum(axis=1)) + trust * told + 1e-12),
        out_of_scope=(1 - trust) * outside,
        examples=(1 - trust) * by_examples + trust * told,
        description=within(weighted[:, Part.DESCRIPTION]),
        nearest=tuple(int(row) for row in np.argsort(-to_examples, kind="stable")[:_SHOWN]),
        repeated=trust > 0.5,
    )


def _told_by_twins(cosines: Vector, labels: Labels) -> tuple[float, Floats]:
    """Return how far a labelled question that is almost the same decides, and which categories it tells."""
    told = np.zeros(len(labels.categories))
    best = float(cosines.max(initial=-1.0))
    trust = _TRUST_IN_TWINS * float(np.clip((best - _TWIN) / (_SAME - _TWIN), 0.0, 1.0))
    if trust > 0:
        twins = np.flatnonzero(cosines >= best - _TIE)
        np.add.at(told, labels.rows[twins], 1 / len(twins))
    return trust, told


def _priors(labels: Labels) -> tuple[Prior, Prior]:
    if labels.taught:
        return prior.TAUGHT_PARTS, prior.TAUGHT_SCOPE
    return prior.BARE_PARTS, prior.BARE_SCOPE
