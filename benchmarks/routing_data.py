"""Questions and their vectors for the routing benchmark."""

from __future__ import annotations

import csv
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from agent.contracts import Category, Example, GuildId, Slug
from agent.models.library import open_embedder
from agent.routing.labels import Labels, arrange, describe
from agent.routing.memory import RoutingMemory
from agent.routing.placing import Placed, Placer
from agent.settings import Settings

PER_CATEGORY = 10
SAMPLINGS = (0, 1, 2)
HELD_OUT = 20
HOUSEHOLD = Path("examples/household")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A question with its category, None when it is out of scope."""

    text: str
    category: Slug | None
    language: str = "en"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """A data set: what may be learnt from, what is measured on, and the categories of both."""

    name: str
    categories: tuple[Category, ...]
    train: tuple[Asked, ...]
    test: tuple[Asked, ...]


def banking77(folder: Path) -> Pool:
    """Read BANKING77. A category has no description there: its name in words is all there is."""
    train, test = (_read_csv(folder / "banking77" / name) for name in ("train.csv", "test.csv"))
    slugs = sorted({asked.category for asked in test if asked.category})
    categories = tuple(Category(slug=slug, name=slug.replace("_", " ").capitalize()) for slug in slugs)
    return Pool(name="banking77", categories=categories, train=train, test=test)


def household() -> Pool:
    """Read the sample: what its `tune` split labels is learnt from, its `test` split is measured on."""
    import yaml

    rows = yaml.safe_load((HOUSEHOLD / "categories.yaml").read_text("utf-8"))
    categories = tuple(
        Category(slug=Slug(row["slug"]), name=row["name"], description=row["description"]) for row in rows
    )
    train, test = (_read_jsonl(HOUSEHOLD / "questions" / name) for name in ("tune.jsonl", "test.jsonl"))
    return Pool(name="household", categories=categories, train=train, test=test)


def sample(
    pool: Pool, seed: int, per_category: int, only: Sequence[Slug] | None = None
) -> tuple[Example, ...]:
    """Draw labelled questions: the same of a category whichever others are drawn."""
    drawn: list[Example] = []
    for number, category in enumerate(pool.categories):
        questions = sorted({asked.text for asked in pool.train if asked.category == category.slug})
        rng = np.random.default_rng([seed, number])
        picked = rng.permutation(len(questions))[:per_category]
        if only is None or category.slug in only:
            drawn += [Example(question=questions[row], category=category.slug) for row in picked]
    return tuple(drawn)


class Bench:
    """Places texts with the real embedders, each text once."""

    def __init__(self, placers: dict[str, Placer]) -> None:
        self._placers = placers

    async def place(self, texts: Sequence[str], embedders: str = "both") -> Placed:
        return await self._placers[embedders].labels(GuildId("benchmark"), texts)

    async def labels(
        self, categories: Sequence[Category], examples: Sequence[Example], embedders: str = "both"
    ) -> Labels:
        ordered, kept, rows = arrange(categories, examples)
        texts = [example.question for example in kept] + [describe(category) for category in ordered]
        placed = await self.place(texts, embedders)
        joint = placed.joint is not None
        background = await self._placers[embedders].background()
        return Labels(
            ordered, kept, placed.vectors(joint=joint), rows, background.vectors(joint=joint), joint
        )


@asynccontextmanager
async def open_bench(cache: Path) -> AsyncIterator[Bench]:
    """Open both embedders; vectors are kept in `cache`."""
    memory = RoutingMemory(cache / "routing.db")
    first = await open_embedder(Settings(data_dir=cache, embedder="multilingual-e5-small"))
    second = await open_embedder(Settings(data_dir=cache, embedder="all-minilm-l6-v2"))
    try:
        yield Bench(
            {
                "e5": Placer(first, None, memory),
                "MiniLM": Placer(second, None, memory),
                "both": Placer(first, second, memory),
            }
        )
    finally:
        await first.close()
        await second.close()


def _read_csv(path: Path) -> tuple[Asked, ...]:
    with path.open(encoding="utf-8", newline="") as file:
        return tuple(Asked(text=row["text"], category=Slug(row["category"])) for row in csv.DictReader(file))


def _read_jsonl(path: Path) -> tuple[Asked, ...]:
    rows = (json.loads(line) for line in path.read_text("utf-8").splitlines() if line.strip())
    return tuple(
        Asked(text=row["question"], category=row["category"], language=row["language"]) for row in rows
    )
