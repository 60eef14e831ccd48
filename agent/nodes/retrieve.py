"""retrieve: the passages within the route; wider when the route starves the search, and it says so.

The search of everything ran while the route was being found, and it checks the route: when the best passage
of the whole guild lies outside of it, the route is most likely wrong (in 24 of 25 such SQuAD questions), and
nothing is filtered.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from langgraph.runtime import Runtime

from agent.contracts import Evidence, EvidenceFound, EvidenceItem, Searched, Slug, Stage
from agent.nodes._search import search
from agent.nodes._stage import stage
from agent.parts import Parts
from agent.state import State


@stage(Stage.RETRIEVE)
async def retrieve(state: State, runtime: Runtime[Parts]) -> dict[str, Any]:
    parts, constraints = runtime.context, state["constraints"]
    categories, limit = state["route"].categories, parts.settings.evidence_limit
    items: tuple[EvidenceItem, ...] = ()
    if state["rewrites"]:
        # The first search may have looked under the wrong category: the second looks everywhere.
        items = merge(state["evidence"].items, await search(state, parts, constraints), limit)
    elif route_agrees(categories, state["unfiltered"]):
        items = narrowed(state["unfiltered"], categories)[:limit]
        if len(items) < limit:
            items = await search(state, parts, constraints, categories)
    widened = not items and bool(categories)
    items = items or state["unfiltered"][:limit]
    if not items and (constraints.since or constraints.until):
        # "Songs released in 1982" names a year that no passage was written in.
        constraints = replace(constraints, since=None, until=None)
        items, widened = await search(state, parts, constraints), True
    searched = Searched(
        categories=categories,
        constraints=constraints,
        widened=widened or bool(state["rewrites"] and categories),
        queries=state["queries"],
        index_version=state["view"].index_version,
    )
    evidence = Evidence(items=items, searched=searched)
    runtime.stream_writer(EvidenceFound(evidence=evidence))
    return {"evidence": evidence}


def narrowed(items: tuple[EvidenceItem, ...], categories: tuple[Slug, ...]) -> tuple[EvidenceItem, ...]:
    """Keep the passages of the categories, in their order."""
    return tuple(item for item in items if item.passage.category in categories)


def route_agrees(categories: tuple[Slug, ...], unfiltered: tuple[EvidenceItem, ...]) -> bool:
    """Say whether the route may filter: it names categories, and the best passage of all lies in one."""
    return bool(categories) and (not unfiltered or unfiltered[0].passage.category in categories)


def merge(
    first: tuple[EvidenceItem, ...], second: tuple[EvidenceItem, ...], limit: int
) -> tuple[EvidenceItem, ...]:
    """Interleave two rankings, each passage once: scores of two searches cannot be compared."""
    merged: dict[str, EvidenceItem] = {}
    for rank in range(max(len(first), len(second))):
        for items in (first, second):
            if rank < len(items):
                merged.setdefault(items[rank].passage.id, items[rank])
    return tuple(merged.values())[:limit]
