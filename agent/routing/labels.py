"""The labels of a guild as matrices: what every part of the router looks at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from agent.contracts import Category, Example, Slug
from agent.models.protocol import Vectors
from agent.routing.fusion import Similarities
from agent.routing.ridge import Ridge, Rows, Scores, Unseen

_BLOCK = 512
"""Questions compared at once: bounds memory at 10,000 labels."""


@dataclass(frozen=True, slots=True)
class Labels:
    """Placed vectors of a guild's labelled questions and descriptions.

    Sorted, so that the order in which labels were given cannot matter. The last rows of `vectors` are the
    descriptions, one a category in the order of `categories`; before them one row an example.
    """

    categories: tuple[Category, ...]
    """By slug."""
    examples: tuple[Example, ...]
    """By category, then question."""
    vectors: Vectors
    """(examples + categories, dimension)"""
    rows: Rows
    """The category of each row of `vectors`, ascending over the examples, then 0, 1, ..."""
    strangers: Vectors
    """(n, dimension) placed background questions: none of them is of any guild's topic."""
    joint: bool
    """Whether the vectors are of two embedders."""

    @property
    def slugs(self) -> tuple[Slug, ...]:
        return tuple(category.slug for category in self.categories)

    @property
    def taught(self) -> bool:
        """Whether there is an example per category on average: descriptions alone deserve other weights."""
        return len(self.examples) >= len(self.categories)


def describe(category: Category) -> str:
    """Return what is embedded for a category."""
    return f"{category.name}: {category.description}" if category.description else category.name


def arrange(
    categories: Sequence[Category], examples: Sequence[Example]
) -> tuple[tuple[Category, ...], tuple[Example, ...], Rows]:
    """Sort both and say the category of each row; examples of no category are left out."""
    ordered = tuple(sorted(categories, key=lambda category: category.slug))
    index = {category.slug: k for k, category in enumerate(ordered)}
    kept = tuple(sorted((e for e in examples if e.category in index), key=lambda e: (e.category, e.question)))
    rows = np.array([index[e.category] for e in kept] + list(range(len(ordered))), dtype=np.int64)
    return ordered, kept, rows


def look(labels: Labels, ridge: Ridge, questions: Vectors, cosines: Vectors | None = None) -> Similarities:
    """Compare (n, dimension) placed questions with the labels; `cosines` (n, rows) when they are known."""
    if cosines is None:
        cosines = questions @ labels.vectors.T
    return Similarities(
        scores=ridge.scores(questions),
        nearest=_best_by_category(cosines, labels),
        descriptions=_described(cosines, labels),
    )


def look_unseen(labels: Labels, unseen: Unseen, chosen: Rows) -> tuple[Similarities, Similarities]:
    """Compare chosen examples with the labels as if they were none, and as if their category were none."""
    shape = len(chosen), len(labels.categories)
    nearest, descriptions = np.empty(shape, np.float32), np.empty(shape, np.float32)
    for start in range(0, len(chosen), _BLOCK):
        block = slice(start, start + _BLOCK)
        cosines = labels.vectors[chosen[block]] @ labels.vectors.T
        descriptions[block] = _described(cosines, labels)
        cosines[np.arange(len(cosines)), chosen[block]] = -1.0
        nearest[block] = _best_by_category(cosines, labels)
    elsewhere = nearest.copy()
    elsewhere[np.arange(len(chosen)), labels.rows[chosen]] = -1.0
    return (
        Similarities(scores=unseen.row_out[chosen], nearest=nearest, descriptions=descriptions),
        Similarities(scores=unseen.category_out[chosen], nearest=elsewhere, descriptions=descriptions),
    )


def _described(cosines: Vectors, labels: Labels) -> Scores:
    return cosines[:, len(labels.examples) :]


def _best_by_category(cosines: Vectors, labels: Labels) -> Scores:
    """Return (n, categories): the largest cosine over a category's examples and its description."""
    best = _described(cosines, labels).copy()
    if labels.examples:
        of_examples = labels.rows[: len(labels.examples)]
        starts = np.flatnonzero(np.r_[True, np.diff(of_examples) > 0])
        present = of_examples[starts]
        among = np.maximum.reduceat(cosines[:, : len(labels.examples)], starts, axis=1)
        best[:, present] = np.maximum(best[:, present], among)
    return best
