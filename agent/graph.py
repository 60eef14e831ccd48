"""The path of a question, as a LangGraph state graph.

    understand -> route -----> retrieve -> judge -> answer -> verify -> record
             |                    ^          |        ^          |
             +--> prefetch -------+       rewrite     +- repair -+     (bounded loops)
             +--> remember, summarize, small_talk ------------------> record

Search starts before the route is known (`prefetch` beside `route`), so categorising costs little on the
clock. A stage is one file in agent/nodes; the choices between stages are the pure functions below. Models
and stores come through the runtime context; the graph is compiled once for the process.
"""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable
from typing import Literal

from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import RetryPolicy

from agent.contracts import Intent
from agent.errors import LorekeeperError
from agent.nodes.answer import answer, suggest
from agent.nodes.judge import judge
from agent.nodes.prefetch import prefetch
from agent.nodes.record import record
from agent.nodes.remember import remember
from agent.nodes.repair import repair
from agent.nodes.retrieve import retrieve
from agent.nodes.rewrite import rewrite
from agent.nodes.route import route
from agent.nodes.small_talk import small_talk
from agent.nodes.summarize import summarize
from agent.nodes.understand import understand
from agent.nodes.verify import verify
from agent.parts import Parts
from agent.state import Asked, State


def is_transient(error: Exception) -> bool:
    """Say whether the same call may succeed a moment later. LangGraph's default retries a missing model."""
    return isinstance(error, LorekeeperError) and error.transient


def build_graph(stage_seconds: float) -> CompiledStateGraph[State, Parts, Asked, State]:
    """Compile the graph; no stage may run longer than `stage_seconds`."""
    graph = StateGraph(State, context_schema=Parts, input_schema=Asked)
    graph.set_node_defaults(
        retry_policy=RetryPolicy(max_attempts=3, initial_interval=0.2, retry_on=is_transient),
        timeout=stage_seconds,
    )
    for node in (understand, route, prefetch, retrieve, judge, rewrite, answer, suggest, verify, repair):
        graph.add_node(node)
    for node in (remember, summarize, small_talk, record):
        graph.add_node(node)

    graph.add_edge(START, "understand")
    graph.add_conditional_edges(
        "understand", _at_once(by_intent), ["route", "prefetch", "remember", "summarize", "small_talk"]
    )
    graph.add_edge(["route", "prefetch"], "retrieve")
    graph.add_edge("retrieve", "judge")
    graph.add_conditional_edges("judge", _at_once(by_evidence))
    graph.add_edge("rewrite", "retrieve")
    graph.add_edge("answer", "verify")
    graph.add_edge("suggest", "verify")
    graph.add_conditional_edges("verify", _at_once(by_verification))
    graph.add_edge("repair", "verify")
    for last in ("remember", "summarize", "small_talk"):
        graph.add_edge(last, "record")
    graph.add_edge("record", END)
    return graph.compile(name="lorekeeper")


def _at_once(choose: Callable[[State], str | list[str]]) -> Callable[[State], Awaitable[str | list[str]]]:
    """Choose where the graph runs. LangGraph hands what is not a coroutine function to a thread."""

    @functools.wraps(choose)
    async def chosen(state: State) -> str | list[str]:
        return choose(state)

    return chosen


def by_intent(state: State) -> list[str]:
    """Ask and suggest need evidence; the others go their own way."""
    match state["intent"]:
        case Intent.REMEMBER:
            return ["remember"]
        case Intent.SUMMARIZE:
            return ["summarize"]
        case Intent.SMALL_TALK:
            return ["small_talk"]
        case Intent.ASK | Intent.SUGGEST:
            return ["route", "prefetch"]


def by_evidence(state: State) -> Literal["answer", "suggest", "rewrite", "record"]:
    """Answer from enough evidence, else search once more in other words, else say "I don't know"."""
    if state["sufficient"]:
        return "suggest" if state["intent"] is Intent.SUGGEST else "answer"
    return "record" if "answer" in state else "rewrite"


def by_verification(state: State) -> Literal["repair", "record"]:
    """A draft that failed is repaired while repairs are left; *verify* made the final answer otherwise."""
    return "record" if "answer" in state else "repair"
