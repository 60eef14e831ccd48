from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from agent.database.engine import Database
from agent.serving.assignments import Assignments
from tests.agent.database.backends import BACKENDS, opened
from tests.agent.journal.episodes import HOME, WORK
from tuning.registry.promotion import Promotion
from tuning.registry.store import Registry


@pytest.fixture(params=BACKENDS)
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    async with opened(request, tmp_path, HOME, WORK) as database:
        yield database


@pytest.fixture
def registry(database: Database, tmp_path: Path) -> Registry:
    return Registry(database, tmp_path / "data")


@pytest.fixture
def promotion(database: Database, registry: Registry) -> Promotion:
    return Promotion(database, registry, Assignments(database))
