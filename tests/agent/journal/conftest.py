from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from agent.database.engine import Database
from agent.journal.protocol import Journal
from agent.journal.sql import SqlJournal
from tests.agent.database.factories import FACTORIES


@pytest.fixture(params=FACTORIES)
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    database = await FACTORIES[request.param](tmp_path)
    yield database
    await database.close()


@pytest.fixture
async def journal(database: Database) -> Journal:
    return SqlJournal(database)
