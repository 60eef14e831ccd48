import pytest

from agent.database.engine import Database
from agent.journal.protocol import Journal
from agent.journal.sql import SqlJournal


@pytest.fixture
async def journal(database: Database) -> Journal:
    return SqlJournal(database)
