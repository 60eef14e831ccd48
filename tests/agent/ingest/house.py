"""The real store, catalog and model, put together as the tests need them."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from agent.catalog.protocol import Catalog
from agent.catalog.sql import SqlCatalog
from agent.contracts import (
    GUILD_WIDE,
    LOCAL_GUILD,
    Category,
    CategoryScore,
    GuildId,
    ModelInfo,
    Passage,
    Route,
    RouteDecision,
    Slug,
)
from agent.database.engine import open_database
from agent.ingest.pipeline import Ingestor
from agent.ingest.web import Fetcher
from agent.knowledge.lance import LanceStore, open_store
from agent.knowledge.protocol import KnowledgeStore, SearchQuery
from agent.models.protocol import Embedder, EmbedKind, Vectors
from agent.routing.protocol import Router
from agent.settings import Settings

SETTINGS = Settings(ingest_file_mb=1, web_seconds=5, web_private_addresses=True)
NOW = datetime(2024, 6, 1, 12, tzinfo=UTC)


async def open_knowledge(folder: Path) -> LanceStore:
    return await open_store(folder / "knowledge")


@asynccontextmanager
async def opened_catalog(folder: Path) -> AsyncIterator[SqlCatalog]:
    database = await open_database(folder / "lorekeeper.db")
    try:
        yield SqlCatalog(database)
    finally:
        await database.close()


async def make_guild(catalog: Catalog) -> None:
    """The terminal's guild, with the categories pool and car."""
    await catalog.create_guild(LOCAL_GUILD)
    await catalog.put_category(LOCAL_GUILD, Category(slug=Slug("pool"), name="Swimming pool"))
    await catalog.put_category(LOCAL_GUILD, Category(slug=Slug("car"), name="Car"))


class FixedRouter:
    """Says what it was told to say, and remembers what it was shown."""

    def __init__(self) -> None:
        self.says = (Slug("car"), 0.8, RouteDecision.SINGLE)
        self.shown: list[str] = []

    async def route(self, guild: GuildId, question: str) -> Route:
        self.shown.append(question)
        category, probability, decision = self.says
        score = CategoryScore(category=category, probability=probability, contributions={})
        return Route(
            scores=(score,),
            out_of_scope=1 - probability,
            decision=decision,
            categories=(category,),
            model_asked=False,
            reason="as told",
        )


class CountingEmbedder:
    """The real embedder, counting what it is given; `before` runs before each call."""

    def __init__(self, inner: Embedder) -> None:
        self.inner = inner
        self.texts = 0
        self.before: Callable[[], Awaitable[None]] | None = None

    @property
    def info(self) -> ModelInfo:
        return self.inner.info

    @property
    def dimension(self) -> int:
        return self.inner.dimension

    async def embed(self, texts: Sequence[str], kind: EmbedKind) -> Vectors:
        if self.before:
            await self.before()
        self.texts += len(texts)
        return await self.inner.embed(texts, kind)

    async def close(self) -> None:
        await self.inner.close()


class OtherEmbedder(CountingEmbedder):
    """Another model: the same vectors turned, so that those of one mean nothing to the other."""

    @property
    def info(self) -> ModelInfo:
        return replace(self.inner.info, name="other", digest="0" * 64)

    async def embed(self, texts: Sequence[str], kind: EmbedKind) -> Vectors:
        return (await super().embed(texts, kind))[:, ::-1].copy()


def ingestor_of(
    store: KnowledgeStore,
    catalog: Catalog,
    embedder: Embedder,
    router: Router | None = None,
    *,
    settings: Settings = SETTINGS,
    fetcher: Fetcher | None = None,
) -> Ingestor:
    return Ingestor(
        store=store,
        catalog=catalog,
        embedder=embedder,
        router=router or FixedRouter(),
        settings=settings,
        clock=lambda: NOW,
        fetcher=fetcher,
    )


async def found(store: KnowledgeStore, embedder: Embedder, text: str) -> Passage:
    """The first passage that a search by meaning finds, whoever may see it."""
    (vector,) = await embedder.embed([text], EmbedKind.QUERY)
    visible = frozenset({GUILD_WIDE, "channel:1", "member:me"})
    query = SearchQuery(guild=LOCAL_GUILD, text="", vector=vector, limit=1, may_see=visible)
    return (await store.search(query))[0].passage


async def everything(store: KnowledgeStore, catalog: Catalog) -> dict[str, list[str]]:
    """The texts of the passages of every source, by uri."""
    kept = {}
    for source in await catalog.sources(LOCAL_GUILD):
        passages = await store.passages_of(LOCAL_GUILD, source.id)
        text = await catalog.source_text(LOCAL_GUILD, source.id)
        assert all(passage.text == text[passage.start : passage.end] for passage in passages)
        kept[source.uri] = [passage.text for passage in passages]
    assert await store.count(LOCAL_GUILD) == sum(map(len, kept.values()))
    return kept
