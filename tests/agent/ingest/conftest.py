from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from agent.catalog.protocol import Catalog
from agent.ingest.pipeline import Ingestor
from agent.knowledge.protocol import KnowledgeStore
from agent.models.protocol import Embedder
from tests.agent.ingest.house import (
    CountingEmbedder,
    FixedRouter,
    ingestor_of,
    make_guild,
    open_knowledge,
    opened_catalog,
)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[KnowledgeStore]:
    store = await open_knowledge(tmp_path / "kept")
    yield store
    await store.close()


@pytest.fixture
async def catalog(tmp_path: Path) -> AsyncIterator[Catalog]:
    async with opened_catalog(tmp_path / "kept") as catalog:
        await make_guild(catalog)
        yield catalog


@pytest.fixture
def counting(embedder: Embedder) -> CountingEmbedder:
    return CountingEmbedder(embedder)


@pytest.fixture
def router() -> FixedRouter:
    return FixedRouter()


@pytest.fixture
def ingestor(
    store: KnowledgeStore, catalog: Catalog, counting: CountingEmbedder, router: FixedRouter
) -> Ingestor:
    return ingestor_of(store, catalog, counting, router)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where a test writes the files that it ingests."""
    made = tmp_path / "files"
    made.mkdir()
    return made
