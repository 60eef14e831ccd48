"""prefetch: search everything while the route is being found.

Its result is what a question without a sure category needs, what a filter that starves falls back to, and
often all that a filter would find: enough is fetched to narrow it to the route without a second search.
"""

from __future__ import annotations

from typing import Any

from langgraph.runtime import Runtime

from agent.contracts import Stage
from agent.nodes._search import search
from agent.nodes._stage import stage
from agent.parts import Parts
from agent.state import State

_AHEAD = 4
"""Times the evidence. A search costs the same for 32 passages as for 8."""


@stage(Stage.RETRIEVE)
async def prefetch(state: State, runtime: Runtime[Parts]) -> dict[str, Any]:
    if state["question"].category is not None:
        return {"unfiltered": ()}
    parts = runtime.context
    limit = _AHEAD * parts.settings.evidence_limit
    return {"unfiltered": await search(state, parts, state["constraints"], limit=limit)}
