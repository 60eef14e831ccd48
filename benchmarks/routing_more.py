"""The tables of the routing benchmark beside accuracy: decisions, the language model's part, and cost."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from agent.contracts import Category, Example, RouteDecision, Slug
from agent.models.library import open_chat_model
from agent.models.protocol import Vectors
from agent.models.space import unit
from agent.routing.decide import could_change, decide
from agent.routing.fusion import Floats, within
from agent.routing.labels import Labels, arrange
from agent.routing.learned import Learned, Opinion, consider, learn, spread
from agent.routing.memory import RoutingMemory
from agent.routing.vote import ModelVote
from agent.settings import Settings
from benchmarks.report import Section
from benchmarks.routing_data import Bench, Pool, sample

SCOPE_THRESHOLD = 0.5
"""The default of the setting `scope_threshold`."""

_REACHES = (0.0, 1.0, 2.0, 4.0, 8.0)
"""Nats that a language model may move a category; 0 is a model that labels have shown to be worth nothing."""

_EXAMINED = 30
_ORACLE = 0.9
"""How often a stand-in for a well-tuned model is right."""


def decisions(name: str, slugs: Sequence[Slug], opinions: Sequence[Opinion], true: Any) -> dict[str, Any]:
    """Return a row: what was decided how often, and how often the filter held the right category."""
    decided = [decide(slugs, within(o.logits), o.out_of_scope, SCOPE_THRESHOLD) for o in opinions]
    kinds = [d.decision for d in decided]
    inside = true >= 0
    filtered = [k for k in np.flatnonzero(inside) if decided[k].categories]
    covered = [slugs[true[k]] in decided[k].categories for k in filtered]
    row: dict[str, Any] = {"questions": name}
    for decision in (
        RouteDecision.SINGLE,
        RouteDecision.UNION,
        RouteDecision.UNFILTERED,
        RouteDecision.OUT_OF_SCOPE,
    ):
        row[f"{decision.value} %"] = f"{100 * np.mean([kind is decision for kind in kinds]):.1f}"
    row["coverage %"] = f"{100 * len(filtered) / max(int(inside.sum()), 1):.1f}"
    row["right when filtered %"] = f"{100 * np.mean(covered):.1f}" if covered else "-"
    return row


def model_section(slugs: Sequence[Slug], opinions: Sequence[Opinion], true: Any) -> Section:
    """Show how many calls are saved for models worth more and more, and what an oracle's calls would buy."""
    rows = []
    for reach in _REACHES:
        asked = np.array(
            [could_change(slugs, o.logits, reach, o.out_of_scope, SCOPE_THRESHOLD) for o in opinions]
        )
        logits = np.stack([o.logits for o in opinions])
        logits[asked] += _oracle(len(slugs), true, reach)[asked]
        rows.append(
            {
                "reach, nats": reach,
                "calls saved %": f"{100 * (1 - asked.mean()):.1f}",
                "accuracy with an oracle %": f"{100 * (logits.argmax(axis=1) == true).mean():.1f}",
            }
        )
    return Section(
        title="The language model is asked only when it could change what is searched",
        columns=list(rows[0]),
        rows=rows,
        note="reach: the model's learnt weight times how far apart it puts categories; 0 for a model that\n"
        "its examination has shown to be worth nothing. The oracle stands in for a tuned model, which does\n"
        f"not exist yet: it prefers the right category by the reach for {_ORACLE:.0%} of the questions, and\n"
        "another for the rest.",
    )


def _oracle(count: int, true: Any, reach: float) -> Floats:
    rng = np.random.default_rng(0)
    said = np.where(rng.random(len(true)) < _ORACLE, true, rng.integers(0, count, len(true)))
    return reach * np.eye(count)[said]


async def examination_section(bench: Bench, pool: Pool, cache: Path) -> Section:
    """Examine the bundled model on some of the household's labels, and see what trust that earns it."""
    chat = await open_chat_model(Settings(data_dir=cache))
    vote = ModelVote(chat, RoutingMemory(cache / "routing.db"))
    labels = await bench.labels(pool.categories, sample(pool, 0, 99))
    learned = learn(labels)
    said: dict[str, Floats] = {}
    right = 0
    for row in spread(labels, _EXAMINED):
        question = labels.examples[row].question
        logits = consider(learned, labels.vectors[row]).logits
        said[question] = await vote.ask(labels.categories, logits, question)
        right += int(said[question].argmax() == labels.rows[row])
    await chat.close()
    row = {
        "model": chat.info.name,
        "questions": len(said),
        "right": right,
        "categories it chose": len({int(likelihoods.argmax()) for likelihoods in said.values()}),
        "learnt weight": round(learn(labels, said).weights.model, 3),
    }
    return Section(
        title="The examination of the bundled model, household labels",
        columns=list(row),
        rows=[row],
        note="With weight 0 it is never called: every call is saved.",
    )


def cost_section() -> Section:
    """Time one question and one fit on random vectors: cost does not depend on what they mean."""
    rows = []
    for count, categories in ((100, 10), (1_000, 77), (10_000, 100)):
        labels, questions = _random_labels(count, categories)
        start = time.perf_counter()
        learned = learn(labels)
        fit = time.perf_counter() - start
        spent = [_timed(learned, question) for question in questions]
        rows.append(
            {
                "labels": count,
                "categories": categories,
                "p50 ms": f"{np.quantile(spent, 0.5):.2f}",
                "p95 ms": f"{np.quantile(spent, 0.95):.2f}",
                "fit s": f"{fit:.2f}",
            }
        )
    return Section(
        title="Own time of the router, both embedders joined",
        columns=list(rows[0]),
        rows=rows,
        note="Without embedding, model and catalog. Up to 400 labels a fit runs while the question waits,\n"
        "beyond it in the background; new labels count at once either way.",
    )


def _timed(learned: Learned, question: Any) -> float:
    start = time.perf_counter()
    consider(learned, question)
    return (time.perf_counter() - start) * 1000


def _random_labels(count: int, categories: int) -> tuple[Labels, Vectors]:
    rng = np.random.default_rng(0)
    named = [Category(slug=Slug(f"c{k:03}"), name=f"c{k}") for k in range(categories)]
    examples = [Example(question=f"q{k}", category=named[k % categories].slug) for k in range(count)]
    ordered, kept, of = arrange(named, examples)
    centres = rng.normal(size=(categories, 768))
    vectors = unit((centres[of] + rng.normal(size=(len(of), 768))).astype(np.float32))
    questions = unit(
        (centres[rng.integers(0, categories, 200)] + rng.normal(size=(200, 768))).astype(np.float32)
    )
    return Labels(ordered, kept, vectors, of, questions, joint=True), questions
