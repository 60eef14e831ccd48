"""A database with one guild, and the parts of a loop on paper."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from agent.catalog.sql import SqlCatalog
from agent.database.engine import Database, open_database
from tests.tuning.loop.paper import HOME, PaperSteps, Told


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
