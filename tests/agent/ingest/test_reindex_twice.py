"""Two bots on one Weaviate and one PostgreSQL that re-index at once, after an update of both."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from agent.catalog.protocol import Catalog
from agent.catalog.sql import SqlCatalog
from agent.contracts import GUILD_WIDE, LOCAL_GUILD, LOCAL_MEMBER
from agent.database.engine import open_database
from agent.ingest.reindex import Reindexer, ReindexReport
from agent.knowledge.protocol import KnowledgeStore, SearchQuery
from agent.knowledge.weaviate import open_store
from agent.models.protocol import Embedder
from tests.agent.ingest.house import (
    CountingEmbedder,
    OtherEmbedder,
    everything,
    found,
    ingestor_of,
    make_guild,
)
from tests.agent.knowledge.factories import discard, new_alias
from tests.servers.weaviate import WeaviateServer

_FACTS = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class _Bot:
    store: KnowledgeStore
    catalog: Catalog


@asynccontextmanager
async def _bot(server: WeaviateServer, alias: str, database_url: str) -> AsyncIterator[_Bot]:
    """With connections of its own, as in a process of its own."""
    database = await open_database(database_url)
    store = await open_store(f"{server.url}?grpc_port={server.grpc_port}", alias=alias)
    yield _Bot(store=store, catalog=SqlCatalog(database))
    await store.close()
    await database.close()


@pytest.fixture
async def bots(weaviate_server: WeaviateServer, postgres_url: str) -> AsyncIterator[tuple[_Bot, _Bot]]:
    alias = new_alias()
    async with AsyncExitStack() as stack:
        first, second = [
            await stack.enter_async_context(_bot(weaviate_server, alias, postgres_url)) for _ in range(2)
        ]
        await make_guild(first.catalog)
        yield first, second
    discard(weaviate_server, alias)


async def _ask(bot: _Bot, done: asyncio.Event) -> int:
    """By words, which every index answers: the asker's own model may be the one before or the one after."""
    asked = 0
    while not done.is_set():
        query = SearchQuery(
            guild=LOCAL_GUILD, text="lamp", vector=None, may_see=frozenset({GUILD_WIDE}), limit=_FACTS
        )
        assert len(await bot.store.search(query)) == _FACTS
        asked += 1
    return asked


async def test_two_bots_that_reindex_at_once_make_one_index_and_lose_nothing(
    bots: tuple[_Bot, _Bot], embedder: Embedder, folder: Path
) -> None:
    first, second = bots
    for number in range(_FACTS):
        (folder / f"{number}.md").write_text(f"Room {number} has lamp number {100 + number}.")
    await ingestor_of(first.store, first.catalog, CountingEmbedder(embedder)).ingest(LOCAL_GUILD, [folder])
    before = await everything(first.store, first.catalog)
    both_are_at_it = asyncio.Barrier(2)
    done = asyncio.Event()

    async def reindex(bot: _Bot) -> ReindexReport:
        newer = OtherEmbedder(embedder)

        async def wait_once() -> None:
            newer.before = None
            await both_are_at_it.wait()

        newer.before = wait_once
        return await Reindexer(bot.store, bot.catalog, newer).run()

    asking = asyncio.gather(*(_ask(bot, done) for bot in bots))
    reports = await asyncio.gather(*(reindex(bot) for bot in bots))
    done.set()

    assert min(await asking) > 3
    assert {(report.version, report.before, report.passages) for report in reports} == {("v2", "v1", _FACTS)}
    assert [(each.name, each.active, each.passages) for each in await second.store.versions()] == [
        ("v1", False, _FACTS),
        ("v2", True, _FACTS),
    ]
    newer = OtherEmbedder(embedder)
    for bot in bots:
        assert await everything(bot.store, bot.catalog) == before
        assert "Room 7" in (await found(bot.store, newer, "Room 7 has lamp number 107.")).text
    for bot in bots:
        await ingestor_of(bot.store, bot.catalog, newer).remember(
            LOCAL_GUILD, "And a last one.", on=None, author=LOCAL_MEMBER, author_name="", category=None
        )
    assert await first.store.count(LOCAL_GUILD) == _FACTS + 2
