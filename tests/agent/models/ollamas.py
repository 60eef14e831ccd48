"""What the tests of the Ollama back end have in common."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from agent.models._ollama.config import OllamaConfig, patience_within
from agent.models.ollama import OllamaChatModel
from agent.models.ollama_embedder import OllamaEmbedder
from agent.models.protocol import ChatMessage, ChatModel, ChatOptions
from tests.servers.keeper import children
from tests.servers.ollama import OllamaServer

CONTEXT = 2048
STORY = [ChatMessage(role="user", content="Write a very long story about a pool pump.")]

PATIENT = patience_within(60)
HASTY = replace(PATIENT, connect=1.0, silence=0.3, ping=1.0, recheck=0.0)
"""Knows a dead server soon, and looks at every server before each call."""


class TunedServer(OllamaServer):
    """With more in its environment."""

    def __init__(self, folder: Path, **environment: str) -> None:
        super().__init__(folder)
        self._more = environment

    def environment(self) -> dict[str, str]:
        return {**super().environment(), **self._more}


def config(addresses: Sequence[str], model: str, **patience: float) -> OllamaConfig:
    return OllamaConfig(
        addresses=tuple(addresses),
        model=model,
        context_tokens=CONTEXT,
        keep_alive="30m",
        patience=replace(HASTY, **patience),  # type: ignore[arg-type]
    )


@asynccontextmanager
async def chat_on(addresses: Sequence[str], model: str, **patience: float) -> AsyncIterator[OllamaChatModel]:
    opened = await OllamaChatModel.open(config(addresses, model, **patience))
    try:
        yield opened
    finally:
        await opened.close()


@asynccontextmanager
async def embedder_on(
    addresses: Sequence[str], model: str, **patience: float
) -> AsyncIterator[OllamaEmbedder]:
    opened = await OllamaEmbedder.open(config(addresses, model, **patience))
    try:
        yield opened
    finally:
        await opened.close()


async def said(model: ChatModel, max_tokens: int = 4, text: str = "Say yes.") -> str:
    """A short reply."""
    message = ChatMessage(role="user", content=text)
    return "".join([p async for p in model.chat([message], ChatOptions(max_tokens=max_tokens))])


def runners(server: OllamaServer) -> list[int]:
    """The processes that run its models: a model that is loaded anew has another."""
    return sorted(children(server.pid))


def story(model: ChatModel) -> Any:
    """A stream that lasts."""
    return model.chat(STORY, ChatOptions(max_tokens=1500))
