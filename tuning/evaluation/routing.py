"""How well every way to route does on questions that none of them was made of.

The fusions are the router that serves, made of the training split's examples alone: a question that the
router has as an example would be found by itself. How far a fusion believes a model is fitted on questions
that the model was not trained on: those of validation and test. On the few validation questions of a small
guild alone, a router that happens to be right there would leave the best model nothing to prove. So that no
test question has a say in how it is routed itself, trust is cross-fitted (Chernozhukov et al. 2018): each
fifth of the test questions is routed with the trust that all the others call for. What serves, and routes the
golden questions, is the trust that all of them call for.

What is out of scope is measured on test questions whose whole category the router does not know: they are of
a neighbouring topic, which are the hard ones. No model has a say in it, so all fusions share it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, TypeAlias

import numpy as np

from agent.contracts import Category, Example, GuildId, Route, RouteDecision, Slug
from agent.models.protocol import ChatModel
from agent.routing import prior
from agent.routing.decide import could_change
from agent.routing.fusion import Floats, fit_trust, part_features, within
from agent.routing.guilds import place_labels
from agent.routing.labels import describe, look
from agent.routing.learned import Learned, Opinion, believing, consider, learn
from agent.routing.placing import Placed, Placer
from agent.routing.router import fused_route
from agent.routing.vote import ask_model
from agent.serving.served import Trust
from tuning.datasets.item import Split
from tuning.evaluation.kept import Kept, Pause, key_of
from tuning.evaluation.questions import HELD_OUT, RoutingQuestion
from tuning.evaluation.results import Arm, Predicted, RoutingArm

_LEFT_OUT: Final = 10
"""Categories that are left out, one after the other, to measure what is out of scope: each is a router."""
_FOLDS: Final = 5
_BLOCK: Final = 25
"""Questions that one arm is asked before the next has its turn: a prompt that is the same but for its end
stays evaluated, and what else the machine does in the meantime slows all arms alike."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RoutingModels:
    base: ChatModel
    challenger: ChatModel
    champion: ChatModel | None = None
    champion_trust: Trust | None = None
    """As it serves. Some of the test questions may have had a say in it, which is in its favour."""


@dataclass(frozen=True, slots=True)
class _Seen:
    """A question as the router sees it without a model."""

    question: RoutingQuestion
    placed: Placed
    learned: Learned
    opinion: Opinion
    milliseconds: float


@dataclass(frozen=True, slots=True)
class _Vote:
    likelihoods: Floats
    """(categories,) nats."""
    milliseconds: float


