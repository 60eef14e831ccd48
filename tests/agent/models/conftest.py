"""Every implementation of the model protocols: the conformance suites run against each of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
import pytest_asyncio

from agent.models.library import open_chat_model, open_embedder
from agent.models.ollama_models import pull_model
from agent.models.protocol import ChatModel, Embedder
from agent.settings import Settings
from tests.servers.ollama import OllamaServer

OLLAMA_CHAT = "lorekeeper/smollm2:135m"
OLLAMA_EMBEDDER = "lorekeeper/all-minilm:l6-v2"

CHAT_MODELS = {"llama.cpp": "smollm2-135m", "ollama": OLLAMA_CHAT}
EMBEDDERS = {
    "multilingual-e5-small": "multilingual-e5-small",
    "all-minilm-l6-v2": "all-minilm-l6-v2",
    "ollama": OLLAMA_EMBEDDER,
}
"""By the names of the tests, the models that the settings name."""


def give_own_models(server: OllamaServer, settings: Settings) -> None:
    """Let a server have what `models pull lorekeeper/...` gives without the internet."""
    with_server = settings.model_copy(update={"ollama_host": server.url})
    for name in (OLLAMA_CHAT, OLLAMA_EMBEDDER):
        asyncio.run(pull_model(with_server, name, lambda done, total, what: None))


@pytest.fixture(scope="session")
def ollama_settings(ollama_server: OllamaServer, model_settings: Settings) -> Settings:
    """Both models in use are the own ones, on the shared server."""
    give_own_models(ollama_server, model_settings)
    chosen = {"ollama_host": ollama_server.url, "chat_model": OLLAMA_CHAT, "embedder": OLLAMA_EMBEDDER}
    return model_settings.model_copy(update=chosen)


def _settings(request: pytest.FixtureRequest, field: str, names: dict[str, str]) -> Settings:
    fixture = "ollama_settings" if request.param == "ollama" else "model_settings"
    settings: Settings = request.getfixturevalue(fixture)
    # A field that is given wins over `models use`, so that the suite tests what it names.
    return settings.model_copy(update={field: names[request.param]})


@pytest.fixture(scope="session", params=list(CHAT_MODELS))
def chat_settings(request: pytest.FixtureRequest) -> Settings:
    return _settings(request, "chat_model", CHAT_MODELS)


@pytest.fixture(scope="session", params=list(EMBEDDERS))
def embedder_settings(request: pytest.FixtureRequest) -> Settings:
    return _settings(request, "embedder", EMBEDDERS)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def any_chat_model(chat_settings: Settings) -> AsyncIterator[ChatModel]:
    opened = await open_chat_model(chat_settings)
    yield opened
    await opened.close()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def any_embedder(embedder_settings: Settings) -> AsyncIterator[Embedder]:
    opened = await open_embedder(embedder_settings)
    yield opened
    await opened.close()


@pytest.fixture
def open_another_chat_model(chat_settings: Settings) -> Callable[[], Awaitable[ChatModel]]:
    """For tests that close it."""
    return lambda: open_chat_model(chat_settings)


@pytest.fixture
def open_another_embedder(embedder_settings: Settings) -> Callable[[], Awaitable[Embedder]]:
    """For tests that close it."""
    return lambda: open_embedder(embedder_settings)
