"""answer and suggest: a draft in which every claim quotes the evidence.

A suggestion is the same draft, meant for the asker to send on; only its kind differs.
"""

from __future__ import annotations

from typing import Any

from langgraph.runtime import Runtime

from agent.answering.compose import answer_messages, extractive_answer
from agent.contracts import AnswerKind, Stage
from agent.nodes._stage import stage
from agent.nodes._write import generates, write
from agent.parts import Parts
from agent.state import State


@stage(Stage.ANSWER)
async def answer(state: State, runtime: Runtime[Parts]) -> dict[str, Any]:
    generated = generates(runtime.context.settings, runtime.context.chat.info)
    kind = AnswerKind.GENERATED if generated else AnswerKind.EXTRACTIVE
    return await _draft(state, runtime, kind, generated=generated)


@stage(Stage.SUGGEST)
async def suggest(state: State, runtime: Runtime[Parts]) -> dict[str, Any]:
    generated = generates(runtime.context.settings, runtime.context.chat.info)
    return await _draft(state, runtime, AnswerKind.SUGGESTION, generated=generated)


async def _draft(
    state: State, runtime: Runtime[Parts], kind: AnswerKind, *, generated: bool
) -> dict[str, Any]:
    if generated:
        messages = answer_messages(state["text"], state["evidence"], state["language"])
        text = await write(messages, runtime)
    else:
        text, _ = extractive_answer(state["text"], state["extracts"], state["language"])
    return {"draft": text, "draft_kind": kind, "streamed": generated}
