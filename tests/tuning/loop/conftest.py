"""The parts of a loop: on paper, and over real stores."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from agent.catalog.sql import SqlCatalog
from agent.database.engine import Database, open_database
from agent.runtime import Stores, open_stores
from agent.settings import Settings
from tests.tuning.loop.guilds import Clock, open_guild
from tests.tuning.loop.paper import HOME, PaperSteps, Told
from tests.tuning.training.conftest import loaded, tiny, tiny_folder, training
from tuning.loop.tools import Tools, tools_of

__all__ = ["loaded", "tiny", "tiny_folder", "training"]


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


@pytest.fixture
async def stores(tmp_path: Path, tiny: Any, clock: Clock) -> AsyncIterator[Stores]:
    """With the tiny llama as the chat model, and a guild of three categories."""
    settings = Settings(data_dir=tmp_path / "data", chat_model=str(tiny("llama")), threads=2)
    async with open_stores(settings, clock) as opened:
        await open_guild(opened)
        yield opened


@pytest.fixture
def tools(stores: Stores) -> Tools:
    return tools_of(stores)
