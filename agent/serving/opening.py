"""Open the engine that the settings name: the one that serves, or one of one's own to judge adapters with."""

from __future__ import annotations

from agent.models._ollama.config import OllamaConfig
from agent.models.library import chat_config
from agent.serving.protocol import AdapterEngine
from agent.settings import Settings


async def open_serving_engine(settings: Settings) -> AdapterEngine:
    """Open the engine that answers questions. Raises `ModelError`, `ConfigurationError`."""
    return await _open(settings, serving=True)


async def open_engine(settings: Settings) -> AdapterEngine:
    """Open an engine that takes nothing from the one that answers questions: a llama.cpp of its own, or on
    Ollama models of its own, which go when it is closed. Raises `ModelError`, `ConfigurationError`.
    """
    return await _open(settings, serving=False)


async def _open(settings: Settings, *, serving: bool) -> AdapterEngine:
    config = await chat_config(settings)
    if isinstance(config, OllamaConfig):
        from agent.serving.ollama import JUDGE, SERVE, OllamaEngine

        return await OllamaEngine.open(config, settings, SERVE if serving else JUDGE)
    from agent.serving.embedded import EmbeddedEngine

    return await EmbeddedEngine.open(config, settings.data_dir)
