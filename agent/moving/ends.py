"""The two ends of a copy: what they are called, opening them, and whether one is empty."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from sqlalchemy import select

from agent.database import tables
from agent.database.engine import Database, open_database
from agent.errors import StoreError
from agent.knowledge.protocol import KnowledgeStore
from agent.language.counts import Count
from agent.runtime import open_knowledge
from agent.settings import Settings

DATABASE_FILE = "lorekeeper.db"
KNOWLEDGE_FOLDER = "knowledge"

_BUSY_SECONDS = 60.0
"""Sorting a whole table takes longer than what a question asks of the database."""

_PASSWORD = re.compile(r"(//[^:/@]*):.*@")


class Part(StrEnum):
    """The halves of an installation, each of which has its own back end."""

    DATABASE = "database"
    KNOWLEDGE = "knowledge"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ends:
    """What is copied from where to where: installations, by their settings."""

    source: Settings
    target: Settings
    parts: frozenset[Part]

    def name(self, settings: Settings) -> str:
        """What an end is called, for people."""
        return " and ".join(place_of(part, settings) for part in sorted(self.parts))


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """What a copy reads and writes; the target's is None for a part that stays where it is."""

    database: Database
    target_database: Database | None = None
    store: KnowledgeStore | None = None
    target_store: KnowledgeStore | None = None


def place_of(part: Part, settings: Settings) -> str:
    """Where a part is kept: a path or an address, without its password."""
    folder = settings.data_dir.absolute()
    if part is Part.DATABASE:
        url = settings.database_url.get_secret_value()
        return without_password(url) if url else str(folder / DATABASE_FILE)
    if settings.weaviate_url:
        return f"{settings.weaviate_url} ({settings.weaviate_collection})"
    return str(folder / KNOWLEDGE_FOLDER)


def without_password(url: str) -> str:
    return _PASSWORD.sub(r"\1:***@", url)


@asynccontextmanager
async def opened(ends: Ends) -> AsyncIterator[Opened]:
    """Open both ends. Raises `StoreError`, `ConfigurationError`."""
    async with AsyncExitStack() as stack:

        async def database(settings: Settings) -> Database:
            address = settings.database_url.get_secret_value() or settings.data_dir / DATABASE_FILE
            found = await open_database(address, busy_seconds=_BUSY_SECONDS)
            stack.push_async_callback(found.close)
            return found

        async def store(settings: Settings) -> KnowledgeStore:
            found = await open_knowledge(settings)
            stack.push_async_callback(found.close)
            return found

        moves_knowledge = Part.KNOWLEDGE in ends.parts
        yield Opened(
            database=await database(ends.source),
            target_database=await database(ends.target) if Part.DATABASE in ends.parts else None,
            store=await store(ends.source) if moves_knowledge else None,
            target_store=await store(ends.target) if moves_knowledge else None,
        )


async def require_empty(both: Opened, target: Settings, part: Part) -> None:
    """Raise `StoreError` when the target holds anything; a guild that holds nothing is nothing."""
    held = ""
    if part is Part.KNOWLEDGE and both.target_store is not None:
        passages = sum(version.passages for version in await both.target_store.versions())
        held = f"{Count(passages):# passage|# passages}" if passages else ""
    if part is Part.DATABASE and both.target_database is not None:
        held = await _filled_table(both.target_database)
    if held:
        raise StoreError(
            f"{place_of(part, target)} already holds {held} of another installation.",
            "Choose an empty place; or move that one away, or remove it, if it is not needed any longer.",
        )


async def _filled_table(database: Database) -> str:
    """The name of a table that holds rows, or nothing. Each installation has guilds."""
    async with database.read() as connection:
        for table in tables.metadata.sorted_tables:
            found = await connection.execute(select(table).limit(1))
            if table is not tables.guilds and found.first() is not None:
                return table.name
    return ""


def embedded(settings: Settings, folder: Path) -> Settings:
    """The same settings over the embedded back ends in `folder`."""
    servers = ("weaviate_url", "weaviate_api_key", "database_url")
    none = {name: Settings.model_fields[name].default for name in servers}
    return settings.model_copy(update={"data_dir": folder, **none})
