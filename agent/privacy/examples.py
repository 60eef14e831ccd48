"""Labelled examples out of a member's questions and corrections, and what routing worked out of them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from agent.catalog.protocol import Catalog
from agent.contracts import Example
from agent.privacy.protocol import Removed, Subject, Traces
from agent.routing.labels import describe
from agent.routing.memory import RoutingMemory


class ExamplesHolder:
    """Routers in the memory of a process follow at their next question: the catalog's revision rises."""

    tables = frozenset({"examples"})

    def __init__(self, catalog: Catalog, memory: RoutingMemory) -> None:
        self._catalog = catalog
        self._memory = memory

    async def traces(self, who: Subject) -> Traces:
        return Traces(questions=frozenset(example.question for example in await self._examples(who)))

    async def export(self, who: Subject, traces: Traces) -> Mapping[str, Sequence[object]]:
        """Without whom they share an example with: who corrected a question is that member's affair."""
        return {"examples": [_shown(example, who) for example in await self._examples(who)]}

    async def forget(self, who: Subject, traces: Traces) -> Removed:
        theirs = [example.question for example in await self._examples(who)]
        removed = await self._catalog.remove_examples(who.guild, theirs) if theirs else 0
        kept = [example.question for example in await self._catalog.examples(who.guild)]
        kept += [describe(category) for category in await self._catalog.categories(who.guild)]
        # Also when no example went: an earlier run may have been stopped here.
        await asyncio.to_thread(self._memory.keep_only, who.guild, kept)
        return {"examples": removed}

    async def _examples(self, who: Subject) -> list[Example]:
        return [
            example
            for example in await self._catalog.examples(who.guild)
            if who.member in (example.asker, example.teacher)
        ]


def _shown(example: Example, who: Subject) -> dict[str, object]:
    return {
        "question": example.question,
        "category": example.category,
        "asked_by_you": example.asker == who.member,
        "labelled_by_you": example.teacher == who.member,
    }
