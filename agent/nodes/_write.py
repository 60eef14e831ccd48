"""Let the model write, showing each piece as it comes."""

from __future__ import annotations

from collections.abc import Sequence

from langgraph.runtime import Runtime

from agent.contracts import Token, TokensWithdrawn
from agent.models.protocol import ChatMessage, ChatModel, ChatOptions
from agent.parts import Parts
from agent.serving.served import Task
from agent.state import State


async def writer_of(parts: Parts, state: State) -> ChatModel:
    """The model that would write this question's answer: through an adapter of the category that its best
    passage is in, through one of the guild, or as it is.
    """
    guild, category = state["question"].guild, state["evidence"].category
    found = await parts.models.adapted(guild, Task.ANSWER, state["episode"], category)
    return parts.chat if found is None else found.model


async def write(model: ChatModel, messages: Sequence[ChatMessage], runtime: Runtime[Parts]) -> str:
    """Stream the model's reply to the member and return it whole."""
    if runtime.execution_info is not None and runtime.execution_info.node_attempt > 1:
        runtime.stream_writer(TokensWithdrawn(reason="the model was interrupted"))
    options = ChatOptions(max_tokens=runtime.context.settings.answer_tokens)
    pieces: list[str] = []
    async for piece in model.chat(messages, options):
        pieces.append(piece)
        runtime.stream_writer(Token(text=piece))
    return "".join(pieces).strip()
