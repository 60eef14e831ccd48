from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from agent.runtime import Stores
from agent.settings import Settings
from tests.agent.knowledge.factories import discard, new_alias
from tests.agent.privacy.house import opened, settings_over


@pytest.fixture
def embedded(tmp_path: Path) -> Settings:
    """SQLite and LanceDB in a folder."""
    return settings_over(tmp_path / "data")


@pytest.fixture(params=["embedded", "servers"])
def anywhere(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Settings]:
    """The embedded back ends, then PostgreSQL and Weaviate."""
    if request.param == "embedded":
        yield settings_over(tmp_path / "data")
        return
    server = request.getfixturevalue("weaviate_server")
    alias = new_alias()
    yield settings_over(
        tmp_path / "data",
        database_url=request.getfixturevalue("postgres_url"),
        weaviate_url=server.url,
        weaviate_grpc_port=server.grpc_port,
        weaviate_collection=alias,
    )
    discard(server, alias)


@pytest.fixture
async def stores(embedded: Settings) -> AsyncIterator[Stores]:
    async with opened(embedded) as stores:
        yield stores
