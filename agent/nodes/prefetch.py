"""prefetch: search everything while the route is being found.

Its result is what a question without a sure category needs, and what a filter that starves falls back to.
"""

from __future__ import annotations

from typing import Any

from langgraph.runtime import Runtime

from agent.contracts import Stage
from agent.nodes._search import search
from agent.nodes._stage import stage
from agent.parts import Parts
from agent.state import State


@stage(Stage.RETRIEVE)
async def prefetch(state: State, runtime: Runtime[Parts]) -> dict[str, Any]:
    if state["question"].category is not None:
        return {"unfiltered": ()}
    return {"unfiltered": await search(state, runtime.context, state["constraints"])}
