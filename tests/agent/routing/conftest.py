"""A catalog on SQLite with a small guild, and routers over it with real embedders."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

import pytest
import pytest_asyncio

from agent.catalog.sql import SqlCatalog
from agent.contracts import LOCAL_GUILD, Category, Example, Slug
from agent.database.engine import open_database
from agent.models.library import open_embedder
from agent.models.protocol import ChatModel, Embedder
from agent.routing.router import FusedRouter
from agent.settings import Settings
from tests.agent.routing.models import CountingEmbedder

POOL, CAR, COOKING = Slug("pool"), Slug("car"), Slug("cooking")
CATEGORIES = (
    Category(slug=POOL, name="Pool", description="The swimming pool: pump, chlorine, filter, cover"),
    Category(slug=CAR, name="Car", description="The family car: tyres, service, brakes, insurance"),
    Category(slug=COOKING, name="Cooking", description="Recipes, ingredients and baking times"),
)
_QUESTIONS = {
    POOL: (
        "When did we replace the pool pump?",
        "How much chlorine goes in per week?",
        "Who cleans the filter of the pool?",
        "Where is the winter cover kept?",
        "Why is the water green?",
    ),
    CAR: (
        "When is the next oil change?",
        "What tyre pressure do we need?",
        "Which garage repaired the brakes?",
        "When does the car insurance end?",
        "Where are the winter tyres?",
    ),
    COOKING: (
        "How long does the lasagne bake?",
        "What goes into the paella?",
        "Which flour do we use for the bread?",
        "How do we season the roast chicken?",
        "What is the recipe for pancakes?",
    ),
}
EXAMPLES = tuple(Example(question=q, category=slug) for slug, qs in _QUESTIONS.items() for q in qs)

MakeRouter = Callable[..., FusedRouter]


@pytest.fixture(scope="session")
def e5(embedder: Embedder) -> CountingEmbedder:
    return CountingEmbedder(embedder)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def minilm(model_settings: Settings) -> AsyncIterator[CountingEmbedder]:
    opened = await open_embedder(model_settings.model_copy(update={"embedder": "all-minilm-l6-v2"}))
    yield CountingEmbedder(opened)
    await opened.close()


@pytest.fixture
async def catalog(tmp_path: Path) -> AsyncIterator[SqlCatalog]:
    database = await open_database(tmp_path / "catalog.db")
    catalog = SqlCatalog(database)
    await catalog.create_guild(LOCAL_GUILD)
    yield catalog
    await database.close()


async def teach(catalog: SqlCatalog, categories: Sequence[Category], examples: Sequence[Example]) -> None:
    for category in categories:
        await catalog.put_category(LOCAL_GUILD, category)
    await catalog.put_examples(LOCAL_GUILD, examples)


@pytest.fixture
async def taught(catalog: SqlCatalog) -> SqlCatalog:
    await teach(catalog, CATEGORIES, EXAMPLES)
    return catalog


@pytest.fixture
async def make_router(
    e5: CountingEmbedder, minilm: CountingEmbedder, tmp_path: Path
) -> AsyncIterator[MakeRouter]:
    routers: list[FusedRouter] = []

    def make(
        catalog: SqlCatalog,
        *,
        chat: ChatModel | None = None,
        first: Embedder = e5,
        second: Embedder | None = minilm,
    ) -> FusedRouter:
        settings = Settings(data_dir=tmp_path)
        router = FusedRouter(catalog=catalog, embedder=first, chat=chat, settings=settings, second=second)
        routers.append(router)
        return router

    yield make
    for router in routers:
        await router.close()
