"""Make an agent of the settings: open every store and model, and close them in the reverse order.

Importing this module is cheap; what is slow to import is imported when it is opened.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from importlib import import_module
from typing import TYPE_CHECKING, TypeAlias

from agent.catalog.protocol import Catalog
from agent.contracts import LOCAL_GUILD, GuildId
from agent.errors import ConfigurationError
from agent.files import write_error
from agent.journal.protocol import Journal
from agent.knowledge.protocol import IndexVersion, KnowledgeStore
from agent.language.counts import Count
from agent.models.protocol import Embedder
from agent.serving.assignments import Assignments
from agent.settings import Settings

if TYPE_CHECKING:
    from agent.agent import Agent
    from agent.database.engine import Database
    from agent.ingest.pipeline import Ingestor
    from agent.routing.router import FusedRouter
    from agent.serving.models import ServedModels


_BUSY_SECONDS = 10.0
"""How long the database may keep a caller waiting."""
_WAITS_OF_A_STAGE = 6
"""A statement that is not answered takes three waits and each retry one, so that the stage can still say so
before its own deadline."""

_ROUTING_EMBEDDER = "all-minilm-l6-v2"

Clock: TypeAlias = Callable[[], datetime]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stores:
    """What is kept; no model is needed to read it."""

    settings: Settings
    catalog: Catalog
    journal: Journal
    store: KnowledgeStore
    database: Database
    """What catalog and journal are kept in; the bot keeps its own state beside them."""
    assignments: Assignments
    clock: Clock
    """Returns an aware time in the guild's zone. Everything that is dated is dated by it, so that a test can
    let a month pass."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """Everything that answers questions and takes knowledge in."""

    settings: Settings
    stores: Stores
    embedder: Embedder
    router: FusedRouter
    models: ServedModels
    ingestor: Ingestor
    agent: Agent


@asynccontextmanager
async def open_stores(settings: Settings, clock: Clock | None = None) -> AsyncIterator[Stores]:
    """Open catalog, journal and knowledge; the terminal's guild always exists. Raises `StoreError`.

    `clock` is this machine's unless it is given.
    """
    from agent.catalog.sql import SqlCatalog
    from agent.database.engine import open_database
    from agent.journal.sql import SqlJournal
    from agent.knowledge.metered import MeteredStore
    from agent.observing.metrics import Store

    folder = settings.data_dir
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise write_error(folder, error) from error
    async with AsyncExitStack() as stack:
        opening = asyncio.ensure_future(open_knowledge(settings))
        # Whatever of the two fails, the other one is closed.
        stack.push_async_callback(_close_when_open, opening)
        database = await open_database(
            settings.database_url.get_secret_value() or folder / "lorekeeper.db",
            busy_seconds=min(_BUSY_SECONDS, settings.stage_seconds / _WAITS_OF_A_STAGE),
        )
        stack.push_async_callback(database.close)
        store = await opening
        catalog = SqlCatalog(database)
        await catalog.create_guild(LOCAL_GUILD)
        yield Stores(
            settings=settings,
            catalog=catalog,
            journal=SqlJournal(database),
            store=MeteredStore(store, Store.WEAVIATE if settings.weaviate_url else Store.LANCEDB),
            database=database,
            assignments=Assignments(database),
            clock=clock or (lambda: datetime.now(settings.zone)),
        )


async def _close_when_open(opening: asyncio.Future[KnowledgeStore]) -> None:
    """A failure to open is for whoever waits for it."""
    await asyncio.wait({opening})
    if not opening.cancelled() and opening.exception() is None:
        await opening.result().close()


async def open_knowledge(settings: Settings) -> KnowledgeStore:
    """Open the store that the settings name. Raises `StoreError`, `ConfigurationError`."""
    if not settings.weaviate_url:
        from agent.knowledge.lance import open_store

        return await open_store(settings.data_dir / "knowledge")

    # Its client takes a second to import.
    await asyncio.to_thread(import_module, "agent.knowledge.weaviate")
    from agent.knowledge.weaviate import open_store as open_weaviate

    return await open_weaviate(
        settings.weaviate_url,
        alias=settings.weaviate_collection,
        api_key=settings.weaviate_api_key.get_secret_value(),
        grpc_port=settings.weaviate_grpc_port,
        replicas=settings.weaviate_replicas,
    )


@asynccontextmanager
async def open_installation(settings: Settings, clock: Clock | None = None) -> AsyncIterator[Installation]:
    """Open stores and models and join them. Raises `StoreError`, `ModelError`, `ConfigurationError`.

    `clock` is this machine's unless it is given.
    """
    from agent.agent import Agent
    from agent.guilds import GuildViews
    from agent.ingest.pipeline import Ingestor
    from agent.models.level import LevelEmbedder
    from agent.models.library import open_embedder
    from agent.models.metered import MeteredChatModel, MeteredEmbedder
    from agent.observing.tracing import traced
    from agent.parts import Parts
    from agent.routing.router import FusedRouter
    from agent.serving.models import ServedModels
    from agent.serving.opening import open_serving_engine

    async with AsyncExitStack() as stack:
        await stack.enter_async_context(traced(settings))
        stores = await stack.enter_async_context(open_stores(settings, clock))
        raw = MeteredEmbedder(await open_embedder(settings))
        stack.push_async_callback(raw.close)
        embedder = await LevelEmbedder.open(raw, settings.data_dir / "models")
        await require_passages(stores, await open_index(stores.store, embedder))
        engine = await open_serving_engine(settings)
        stack.push_async_callback(engine.close)
        chat = MeteredChatModel(engine.base)
        models = ServedModels(stores.assignments, engine)
        stack.push_async_callback(models.close)
        models.keep_prepared()
        # The router levels vectors itself: it also reads from them which language a question is in.
        router = FusedRouter(
            catalog=stores.catalog,
            embedder=raw,
            second=await _second_embedder(settings, stack),
            chat=chat,
            settings=settings,
            models=models,
        )
        stack.push_async_callback(router.close)
        ingestor = Ingestor(
            store=stores.store,
            catalog=stores.catalog,
            embedder=embedder,
            router=router,
            settings=settings,
            clock=stores.clock,
        )
        parts = Parts(
            settings=settings,
            chat=chat,
            models=models,
            embedder=embedder,
            router=router,
            store=stores.store,
            catalog=stores.catalog,
            journal=stores.journal,
            keeper=ingestor,
            views=GuildViews(stores.catalog, stores.store),
            clock=stores.clock,
        )
        yield Installation(
            settings=settings,
            stores=stores,
            embedder=embedder,
            router=router,
            models=models,
            ingestor=ingestor,
            agent=Agent(parts),
        )


async def _second_embedder(settings: Settings, stack: AsyncExitStack) -> Embedder | None:
    """Open what knows English questions better than the multilingual one: 2.7 points on BANKING77."""
    from agent.models.choosing import weights_of_embedder
    from agent.models.metered import MeteredEmbedder

    # A question has nothing to hear from the same weights twice.
    if weights_of_embedder(settings) == _ROUTING_EMBEDDER:
        return None
    second = MeteredEmbedder(await open_routing_embedder(settings))
    stack.push_async_callback(second.close)
    return second


async def open_routing_embedder(settings: Settings) -> Embedder:
    """Open the embedder that routes English questions. Raises `ModelError`."""
    from agent.models.library import open_embedder

    return await open_embedder(settings.model_copy(update={"embedder": _ROUTING_EMBEDDER}))


async def drop_guild(stores: Stores, guild: GuildId) -> None:
    """Delete what a guild keeps and what was derived from it; the catalog goes last, so that a stop in the
    middle can be gone on with. Raises `UnknownGuildError`, `StoreError`.
    """
    from agent.routing.memory import MEMORY_FILE, RoutingMemory

    await stores.catalog.revision(guild)
    await stores.store.drop_guild(guild)
    memory = RoutingMemory(stores.settings.data_dir / MEMORY_FILE)
    await asyncio.to_thread(memory.keep_only, guild, ())
    await stores.catalog.drop_guild(guild)


async def require_passages(stores: Stores, versions: Sequence[IndexVersion]) -> None:
    """Refuse a store that has not a single passage of the sources that the catalog lists: it is another one
    than they were put into, and every answer would be "I don't know". Raises `ConfigurationError`.

    `versions` are those of the store, which is asked for them once at start-up.
    """
    if any(version.passages for version in versions):
        return
    listed = [each for guild in await stores.catalog.guilds() for each in await stores.catalog.sources(guild)]
    if any(source.content_hash for source in listed):
        where = "Weaviate" if stores.settings.weaviate_url else "The knowledge folder"
        raise ConfigurationError(
            f"{where} holds no passage, and {Count(len(listed)):# source is|# sources are} known: the "
            "passages are elsewhere.",
            "Go back to the settings of before, and copy it all with `lorekeeper move`.",
        )


async def open_index(store: KnowledgeStore, embedder: Embedder) -> tuple[IndexVersion, ...]:
    """See that the active index is of this embedder; the first index ever is made here. Return all there are.

    Raises `ConfigurationError` for another embedder: its vectors mean nothing to this one, and choosing
    between rebuilding and going back is the owner's.
    """
    from agent.ingest.embedding import index_spec

    wanted = index_spec(embedder)
    versions = await store.versions()
    active = next((version for version in versions if version.active), None)
    if active is None:
        return (*versions, await store.open_index(wanted))
    if active.spec.embedder != wanted.embedder:
        made_with, named = (spec.embedder.rsplit(":", 1)[0] for spec in (active.spec, wanted))
        if made_with == named:
            raise ConfigurationError(
                f"The index in use was made with another version of {named}.",
                "`lorekeeper index build` makes a new one beside it.",
            )
        raise ConfigurationError(
            f"The index in use was made with {made_with}, the settings name {named}.",
            f"`lorekeeper index build` makes a new one; LOREKEEPER_EMBEDDER={made_with} keeps the old.",
        )
    return versions
