"""answer and suggest: a draft in which every claim quotes the evidence.

A suggestion is the same draft, meant for the asker to send on; only its kind differs.
"""

from __future__ import annotations

from typing import Any

from langgraph.runtime import Runtime

from agent.answering.compose import answer_messages, extractive_answer
from agent.contracts import AnswerKind, Stage
from agent.models.choosing import generates
from agent.models.protocol import ChatModel
from agent.nodes._stage import stage
from agent.nodes._write import write, writer_of
from agent.parts import Parts
from agent.state import State


@stage(Stage.ANSWER)
async def answer(state: State, runtime: Runtime[Parts]) -> dict[str, Any]:
    model = await _writer(state, runtime)
    kind = AnswerKind.EXTRACTIVE if model is None else AnswerKind.GENERATED
    return await _draft(state, runtime, kind, model)


@stage(Stage.SUGGEST)
async def suggest(state: State, runtime: Runtime[Parts]) -> dict[str, Any]:
    return await _draft(state, runtime, AnswerKind.SUGGESTION, await _writer(state, runtime))


async def _writer(state: State, runtime: Runtime[Parts]) -> ChatModel | None:
    """The model that writes the answer; None where the best sentences are the answer."""
    model = await writer_of(runtime.context, state)
    return model if generates(runtime.context.settings, model.info) else None


async def _draft(
    state: State, runtime: Runtime[Parts], kind: AnswerKind, model: ChatModel | None
) -> dict[str, Any]:
    if model is not None:
        messages = answer_messages(state["text"], state["evidence"], state["language"])
        text = await write(model, messages, runtime)
    else:
        text, _ = extractive_answer(state["text"], state["extracts"], state["language"])
    return {"draft": text, "draft_kind": kind, "streamed": model is not None}
