"""Where the constants of agent/routing/prior.py come from: `python -m benchmarks.routing --fit-prior`.

Many small guilds are drawn from training data only: 5 to 40 categories of BANKING77, or the household's ten,
with none to ten labelled questions each, for one embedder and for two. Each is asked questions that it has
no label for, and questions of categories that it does not have. The weights that suit each guild are fitted;
the prior lies between those of a bank, whose topics are close, and of a household, whose topics are not; how
much they differ is how far a guild's own labels may move them.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np

from agent.contracts import Category, Example
from agent.routing.fusion import (
    Floats,
    Prior,
    Similarities,
    fit_parts,
    fit_scope,
    part_features,
    scope_features,
    strangers_of,
)
from agent.routing.labels import look
from agent.routing.ridge import fit_ridge
from benchmarks.routing_data import PER_CATEGORY, SAMPLINGS, Bench, Pool, sample

_SIZES = (5, 10, 20, 40)
_BARE, _TAUGHT = (0,), (2, 5, 10)
_DRAWS = 6
_QUESTIONS = 400
_HOUSEHOLD_MOST = 5
"""Labels per category that leave the household enough questions to ask; it has nine."""
_VAGUE = 10.0
"""sd of the prior under which a single small guild is fitted: it only keeps the weights finite."""

Fitted = tuple[tuple[float, ...], tuple[float, ...]]
"""Weights of the parts, and of the scope."""


async def fit_prior(bench: Bench, banking: Pool, household: Pool) -> str:
    """Return the constants as text."""
    lines = []
    for name, sizes in (("BARE", _BARE), ("TAUGHT", _TAUGHT)):
        banks: list[Fitted] = []
        homes: list[Fitted] = []
        for per_category, seed in itertools.product(sizes, range(_DRAWS)):
            banks += [await _banking_guild(bench, banking, size, per_category, seed) for size in _SIZES]
            if per_category <= _HOUSEHOLD_MOST:
                homes.append(await _household_guild(bench, household, per_category, seed))
        for column, what in enumerate(("PARTS", "SCOPE")):
            prior = _pooled([np.array([each[column] for each in kind]) for kind in (banks, homes)])
            lines.append(f"{name}_{what} = {prior}")
    return "\n".join(lines)


async def _banking_guild(bench: Bench, pool: Pool, size: int, per_category: int, seed: int) -> Fitted:
    rng = np.random.default_rng([seed, size])
    chosen = [pool.categories[k] for k in rng.permutation(len(pool.categories))[:size]]
    drawn = [sample(pool, sampling, PER_CATEGORY) for sampling in SAMPLINGS]
    own = seed % len(SAMPLINGS)
    slugs = {category.slug for category in chosen}
    first = sample(pool, SAMPLINGS[own], per_category)
    labels = [example for example in first if example.category in slugs]
    others = {e.question: e for number, examples in enumerate(drawn) if number != own for e in examples}
    asked = [others[q] for q in sorted(others.keys() - {e.question for e in drawn[own]})]
    inside = [e for e in asked if e.category in slugs]
    outside = [e.question for e in asked if e.category not in slugs]
    outside = [outside[k] for k in rng.permutation(len(outside))[:_QUESTIONS]]
    embedders = "both" if seed % 2 else "e5"
    return await _fit(bench, embedders, chosen, labels, inside, outside)


async def _household_guild(bench: Bench, pool: Pool, per_category: int, seed: int) -> Fitted:
    embedders = "both" if seed % 2 else "e5"
    rng = np.random.default_rng([seed, per_category])
    kept = [pool.categories[k] for k in rng.permutation(len(pool.categories))[:8]]
    slugs = {category.slug for category in kept}
    labels = [e for e in sample(pool, seed, per_category) if e.category in slugs]
    used = {e.question for e in labels}
    language = ("en", "es") if embedders == "e5" else ("en",)
    asked = [a for a in pool.train if a.text not in used and a.language in language]
    inside = [
        Example(question=a.text, category=a.category) for a in asked if a.category in slugs and a.category
    ]
    outside = [a.text for a in asked if a.category not in slugs]
    return await _fit(bench, embedders, kept, labels, inside, outside)


async def _fit(
    bench: Bench,
    embedders: str,
    categories: Sequence[Category],
    examples: Sequence[Example],
    inside: Sequence[Example],
    outside: Sequence[str],
) -> Fitted:
    labels = await bench.labels(categories, examples, embedders)
    ridge, _ = fit_ridge(labels.vectors, labels.rows, len(labels.categories))

    async def seen(texts: Sequence[str]) -> Similarities:
        placed = await bench.place(texts, embedders)
        vectors = placed.vectors(joint=True)
        return look(labels, ridge, vectors)

    near, far = await seen([e.question for e in inside]), await seen(outside)
    right = np.array([labels.slugs.index(e.category) for e in inside], dtype=np.int64)
    vague = Prior(mean=(0.0,) * 3, sd=(_VAGUE,) * 3)
    parts = fit_parts(part_features(near), right, vague)
    strangers = strangers_of(look(labels, ridge, labels.strangers))
    known, unknown = scope_features(near, strangers), scope_features(far, strangers)
    return parts, fit_scope(known, unknown, vague, outside_share=0.5)


def _pooled(kinds: Sequence[Floats]) -> Prior:
    """Give each kind of guild the same say: mean of their medians, spread within and between them."""
    medians = np.stack([np.median(kind, axis=0) for kind in kinds])
    within_kinds = np.mean([kind.var(axis=0) for kind in kinds], axis=0)
    sd = np.sqrt(within_kinds + medians.var(axis=0))
    mean = medians.mean(axis=0)
    return Prior(mean=tuple(np.round(mean, 2).tolist()), sd=tuple(np.round(sd, 2).tolist()))
