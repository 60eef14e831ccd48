"""Every implementation of the model protocols: the conformance suites run against each of them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
import pytest_asyncio

from agent.models.library import open_chat_model, open_embedder
from agent.models.protocol import ChatModel, Embedder
from agent.settings import Settings

CHAT_MODELS: dict[str, Callable[[Settings], Awaitable[ChatModel]]] = {"llama.cpp": open_chat_model}


def _embedder(name: str) -> Callable[[Settings], Awaitable[Embedder]]:
    # A field that is given wins over `models use`, so that the suite tests what it names.
    return lambda settings: open_embedder(Settings(**settings.model_dump() | {"embedder": name}))


EMBEDDERS = {name: _embedder(name) for name in ("multilingual-e5-small", "all-minilm-l6-v2")}


@pytest_asyncio.fixture(scope="session", loop_scope="session", params=list(CHAT_MODELS))
async def any_chat_model(
    request: pytest.FixtureRequest, model_settings: Settings
) -> AsyncIterator[ChatModel]:
    opened = await CHAT_MODELS[request.param](model_settings)
    yield opened
    await opened.close()


@pytest_asyncio.fixture(scope="session", loop_scope="session", params=list(EMBEDDERS))
async def any_embedder(request: pytest.FixtureRequest, model_settings: Settings) -> AsyncIterator[Embedder]:
    opened = await EMBEDDERS[request.param](model_settings)
    yield opened
    await opened.close()


@pytest.fixture(params=list(CHAT_MODELS))
def open_another_chat_model(
    request: pytest.FixtureRequest, model_settings: Settings
) -> Callable[[], Awaitable[ChatModel]]:
    """For tests that close it."""
    return lambda: CHAT_MODELS[request.param](model_settings)


@pytest.fixture(params=list(EMBEDDERS))
def open_another_embedder(
    request: pytest.FixtureRequest, model_settings: Settings
) -> Callable[[], Awaitable[Embedder]]:
    """For tests that close it."""
    return lambda: EMBEDDERS[request.param](model_settings)
