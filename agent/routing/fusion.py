"""What the parts say, fused into probabilities that mean what they say.

A conditional logit over the categories (McFadden 1974) weighs, for each category, the regression's score,
the nearest example, the description and the language model's log-likelihood; a logistic regression on how
familiar the question looks says whether it is in scope at all. Both have so few weights that they are
fitted in milliseconds, and both start from a prior: weights fitted on many small guilds, with how much they
varied there. A guild's own labels move the weights away from the prior by as much as they can prove.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import IntEnum
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from agent.routing.ridge import Rows, Scores
from agent.serving.served import Trust

Floats: TypeAlias = NDArray[np.float64]

_FLOOR = 0.02
"""Scores below it are noise; its logarithm bounds how unlikely a category can look."""
_PROOF = 2.0
"""Nats by which a language model must make the labels less surprising: one in twenty worthless models gains
as much by chance (Wilks 1938)."""
_LEAST_SD = 0.02
"""Keeps familiarity finite where all strangers look alike."""
_STEPS = 50
_CONVERGED = 1e-8


class Part(IntEnum):
    """The columns of the features of a category."""

    REGRESSION = 0
    NEAREST = 1
    DESCRIPTION = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Prior:
    """Normal distributions of weights, independent of each other."""

    mean: tuple[float, ...]
    sd: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    parts: tuple[float, ...]
    """One for each `Part`."""
    scope: tuple[float, float, float]
    """Constant, familiarity, nearest: the log-odds of being *in* scope."""
    model: float = 0.0
    """Of the language model's log-likelihood; 0 until labels have shown that it deserves more."""
    model_span: float = 0.0
    """How far apart in log-likelihood the model put two categories on labelled questions, nats."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Similarities:
    """How n questions look to the parts. Each (n, categories)."""

    scores: Scores
    nearest: Scores
    """Cosine to the nearest row of the category, its description included."""
    descriptions: Scores


def part_features(seen: Similarities) -> Floats:
    """Return (n, categories, parts)."""
    scores = np.log(np.maximum(seen.scores, _FLOOR))
    parts = np.stack([scores, seen.nearest, seen.descriptions], axis=2)
    return parts.astype(np.float64)


@dataclass(frozen=True, slots=True)
class Strangers:
    """How familiar the background questions look to a guild: what familiarity is measured against.

    How near a question comes to a category depends on how its description is written, so that the same
    cosine means much in one guild and nothing in another.
    """

    mean: Floats
    """(2,): familiarity to the regression, and to the nearest row."""
    sd: Floats


def strangers_of(seen: Similarities) -> Strangers:
    """Measure the background questions."""
    familiar = _familiarity(seen)
    return Strangers(familiar.mean(axis=0), familiar.std(axis=0) + _LEAST_SD)


def scope_features(seen: Similarities, strangers: Strangers) -> Floats:
    """Return (n, 3): constant, familiarity to the regression, familiarity to the nearest row."""
    familiar = (_familiarity(seen) - strangers.mean) / strangers.sd
    return np.concatenate([np.ones((len(familiar), 1)), familiar], axis=1)


def _familiarity(seen: Similarities) -> Floats:
    best = np.log(np.maximum(seen.scores.max(axis=1), _FLOOR))
    return np.stack([best, seen.nearest.max(axis=1)], axis=1).astype(np.float64)


def within(logits: Floats) -> Floats:
    """Softmax over the last axis: which category, given that it is one."""
    shifted = np.exp(logits - logits.max(axis=-1, keepdims=True))
    normal: Floats = shifted / shifted.sum(axis=-1, keepdims=True)
    return normal


def out_of_scope(features: Floats, weights: Weights) -> Floats:
    """Return (n,) probabilities."""
    odds: Floats = 1 / (1 + np.exp(np.clip(features @ np.array(weights.scope), -30, 30)))
    return odds


def fit_parts(features: Floats, labels: Rows, prior: Prior) -> tuple[float, ...]:
    """Fit the weights of a conditional logit, from and towards the prior.

    `features` is (n, categories, weights), `labels` (n,). With n = 0 it returns the prior's means. The loss
    is convex; Newton's steps are halved while they overshoot.
    """
    mean, precision = np.array(prior.mean), np.array(prior.sd) ** -2.0
    weights = mean.copy()
    loss = _loss(weights, features, labels, mean, precision)
    for _ in range(_STEPS):
        step = _newton_step(weights, features, labels, mean, precision)
        while (moved := _loss(weights - step, features, labels, mean, precision)) > loss:
            step = step / 2
            if float(np.abs(step).max()) < _CONVERGED:
                return tuple(weights.tolist())
        weights, loss = weights - step, moved
        if float(np.abs(step).max()) < _CONVERGED:
            break
    return tuple(weights.tolist())


def _loss(weights: Floats, features: Floats, labels: Rows, mean: Floats, precision: Floats) -> float:
    penalty = 0.5 * float((precision * (weights - mean) ** 2).sum())
    return _surprise(features @ weights, labels) + penalty


def _surprise(logits: Floats, labels: Rows) -> float:
    """Sum of the negative log-probabilities of the labels, nats."""
    top = logits.max(axis=1, initial=-np.inf)
    total = top + np.log(np.exp(logits - top[:, np.newaxis]).sum(axis=1))
    right = np.take_along_axis(logits, labels[:, np.newaxis], axis=1)[:, 0]
    return float((total - right).sum())


def _newton_step(weights: Floats, features: Floats, labels: Rows, mean: Floats, precision: Floats) -> Floats:
    chances = within(features @ weights)
    expected = np.einsum("nk,nkj->nj", chances, features)
    chosen = np.take_along_axis(features, labels[:, np.newaxis, np.newaxis], axis=1)[:, 0]
    slope = (expected - chosen).sum(axis=0) + precision * (weights - mean)
    spread = (features - expected[:, np.newaxis]) * np.sqrt(chances)[:, :, np.newaxis]
    flat = spread.reshape(-1, spread.shape[2])
    step: Floats = np.linalg.solve(flat.T @ flat + np.diag(precision), slope)
    return step


def fit_scope(
    inside: Floats, outside: Floats, prior: Prior, outside_share: float
) -> tuple[float, float, float]:
    """Fit the log-odds of being in scope, as if `outside_share` of all questions were not.

    `inside` and `outside` are (n, 3) features of labelled questions that the regression has not seen: with
    their category known, and with their whole category left out.
    """
    features = np.stack(
        [np.concatenate([inside, outside]), np.zeros((len(inside) + len(outside), 3))], axis=1
    )
    labels = np.repeat(np.array([0, 1]), [len(inside), len(outside)])
    constant, familiar, nearest = fit_parts(features, labels, prior)
    shift = np.log((1 - outside_share) / outside_share)
    return constant + float(shift), familiar, nearest


def trust_model(
    weights: Weights, features: Floats, likelihoods: Floats, labels: Rows, prior: Prior
) -> Weights:
    """Weigh the language model by what it adds to the other parts on labelled questions.

    `features` are (n, categories, parts) of questions unseen by the regression and by the model's training;
    `likelihoods` are (n, categories).
    """
    trust = fit_trust(features @ np.array(weights.parts), likelihoods, labels, prior)
    return replace(weights, model=0.0, model_span=0.0) if trust is None else trusting(weights, trust)


def fit_trust(rest: Floats, likelihoods: Floats, labels: Rows, prior: Prior) -> Trust | None:
    """Say how far a language model is to be believed beside `rest`, the (n, categories) logits of all other
    parts, which keep their weights relative to each other.

    None for a model whose answers do not make the labels clearly less surprising: each call costs seconds.
    """
    both = np.stack([rest, likelihoods], axis=2)
    scale, model = fit_parts(both, labels, prior)
    (alone,) = fit_parts(both[:, :, :1], labels, Prior(mean=prior.mean[:1], sd=prior.sd[:1]))
    gain = _surprise(rest * alone, labels) - _surprise(both @ np.array([scale, model]), labels)
    if model <= 0 or gain < _PROOF:
        return None
    return Trust(scale=scale, model=model, span=float(np.quantile(np.ptp(likelihoods, axis=1), 0.95)))


def trusting(weights: Weights, trust: Trust) -> Weights:
    """The weights of a router that believes a language model so far."""
    parts = tuple(part * trust.scale for part in weights.parts)
    return replace(weights, parts=parts, model=trust.model, model_span=trust.span)
