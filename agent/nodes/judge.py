"""judge: is there enough evidence to answer?"""

from __future__ import annotations

from typing import Any

from langgraph.runtime import Runtime

from agent.answering import judge as answering
from agent.answering.compose import declined_answer
from agent.answering.extract import extract
from agent.contracts import Answer, AnswerKind, RouteDecision, Stage
from agent.models.protocol import EmbedKind
from agent.nodes._stage import stage
from agent.parts import Parts
from agent.state import State


@stage(Stage.JUDGE)
async def judge(state: State, runtime: Runtime[Parts]) -> dict[str, Any]:
    parts, evidence = runtime.context, state["evidence"]
    vectors = await parts.embedder.embed([state["queries"][0]], EmbedKind.QUERY)
    extracts = await extract(state["text"], vectors[0], evidence, parts.embedder)
    judgement = answering.judge(state["text"], evidence, extracts)
    dates_dropped = evidence.searched.constraints != state["constraints"]
    needed = needed_probability(
        parts.settings.answer_threshold, state["route"].decision, dates_dropped=dates_dropped
    )
    if judgement.probability >= needed:
        return {"extracts": extracts, "sufficient": True}
    judged: dict[str, Any] = {"extracts": extracts, "sufficient": False}
    if state["rewrites"] >= parts.settings.rewrites:
        text = declined_answer(evidence.searched, state["language"], state["view"].category_names)
        reason = f"evidence {judgement.probability:.2f}, needed {needed:.2f}"
        judged["answer"] = Answer(
            text=text, kind=AnswerKind.DECLINED, language=state["language"], reason=reason
        )
    return judged


def needed_probability(threshold: float, decision: RouteDecision, *, dates_dropped: bool) -> float:
    """Ask for more, half-way to certainty, when the question looks out of scope or its dates were ignored."""
    if decision is RouteDecision.OUT_OF_SCOPE or dates_dropped:
        return (1 + threshold) / 2
    return threshold
