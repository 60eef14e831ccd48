"""repair: tell the model what is wrong with its draft and let it write once more."""

from __future__ import annotations

from typing import Any

from langgraph.runtime import Runtime

from agent.answering.compose import repair_messages
from agent.contracts import Stage
from agent.nodes._stage import stage
from agent.nodes._write import write, writer_of
from agent.parts import Parts
from agent.state import State


@stage(Stage.REPAIR)
async def repair(state: State, runtime: Runtime[Parts]) -> dict[str, Any]:
    messages = repair_messages(
        state["text"], state["evidence"], state["draft"], state["problems"], state["language"]
    )
    model = await writer_of(runtime.context, state)
    draft = await write(model, messages, runtime)
    return {"draft": draft, "streamed": True, "repairs": state["repairs"] + 1}
