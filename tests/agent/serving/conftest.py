"""Every implementation of `AdapterEngine`: the conformance suite runs against each of them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from agent.models.weights import find_weights
from agent.serving.opening import open_serving_engine
from agent.serving.protocol import AdapterEngine
from agent.serving.served import ServedAdapter
from agent.settings import Settings
from tests.agent.serving.adapters import put_adapter, raise_labels
from tests.servers.ollama import OllamaServer
from tests.tuning.training.tiny import write_tiny

ON_OLLAMA = "tiny-to-serve"
TEMPLATE = (
    "{{ range .Messages }}<|im_start|>{{ .Role }}\n{{ .Content }}<|im_end|>\n{{ end }}<|im_start|>assistant\n"
)


@pytest.fixture(scope="session")
def serving_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("serving")


@pytest.fixture(scope="session")
def base_file(serving_folder: Path) -> Path:
    path = serving_folder / "tiny.gguf"
    write_tiny(find_weights("smollm2-135m", serving_folder)[0], path, "llama")
    raise_labels(path)
    return path


@pytest.fixture(scope="session")
def embedded_settings(serving_folder: Path, base_file: Path) -> Settings:
    return Settings(data_dir=serving_folder, chat_model=str(base_file), threads=1, context_tokens=1024)


@pytest.fixture(scope="session")
def on_ollama(ollama_server: OllamaServer, embedded_settings: Settings, base_file: Path) -> Settings:
    parameters = {"stop": ["<|im_end|>"], "top_k": 30}
    ollama_server.create(
        ON_OLLAMA, base_file, template=TEMPLATE, parameters=parameters, system='Be "brief".\nAlways.'
    )
    chosen = {"ollama_host": ollama_server.url, "chat_model": ON_OLLAMA}
    return embedded_settings.model_copy(update=chosen)


@pytest.fixture(scope="session")
def adapters(serving_folder: Path, base_file: Path) -> list[ServedAdapter]:
    """Four that say different things."""
    return [put_adapter(serving_folder, base_file, seed) for seed in range(4)]


@pytest.fixture(scope="session", params=["embedded", "ollama"])
def engine_settings(request: pytest.FixtureRequest) -> Settings:
    name = "on_ollama" if request.param == "ollama" else "embedded_settings"
    settings: Settings = request.getfixturevalue(name)
    return settings


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def any_engine(engine_settings: Settings) -> AsyncIterator[AdapterEngine]:
    engine = await open_serving_engine(engine_settings)
    yield engine
    await engine.close()
