"""record: the episode is in the journal before the answer is shown."""

from __future__ import annotations

from typing import Any

from langgraph.runtime import Runtime

from agent.contracts import Answered, Episode, Intent, Stage, Token
from agent.meter import current_meter
from agent.nodes._stage import stage
from agent.parts import Parts
from agent.state import State


@stage(Stage.RECORD)
async def record(state: State, runtime: Runtime[Parts]) -> dict[str, Any]:
    episode = episode_of(state)
    await runtime.context.journal.record(episode)
    answer = state["answer"]
    if not state.get("streamed", False):
        for word in answer.text.splitlines(keepends=True):
            runtime.stream_writer(Token(text=word))
    runtime.stream_writer(
        Answered(answer=answer, episode=episode, route=state.get("route"), evidence=state.get("evidence"))
    )
    return {}


def episode_of(state: State, error: str = "", error_id: str = "") -> Episode:
    """Gather what is known so far; a question that failed early has little."""
    question, meter = state["question"], current_meter()
    evidence = state.get("evidence")
    return Episode(
        id=state["episode"],
        guild=question.guild,
        member=question.asker.member,
        asked_at=state["now"],
        question=state.get("text", question.text),
        intent=state.get("intent", question.intent or Intent.ASK),
        language=state.get("language", ""),
        route=state.get("route"),
        evidence=tuple((item.passage.id, item.score) for item in evidence.items) if evidence else (),
        searched=evidence.searched if evidence else None,
        answer=state.get("answer"),
        models=tuple(meter.models.values()),
        timings=meter.timings(),
        error=error,
        error_id=error_id,
    )
