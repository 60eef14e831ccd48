from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from agent.database.engine import Database, open_database
from tests.agent.database.backends import BACKENDS, new_address


@pytest.fixture(params=BACKENDS)
def database_address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A new, empty database on every backend in turn; a test may open it in several processes."""
    return new_address(request, tmp_path)


@pytest.fixture
async def database(database_address: str) -> AsyncIterator[Database]:
    database = await open_database(database_address)
    yield database
    await database.close()
