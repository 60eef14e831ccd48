"""What every test may use. Models are loaded once a session: they are not bound to an event loop."""

from __future__ import annotations

import importlib.util
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from hypothesis import settings

from agent.models.level import LevelEmbedder
from agent.models.library import open_chat_model, open_embedder
from agent.models.protocol import ChatModel, Embedder
from agent.settings import Settings

# How long an example takes says how busy the machine is.
settings.register_profile("lorekeeper", deadline=None)
settings.load_profile("lorekeeper")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--require-training", action="store_true", help="fail where torch and peft are not installed"
    )
    parser.addoption("--story", action="store_true", help="play the whole story on the real servers too")


pytest_plugins = ["tests.household", "tests.servers.fixtures", "tests.discord.fixtures"]


@pytest.fixture(scope="session")
def training(request: pytest.FixtureRequest) -> None:
    """Skip the test, or fail it with `--require-training`, where torch is not installed."""
    if importlib.util.find_spec("torch") and importlib.util.find_spec("peft"):
        return
    reason = "torch and peft are not installed: run 'make training'"
    if request.config.getoption("--require-training"):
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def long_story(request: pytest.FixtureRequest) -> None:
    """Skip the test unless it was asked for: it takes as long as all others together."""
    if not request.config.getoption("--story"):
        pytest.skip("takes a quarter of an hour: run 'make test-story'")


@pytest.fixture(scope="session")
def model_settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """The defaults over a data folder of the session, where prepared models and digests are kept."""
    return Settings(data_dir=tmp_path_factory.mktemp("models"), threads=2)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def embedder(model_settings: Settings) -> AsyncIterator[Embedder]:
    """multilingual-e5-small."""
    opened = await open_embedder(model_settings)
    yield opened
    await opened.close()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def level_embedder(embedder: Embedder, model_settings: Settings) -> Embedder:
    """The same on one level, as search and answers use it."""
    return await LevelEmbedder.open(embedder, model_settings.data_dir / "models")


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def chat_model(model_settings: Settings) -> AsyncIterator[ChatModel]:
    """SmolLM2-135M-Instruct in this process: real, small and often wrong."""
    opened = await open_chat_model(model_settings)
    yield opened
    await opened.close()
