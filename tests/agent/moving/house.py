"""An installation with something of everything, and rows for any table whatever its columns."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from pydantic import SecretStr
from sqlalchemy import MetaData, Table, insert, select

from agent.catalog.sql import SqlCatalog
from agent.contracts import Category, Example, FeedbackKind, GuildId, Slug, Source, SourceId, SourceKind
from agent.database import tables
from agent.database.engine import Database, open_database
from agent.database.tables import Document
from agent.journal.sql import SqlJournal
from agent.knowledge.protocol import KnowledgeStore
from agent.moving.ends import Ends, Part
from agent.runtime import open_knowledge
from agent.settings import Settings
from tests.agent.journal.episodes import an_episode, an_event
from tests.agent.knowledge.passages import HOME, SPEC, WORK, passages_of, put

GUILDS = (HOME, WORK)
NOW = datetime(2026, 11, 22, 12, 0, 0, 123456, tzinfo=UTC)


def settings_over(folder: Path, **changes: Any) -> Settings:
    """The embedded back ends in `folder`, unless `changes` name a server."""
    if "database_url" in changes:
        changes["database_url"] = SecretStr(changes["database_url"])
    return Settings(data_dir=folder, threads=1).model_copy(update=changes)


def ends(source: Settings, target: Settings, *parts: Part) -> Ends:
    return Ends(source=source, target=target, parts=frozenset(parts or Part))


def a_source(name: str, guild: GuildId = HOME, **changes: Any) -> Source:
    values: dict[str, Any] = {
        "id": SourceId(name),
        "guild": guild,
        "uri": f"/{name}.md",
        "kind": SourceKind.FILE,
        "title": name.title(),
        "content_hash": "0" * 64,
        "added_at": NOW,
    }
    return Source(**values | changes)


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[tuple[Database, KnowledgeStore]]:
    """The two back ends of settings, without anything made in them."""
    database = await open_database(
        settings.database_url.get_secret_value() or settings.data_dir / "lorekeeper.db"
    )
    store = await open_knowledge(settings)
    try:
        yield database, store
    finally:
        await store.close()
        await database.close()


async def put_source(database: Database, store: KnowledgeStore, source: Source, *texts: str) -> None:
    """Passages first, then the catalog, as an ingest does it."""
    passages = passages_of(source.id, *texts, guild=source.guild)
    await put(store, *(replace(passage, category=source.category) for passage in passages))
    await SqlCatalog(database).put_source(source, "\n".join(texts))


async def furnish(settings: Settings, sources: Sequence[str] = ("notes", "manual")) -> None:
    """Two guilds that hold the same names and different things."""
    async with opened(settings) as (database, store):
        await store.open_index(SPEC)
        catalog, journal = SqlCatalog(database), SqlJournal(database)
        for guild in GUILDS:
            await catalog.create_guild(guild)
            await catalog.put_category(
                guild, Category(slug=Slug("pool"), name="Pool", description="Wasser 🏊")
            )
            question = f"Who cleans the pool of {guild}?"
            await catalog.put_examples(guild, [Example(question=question, category=Slug("pool"))])
            for name in sources:
                source = a_source(name, guild, category=Slug("pool"))
                await put_source(database, store, source, f"{name} one of {guild}", f"{name} two")
            episode = an_episode(guild=guild, question=f"Lone \ud800 and NUL \x00 of {guild}")
            await journal.record(episode)
            await journal.add_feedback(an_event(episode, FeedbackKind.VOTE, {"vote": 1}))


async def rows_in(database: Database, table: Table) -> list[tuple[Any, ...]]:
    async with database.read() as connection:
        found = await connection.execute(select(table))
        return sorted((tuple(row) for row in found), key=repr)


async def kept(settings: Settings) -> dict[str, object]:
    """Everything that an installation holds, by table and guild."""
    async with opened(settings) as (database, store):
        found: dict[str, object] = {
            table.name: await rows_in(database, table) for table in tables.metadata.sorted_tables
        }
        for guild in await SqlCatalog(database).guilds():
            for source in await SqlCatalog(database).sources(guild):
                passages = await store.passages_of(guild, source.id)
                vectors = await store.vectors_of(guild, [passage.id for passage in passages])
                found[f"{guild} {source.id}"] = (passages, {k: v.tobytes() for k, v in vectors.items()})
    return found


async def fill_every_table(database: Database, metadata: MetaData, count: int = 3) -> None:
    """Rows made of nothing but what the columns are. Every text of row n is the same, so that foreign keys
    lead from each row n to the row n of another table.
    """
    async with database.write() as connection:
        for table in metadata.sorted_tables:
            rows = [
                {column.name: _value(column.type, column.name, n) for column in table.c} for n in range(count)
            ]
            await connection.execute(insert(table), rows)


def _value(kind: Any, name: str, number: int) -> Any:
    if isinstance(kind, Document):
        return {name: [number, None, float("inf"), "\x00\ud800"]}
    values: dict[type, Any] = {
        str: f"é{number}",
        bytes: bytes([number, 0, 255]),
        bool: number % 2 == 1,
        int: number,
        float: 0.1 + number,
        datetime: NOW.replace(microsecond=number),
        date: date.fromordinal(740_000 + number),
    }
    return values[getattr(kind, "impl_instance", kind).python_type]
