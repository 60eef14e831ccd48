from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from agent.catalog.sql import SqlCatalog
from agent.database.engine import Database, open_database
from agent.serving.assignments import Assignments
from tests.agent.database.backends import BACKENDS, new_address
from tests.agent.journal.episodes import HOME, WORK
from tuning.registry.promotion import Promotion
from tuning.registry.store import Registry


@pytest.fixture(params=BACKENDS)
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    database = await open_database(new_address(request, tmp_path))
    for guild in (HOME, WORK):
        await SqlCatalog(database).create_guild(guild)
    yield database
    await database.close()


@pytest.fixture
def registry(database: Database, tmp_path: Path) -> Registry:
    return Registry(database, tmp_path / "data")


@pytest.fixture
def promotion(database: Database, registry: Registry) -> Promotion:
    return Promotion(database, registry, Assignments(database))
