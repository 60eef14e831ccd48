from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from agent.knowledge.protocol import KnowledgeStore
from tests.agent.knowledge.factories import FACTORIES, Factory
from tests.agent.knowledge.passages import SPEC


@pytest.fixture(params=FACTORIES)
async def factory(request: pytest.FixtureRequest) -> AsyncIterator[Factory]:
    """Each store that must conform, in turn."""
    async with FACTORIES[request.param](request) as make:
        yield make


@pytest.fixture
async def empty_store(factory: Factory, tmp_path: Path) -> AsyncIterator[KnowledgeStore]:
    """A store without any index version."""
    store = await factory(tmp_path)
    yield store
    await store.close()


@pytest.fixture
async def store(empty_store: KnowledgeStore) -> KnowledgeStore:
    """A store with the empty index v1."""
    await empty_store.open_index(SPEC)
    return empty_store
