"""What each guild has taught, kept in step with the catalog."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from agent.catalog.protocol import Catalog
from agent.contracts import Category, Example, GuildId
from agent.routing.fusion import Floats
from agent.routing.labels import Labels, arrange, describe
from agent.routing.learned import Learned, learn, relabelled
from agent.routing.memory import RoutingMemory
from agent.routing.placing import Placer
from agent.routing.vote import ModelVote

_AT_ONCE = 400
"""Rows that are fitted while the question waits: some 50 ms on one core."""


@dataclass(slots=True)
class _Shelf:
    """One guild. Mutable; `lock` is held while it is brought in step."""

    revision: int = -1
    categories: tuple[Category, ...] = ()
    examples: tuple[Example, ...] = ()
    labels: dict[bool, Labels] = field(default_factory=dict)
    """By whether the embedders are joined. Joined only while most labels are English: the second embedder
    understands nothing else. Empty while there are no categories."""
    fitted: dict[bool, Learned] = field(default_factory=dict)
    fitting: dict[bool, asyncio.Task[Learned]] = field(default_factory=dict)
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class TaughtGuilds:
    """Raises `StoreError`, `UnknownGuildError`, `ModelError`."""

    def __init__(
        self, catalog: Catalog, placer: Placer, memory: RoutingMemory, vote: ModelVote | None
    ) -> None:
        self._catalog = catalog
        self._placer = placer
        self._memory = memory
        self._vote = vote
        self._shelves: dict[GuildId, _Shelf] = {}

    async def learned(self, guild: GuildId, *, english: bool) -> Learned | None:
        """Return what is known for questions in English or in another language; None without categories.

        Its labels are those of this moment. Its weights are too while the guild has few labels; else they
        may be of the fit before, and a new fit runs in the background.
        """
        shelf = await self._in_step(guild)
        joint = english and True in shelf.labels
        labels = shelf.labels.get(joint)
        if labels is None:
            return None
        while True:
            fitted = shelf.fitted.get(joint)
            if fitted is not None and fitted.labels is labels:
                return fitted
            fit = self._fit_of(guild, shelf, joint, labels)
            if fitted is not None and _may_serve(fitted, labels):
                return relabelled(fitted, labels)
            # Another question may wait for the same fit: a cancelled one must not take it along.
            await asyncio.shield(fit)

    def forget_fits(self, guild: GuildId) -> None:
        """Fit anew at the next question: more is known of the language model."""
        shelf = self._shelves.get(guild)
        if shelf is not None:
            shelf.fitted.clear()

    def read_again(self, guild: GuildId) -> None:
        """Read categories and examples at the next question, whatever the revision says, and fit anew."""
        shelf = self._shelves.get(guild)
        if shelf is not None:
            shelf.revision = -1
            shelf.fitted.clear()

    async def forget(self, guild: GuildId) -> None:
        """Forget everything about a guild, on the disk too."""
        shelf = self._shelves.pop(guild, _Shelf())
        await _stop(shelf.fitting.values())
        await asyncio.to_thread(self._memory.keep_only, guild, ())

    async def close(self) -> None:
        """Stop fitting."""
        await _stop([fit for shelf in self._shelves.values() for fit in shelf.fitting.values()])

    async def _in_step(self, guild: GuildId) -> _Shelf:
        shelf = self._shelves.setdefault(guild, _Shelf())
        async with shelf.lock:
            revision = await self._catalog.revision(guild)
            if revision != shelf.revision:
                categories = await self._catalog.categories(guild)
                examples = await self._catalog.examples(guild)
                # Sources change the revision as well, and far more often.
                if (categories, examples) != (shelf.categories, shelf.examples):
                    shelf.labels = await self._placed(guild, categories, examples)
                    shelf.categories, shelf.examples = categories, examples
                shelf.revision = revision
        return shelf

    async def _placed(
        self, guild: GuildId, categories: tuple[Category, ...], examples: tuple[Example, ...]
    ) -> dict[bool, Labels]:
        ordered, kept, _ = arrange(categories, examples)
        await asyncio.to_thread(self._memory.keep_only, guild, _texts(ordered, kept))
        return await place_labels(self._placer, guild, categories, examples)

    def _fit_of(self, guild: GuildId, shelf: _Shelf, joint: bool, labels: Labels) -> asyncio.Task[Learned]:
        """Return the fit that runs, or begin one of `labels`."""
        running = shelf.fitting.get(joint)
        if running is not None and not running.done():
            return running
        task = asyncio.create_task(self._fit(guild, shelf, joint, labels))
        shelf.fitting[joint] = task
        return task

    async def _fit(self, guild: GuildId, shelf: _Shelf, joint: bool, labels: Labels) -> Learned:
        examined: Mapping[str, Floats] = {}
        if self._vote is not None:
            questions = [example.question for example in labels.examples]
            examined = await self._vote.examined(guild, labels.categories, questions)
        learned = await asyncio.to_thread(learn, labels, examined)
        shelf.fitted[joint] = learned
        return learned


async def place_labels(
    placer: Placer, guild: GuildId, categories: Sequence[Category], examples: Sequence[Example]
) -> dict[bool, Labels]:
    """Place what a guild taught, by whether the embedders are joined; empty without categories."""
    ordered, kept, rows = arrange(categories, examples)
    if not ordered:
        return {}
    placed = await placer.labels(guild, _texts(ordered, kept))
    background = await placer.background()

    def arranged(joint: bool) -> Labels:
        vectors, strangers = placed.vectors(joint=joint), background.vectors(joint=joint)
        return Labels(ordered, kept, vectors, rows, strangers, joint)

    labels = {False: arranged(joint=False)}
    if placed.joint is not None and placed.english.mean() > 0.5:
        labels[True] = arranged(joint=True)
    return labels


def _texts(ordered: Sequence[Category], kept: Sequence[Example]) -> list[str]:
    """What is placed, in the order of the rows of `Labels.vectors`."""
    return [example.question for example in kept] + [describe(category) for category in ordered]


async def _stop(fits: Collection[asyncio.Task[Learned]]) -> None:
    for fit in fits:
        fit.cancel()
    await asyncio.gather(*fits, return_exceptions=True)


def _may_serve(fitted: Learned, labels: Labels) -> bool:
    """Whether weights of earlier labels may judge by these while new ones are fitted."""
    return fitted.labels.slugs == labels.slugs and len(labels.rows) > _AT_ONCE
