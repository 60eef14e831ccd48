"""Every implementation of `AdapterEngine`: the conformance suite runs against each of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from agent.models.ollama_models import pull_model
from agent.serving.opening import open_serving_engine
from agent.serving.protocol import AdapterEngine
from agent.serving.served import ServedAdapter
from agent.settings import Settings
from tests.agent.serving.adapters import put_adapter
from tests.servers.ollama import OllamaServer

OLLAMA_CHAT = "lorekeeper/smollm2:135m"


@pytest.fixture(scope="session")
def serving_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("serving")


@pytest.fixture(scope="session")
def embedded_settings(serving_folder: Path) -> Settings:
    return Settings(data_dir=serving_folder, chat_model="smollm2-135m", threads=1, context_tokens=512)


@pytest.fixture(scope="session")
def ollama_serving_settings(ollama_server: OllamaServer, embedded_settings: Settings) -> Settings:
    chosen = {"ollama_host": ollama_server.url, "chat_model": OLLAMA_CHAT}
    settings = embedded_settings.model_copy(update=chosen)
    asyncio.run(pull_model(settings, OLLAMA_CHAT, lambda done, total, what: None))
    return settings


@pytest.fixture(scope="session")
def adapters(serving_folder: Path) -> list[ServedAdapter]:
    """Four that say different things."""
    return [put_adapter(serving_folder, seed) for seed in range(4)]


@pytest.fixture(scope="session", params=["llama.cpp", "ollama"])
def engine_settings(request: pytest.FixtureRequest) -> Settings:
    name = "ollama_serving_settings" if request.param == "ollama" else "embedded_settings"
    settings: Settings = request.getfixturevalue(name)
    return settings


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def any_engine(engine_settings: Settings) -> AsyncIterator[AdapterEngine]:
    engine = await open_serving_engine(engine_settings)
    yield engine
    await engine.close()
