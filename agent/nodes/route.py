"""route: which categories the question belongs to, unless the member fixed one."""

from __future__ import annotations

from typing import Any

from langgraph.runtime import Runtime

from agent.catalog.known import require_slug
from agent.contracts import CategoryScore, Route, RouteDecided, RouteDecision, Slug, Stage
from agent.nodes._stage import stage
from agent.parts import Parts
from agent.state import State


@stage(Stage.ROUTE)
async def route(state: State, runtime: Runtime[Parts]) -> dict[str, Any]:
    """Raises `UnknownCategoryError` for a fixed category that the guild does not have."""
    parts, question = runtime.context, state["question"]
    if question.category is None:
        decided = await parts.router.route(question.guild, state["text"])
    else:
        view = state["view"]
        decided = given_route(require_slug(view.category_names.keys(), question.category, view.former_slugs))
    runtime.stream_writer(RouteDecided(route=decided))
    return {"route": decided}


def given_route(category: Slug) -> Route:
    """Return the route of a question whose category a person fixed."""
    return Route(
        scores=(CategoryScore(category=category, probability=1.0, contributions={"given": 1.0}),),
        out_of_scope=0.0,
        decision=RouteDecision.GIVEN,
        categories=(category,),
        model_asked=False,
        reason="the member fixed the topic",
    )
