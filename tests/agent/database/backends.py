"""Every database that catalog and journal must work on: a new, empty one of each by its address."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import pytest

from agent.catalog.sql import SqlCatalog
from agent.contracts import GuildId
from agent.database.engine import Database, open_database

BACKENDS: Final = ("sqlite", "postgresql")


def new_address(request: pytest.FixtureRequest, folder: Path) -> str:
    """Return what `open_database` takes, for the backend that the fixture is parametrized with."""
    if request.param == "sqlite":
        return str(folder / "lorekeeper.db")
    address: str = request.getfixturevalue("postgres_url")
    return address


@asynccontextmanager
async def opened(request: pytest.FixtureRequest, folder: Path, *guilds: GuildId) -> AsyncIterator[Database]:
    """A new one of that backend, with these guilds in it."""
    database = await open_database(new_address(request, folder))
    for guild in guilds:
        await SqlCatalog(database).create_guild(guild)
    yield database
    await database.close()
