import pytest

from agent.catalog.protocol import Catalog
from agent.catalog.sql import SqlCatalog
from agent.contracts import Category
from agent.database.engine import Database
from tests.agent.catalog.samples import CAR, HOME, POOL, WORK


@pytest.fixture
async def catalog(database: Database) -> Catalog:
    """Two guilds with the categories pool and car."""
    catalog = SqlCatalog(database)
    for guild in (HOME, WORK):
        await catalog.create_guild(guild)
        await catalog.put_category(guild, Category(slug=POOL, name="Pool", description="Water and pumps"))
        await catalog.put_category(guild, Category(slug=CAR, name="Car"))
    return catalog
