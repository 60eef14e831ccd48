"""The parts of a loop: on paper, and over real stores."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from agent.catalog.sql import SqlCatalog
from agent.database.engine import Database, open_database
from agent.runtime import Stores, open_stores
from agent.serving.served import Task
from agent.settings import Settings
from tests.tuning.loop.guilds import Clock, correct, open_guild
from tests.tuning.loop.paper import HOME, PaperSteps, Told
from tests.tuning.training.conftest import loaded, tiny, tiny_folder
from tuning.datasets.building import build_version
from tuning.loop.tools import Tools, tools_of

__all__ = ["loaded", "tiny", "tiny_folder"]


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    opened = await open_database(tmp_path / "lorekeeper.db")
    await SqlCatalog(opened).create_guild(HOME)
    yield opened
    await opened.close()


@pytest.fixture
def steps(tmp_path: Path) -> PaperSteps:
    return PaperSteps(tmp_path)


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="session")
def corrected(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data folder of a guild whose members corrected sixty routes, with the dataset version of them."""
    folder = tmp_path_factory.mktemp("corrected")

    async def fill() -> None:
        async with open_stores(Settings(data_dir=folder), Clock()) as opened:
            await open_guild(opened)
            await correct(opened)
            await build_version(opened, HOME, Task.ROUTE, opened.clock())

    asyncio.run(fill())
    return folder


@pytest.fixture
async def stores(tmp_path: Path, clock: Clock) -> AsyncIterator[Stores]:
    """With a guild of three categories of which nobody said anything."""
    async with open_stores(Settings(data_dir=tmp_path / "data"), clock) as opened:
        await open_guild(opened)
        yield opened


@pytest.fixture
async def corrected_stores(tmp_path: Path, clock: Clock, corrected: Path) -> AsyncIterator[Stores]:
    folder = shutil.copytree(corrected, tmp_path / "corrected")
    async with open_stores(Settings(data_dir=folder), clock) as opened:
        yield opened


@pytest.fixture
async def tiny_stores(tmp_path: Path, tiny: Any, clock: Clock, corrected: Path) -> AsyncIterator[Stores]:
    """The same with the tiny llama as the chat model."""
    folder = shutil.copytree(corrected, tmp_path / "tiny")
    settings = Settings(data_dir=folder, chat_model=str(tiny("llama")), threads=2)
    async with open_stores(settings, clock) as opened:
        yield opened


@pytest.fixture
def tools(stores: Stores) -> Tools:
    return tools_of(stores)