_Votes: TypeAlias = Mapping[str, _Vote]
"""By item."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Heard:
    """A model in a fusion; one without has neither votes nor trust."""

    votes: _Votes = field(default_factory=dict)
    trust: Trust | None = None
    """As it would serve."""
    crossed: Mapping[str, Trust | None] = field(default_factory=dict)
    """What questions are routed with that had a say in `trust`, by item."""

    def trust_for(self, item: str) -> Trust | None:
        return self.crossed.get(item, self.trust)


async def evaluate_routing(
    guild: GuildId,
    categories: Sequence[Category],
    questions: Sequence[RoutingQuestion],
    placer: Placer,
    models: RoutingModels,
    *,
    scope_threshold: float,
    kept: Kept,
    pause: Pause,
) -> tuple[RoutingArm, ...]:
    """Ask every arm. `questions` are of all splits; those of the training split are the examples.

    Raises `ModelError`, `StoreError`.
    """
    examples = [
        Example(question=each.text, category=each.right) for each in questions if each.split is Split.TRAIN
    ]
    routers = await _routers(guild, categories, examples, placer)
    asked = [each for each in questions if each.split is not Split.TRAIN]
    seen = [await _see(routers, placer, each) for each in asked]
    votes = await _votes(models, seen, kept, pause)
    held_out = [each for each in seen if each.question.split in HELD_OUT]
    strangers = await _strangers(guild, categories, examples, placer, held_out, scope_threshold)
    heard = {
        Arm.FUSION: _Heard(),
        Arm.FUSION_UNTUNED: _heard(seen, votes[Arm.UNTUNED]),
        Arm.FUSION_CHALLENGER: _heard(seen, votes[Arm.CHALLENGER]),
    }
    if Arm.CHAMPION in votes:
        heard[Arm.FUSION_CHAMPION] = _Heard(votes=votes[Arm.CHAMPION], trust=models.champion_trust)
    return (
        *(RoutingArm(arm=arm, predicted=_alone(held_out, said)) for arm, said in votes.items()),
        RoutingArm(arm=Arm.NEAREST, predicted=tuple(map(_nearest, held_out))),
        *(
            RoutingArm(
                arm=arm,
                predicted=(*(_fused(each, model, scope_threshold) for each in held_out), *strangers),
                trust=model.trust,
            )
            for arm, model in heard.items()
        ),
    )


async def _routers(
    guild: GuildId, categories: Sequence[Category], examples: Sequence[Example], placer: Placer
) -> dict[bool, Learned]:
    """By whether the embedders are joined, as those that serve."""
    labels = await place_labels(placer, guild, categories, examples)
    return {joint: await asyncio.to_thread(learn, each) for joint, each in labels.items()}


async def _see(routers: Mapping[bool, Learned], placer: Placer, question: RoutingQuestion) -> _Seen:
    start = time.perf_counter()
    placed = await placer.question(question.text)
    learned = _of(routers, placed)
    opinion = _opinion(learned, placed)
    return _Seen(question, placed, learned, opinion, (time.perf_counter() - start) * 1000)


def _of(routers: Mapping[bool, Learned], placed: Placed) -> Learned:
    return routers[bool(placed.english[0]) and True in routers]


def _opinion(learned: Learned, placed: Placed) -> Opinion:
    return consider(learned, placed.vectors(joint=learned.labels.joint)[0])


async def _votes(
    models: RoutingModels, seen: Sequence[_Seen], kept: Kept, pause: Pause
) -> dict[Arm, dict[str, _Vote]]:
    asked = {Arm.UNTUNED: models.base, Arm.FEW_SHOT: models.base, Arm.CHALLENGER: models.challenger}
    if models.champion is not None:
        asked[Arm.CHAMPION] = models.champion
    votes: dict[Arm, dict[str, _Vote]] = {arm: {} for arm in asked}
    for start in range(0, len(seen), _BLOCK):
        for arm, model in asked.items():
            for each in seen[start : start + _BLOCK]:
                shown = arm is Arm.FEW_SHOT
                votes[arm][each.question.item] = await _vote(model, each, kept, pause, shown=shown)
    return votes


async def _vote(model: ChatModel, seen: _Seen, kept: Kept, pause: Pause, *, shown: bool) -> _Vote:
    """Ask one model, the nearest examples before the question when they are to be `shown`."""
    labels, text = seen.learned.labels, seen.question.text
    # The nearest last: what stands next to the question weighs most.
    examples = [labels.examples[row] for row in reversed(seen.opinion.nearest)] if shown else []
    told = [f"{example.category}: {example.question}" for example in examples]
    key = key_of(model.info, *map(describe, labels.categories), *told, text)
    found = kept.recall(key)
    if found is None:
        await pause()
        start = time.perf_counter()
        likelihoods = await ask_model(model, labels.categories, seen.opinion.logits, text, examples)
        found = [(time.perf_counter() - start) * 1000, likelihoods.tolist()]
        kept.keep(key, found)
    return _Vote(np.array(found[1]), found[0])


def _heard(seen: Sequence[_Seen], votes: _Votes) -> _Heard:
    """Say how far a model is believed, in service and on each test question."""
    unseen = [each for each in seen if each.question.split is not Split.GOLDEN]
    trust = _fitted(unseen, votes)
    if trust is None:
        return _Heard(votes=votes)
    test = [each for each in unseen if each.question.split is Split.TEST]
    crossed: dict[str, Trust | None] = {}
    for fold in (test[start::_FOLDS] for start in range(min(_FOLDS, len(test)))):
        items = {each.question.item for each in fold}
        found = _fitted([each for each in unseen if each.question.item not in items], votes)
        crossed |= dict.fromkeys(items, found)
    return _Heard(votes=votes, trust=trust, crossed=crossed)


def _fitted(questions: Sequence[_Seen], votes: _Votes) -> Trust | None:
    """Fit how far the fusion believes a model; None without a question to fit it on."""
    if not questions:
        return None
    likelihoods = np.stack([votes[each.question.item].likelihoods for each in questions])
    rest = np.stack([_rest(each) for each in questions])
    slugs = questions[0].learned.labels.slugs
    right = np.array([slugs.index(each.question.right) for each in questions], dtype=np.int64)
    return fit_trust(rest, likelihoods, right, prior.MODEL)


def _rest(seen: _Seen) -> Floats:
    """The logits of all parts but the model, before a repeated example decides."""
    learned = seen.learned
    vectors = seen.placed.vectors(joint=learned.labels.joint)
    logits: Floats = part_features(look(learned.labels, learned.ridge, vectors))[0] @ learned.weights.parts
    return logits


def _fused(seen: _Seen, model: _Heard, scope_threshold: float) -> Predicted:
    """Route as the router that serves does; without trust no model is asked."""
    learned = believing(seen.learned, model.trust_for(seen.question.item))
    took, told = seen.milliseconds, None
    opinion, weights = _opinion(learned, seen.placed), learned.weights
    reach = weights.model * weights.model_span
    if could_change(learned.labels.slugs, opinion.logits, reach, opinion.out_of_scope, scope_threshold):
        vote = model.votes[seen.question.item]
        told, took = vote.likelihoods, took + vote.milliseconds
    return _routed(seen.question, fused_route(learned, opinion, told, scope_threshold), took)


def _routed(question: RoutingQuestion, route: Route, milliseconds: float) -> Predicted:
    inside = max(1 - route.out_of_scope, 1e-12)
    chances = {score.category: score.probability / inside for score in route.scores}
    scored = _predicted(question, chances, milliseconds)
    refused = route.decision is RouteDecision.OUT_OF_SCOPE
    return replace(scored, out_of_scope=route.out_of_scope, refused=refused)


def _alone(seen: Sequence[_Seen], votes: _Votes) -> tuple[Predicted, ...]:
    """What a model says by itself."""
    predicted = []
    for each in seen:
        vote = votes[each.question.item]
        chances = dict(zip(each.learned.labels.slugs, within(vote.likelihoods).tolist(), strict=True))
        predicted.append(_predicted(each.question, chances, vote.milliseconds))
    return tuple(predicted)


def _nearest(seen: _Seen) -> Predicted:
    labels, nearest = seen.learned.labels, seen.opinion.nearest
    said = labels.examples[nearest[0]].category if nearest else labels.slugs[0]
    question = seen.question
    return Predicted(
        item=question.item,
        split=question.split,
        right=question.right,
        said=said,
        milliseconds=seen.milliseconds,
    )


def _predicted(question: RoutingQuestion, chances: Mapping[Slug, float], milliseconds: float) -> Predicted:
    said = max(chances, key=lambda slug: (chances[slug], slug))
    return Predicted(
        item=question.item,
        split=question.split,
        right=question.right,
        said=said,
        confidence=chances[said],
        chance=chances.get(question.right, 0.0),
        brier=sum((chance - (slug == question.right)) ** 2 for slug, chance in chances.items()),
        milliseconds=milliseconds,
    )


async def _strangers(
    guild: GuildId,
    categories: Sequence[Category],
    examples: Sequence[Example],
    placer: Placer,
    seen: Sequence[_Seen],
    scope_threshold: float,
) -> tuple[Predicted, ...]:
    """Ask routers that know nothing of a category the questions of it."""
    asked = sorted({each.question.right for each in seen})
    found: list[Predicted] = []
    for row in np.unique(np.linspace(0, len(asked) - 1, min(len(asked), _LEFT_OUT)).astype(np.int64)):
        others = [category for category in categories if category.slug != asked[row]]
        routers = await _routers(guild, others, examples, placer)
        if not routers:
            continue
        for each in seen:
            if each.question.right == asked[row]:
                learned = _of(routers, each.placed)
                route = fused_route(learned, _opinion(learned, each.placed), None, scope_threshold)
                found.append(_stranger(each, route))
    return tuple(found)


def _stranger(seen: _Seen, route: Route) -> Predicted:
    question = seen.question
    predicted = _routed(question, route, seen.milliseconds)
    return replace(predicted, item=f"stranger:{question.item}", right=None, chance=None, brier=None)
