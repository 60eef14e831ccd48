"""The catalog in a SQL database.

A change begins by raising the guild's revision, which also locks the guild's row: changes of one guild come
one after another in every process, so what a change reads stays true until it writes. Lists are sorted here
and not by the database, whose order of text depends on its locale.
"""

from __future__ import annotations

import asyncio
import time
import zlib
from collections.abc import AsyncIterator, Collection, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, replace
from typing import Any, Final, TypeVar

from sqlalchemy import RowMapping, bindparam, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from agent.catalog.slugs import check_slug
from agent.contracts import Category, Example, GuildId, Slug, Source, SourceId, SourceKind
from agent.database import tables
from agent.database.engine import Database
from agent.database.tables import key_of
from agent.errors import StoreError, UnknownCategoryError, UnknownGuildError, UsageError

_T = TypeVar("_T")

_CHUNK: Final = 1000
"""Values in one IN list: databases limit the parameters of a statement."""


class SqlCatalog:
    """Implements `agent.catalog.protocol.Catalog`, which describes its methods."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def guilds(self) -> tuple[GuildId, ...]:
        async with self._database.read() as connection:
            return tuple(sorted(map(GuildId, await connection.scalars(select(tables.guilds.c.id)))))

    async def create_guild(self, guild: GuildId) -> None:
        # The clock, because a guild that is dropped and made again must not repeat a revision.
        row = {"id": guild, "revision": time.time_ns() // 1000}
        async with self._database.write() as connection:
            await connection.execute(self._database.upsert(tables.guilds), row)

    async def drop_guild(self, guild: GuildId) -> None:
        async with self._changing(guild) as connection:
            await connection.execute(delete(tables.guilds).where(tables.guilds.c.id == guild))

    async def revision(self, guild: GuildId) -> int:
        async with self._database.read() as connection:
            return await _revision(connection, guild)

    async def categories(self, guild: GuildId) -> tuple[Category, ...]:
        query = select(tables.categories.c.slug, tables.categories.c.name, tables.categories.c.description)
        async with self._reading(guild) as connection:
            rows = await connection.execute(query.where(tables.categories.c.guild == guild))
            found = [Category(**row) for row in rows.mappings()]
        return tuple(sorted(found, key=lambda category: category.slug))

    async def put_category(self, guild: GuildId, category: Category) -> None:
        check_slug(category.slug)
        statement = self._database.upsert(tables.categories, ("name", "description"))
        async with self._changing(guild) as connection:
            await connection.execute(statement, {"guild": guild} | asdict(category))
            await _forget_former(connection, guild, category.slug)

    async def former_slugs(self, guild: GuildId) -> dict[Slug, Slug]:
        columns = tables.former_slugs.c
        query = select(columns.slug, columns.category).where(columns.guild == guild)
        async with self._reading(guild) as connection:
            rows = await connection.execute(query)
            return {Slug(row.slug): Slug(row.category) for row in rows}

    async def rename_category(self, guild: GuildId, old: Slug, new: Slug) -> None:
        check_slug(new)
        async with self._changing(guild) as connection:
            known = await _slugs(connection, guild)
            _require(known, old)
            if new in known:
                raise UsageError(f"There is a category {new} already.", "Merge the two, or choose another.")
            await connection.execute(
                update(tables.categories)
                .where(tables.categories.c.guild == guild, tables.categories.c.slug == old)
                .values(slug=new)
            )
            await connection.execute(
                update(tables.serving)
                .where(tables.serving.c.guild == guild, tables.serving.c.category == old)
                .values(category=new)
            )
            await _forget_former(connection, guild, new)
            await connection.execute(insert(tables.former_slugs), _former(guild, old, new))

    async def merge_category(self, guild: GuildId, old: Slug, into: Slug) -> None:
        if old == into:
            raise UsageError(f"{old} cannot be merged into itself.", "Name two categories.")
        async with self._changing(guild) as connection:
            _require(await _slugs(connection, guild), old, into)
            for table in (tables.examples, tables.sources, tables.former_slugs):
                await connection.execute(
                    update(table).where(table.c.guild == guild, table.c.category == old).values(category=into)
                )
            await _delete_category(connection, guild, old)
            await connection.execute(insert(tables.former_slugs), _former(guild, old, into))

    async def remove_category(self, guild: GuildId, slug: Slug) -> None:
        async with self._changing(guild) as connection:
            _require(await _slugs(connection, guild), slug)
            await connection.execute(
                update(tables.sources)
                .where(tables.sources.c.guild == guild, tables.sources.c.category == slug)
                .values(category=None)
            )
            await _delete_category(connection, guild, slug)

    async def examples(self, guild: GuildId, category: Slug | None = None) -> tuple[Example, ...]:
        query = _EXAMPLES.where(tables.examples.c.guild == guild)
        async with self._reading(guild) as connection:
            if category is not None:
                _require(await _slugs(connection, guild), category)
                query = query.where(tables.examples.c.category == category)
            found = [Example(**row) for row in (await connection.execute(query)).mappings()]
        return tuple(sorted(found, key=lambda example: (example.category, example.question)))

    async def put_examples(self, guild: GuildId, examples: Sequence[Example]) -> int:
        wanted = {example.question: example for example in map(_tidied, examples)}
        async with self._changing(guild) as connection:
            _require(await _slugs(connection, guild), *{e.category for e in wanted.values()})
            known = await _known_examples(connection, guild, wanted)
            changed = [example for example in wanted.values() if known.get(example.question) != example]
            if changed:
                statement = self._database.upsert(tables.examples, _LABEL)
                await connection.execute(statement, [_row(guild, example) for example in changed])
        return len(changed)

    async def remove_examples(self, guild: GuildId, questions: Sequence[str]) -> int:
        keys = sorted({key_of(_tidy(question)) for question in questions})
        async with self._changing(guild) as connection:
            removed = [
                await connection.execute(
                    delete(tables.examples).where(
                        tables.examples.c.guild == guild, tables.examples.c.question_key.in_(chunk)
                    )
                )
                for chunk in _chunks(keys)
            ]
        return sum(result.rowcount for result in removed)

    async def sources(self, guild: GuildId, without: Collection[SourceKind] = ()) -> tuple[Source, ...]:
        wanted = [tables.sources.c.guild == guild, tables.sources.c.kind.not_in(list(without))]
        async with self._reading(guild) as connection:
            rows = await connection.execute(_SOURCES.where(*wanted))
            found = [_source(row) for row in rows.mappings()]
        return tuple(sorted(found, key=lambda source: source.uri))

    async def source(self, guild: GuildId, id: SourceId) -> Source | None:  # noqa: A002
        return await self._one_source(guild, tables.sources.c.id == id)

    async def source_by_uri(self, guild: GuildId, uri: str) -> Source | None:
        return await self._one_source(guild, tables.sources.c.uri_key == key_of(uri))

    async def put_source(self, source: Source, text: str) -> None:
        compressed = await asyncio.to_thread(_packed, text)
        row = asdict(source) | {"uri_key": key_of(source.uri)}
        replaced = [name for name in row if name not in {"guild", "id"}]
        async with self._changing(source.guild) as connection:
            if source.category is not None:
                _require(await _slugs(connection, source.guild), source.category)
            await _require_free_uri(connection, source)
            await connection.execute(self._database.upsert(tables.sources, replaced), row)
            await connection.execute(
                self._database.upsert(tables.source_texts, ("compressed",)),
                {"guild": source.guild, "source": source.id, "compressed": compressed},
            )

    async def source_text(self, guild: GuildId, id: SourceId) -> str:  # noqa: A002
        query = select(tables.source_texts.c.compressed)
        async with self._reading(guild) as connection:
            compressed = await connection.scalar(
                query.where(tables.source_texts.c.guild == guild, tables.source_texts.c.source == id)
            )
        if compressed is None:
            raise UsageError(f"There is no source {id}.", "`lorekeeper sources list` shows them.")
        return await asyncio.to_thread(_unpacked, compressed)

    async def remove_sources(self, guild: GuildId, ids: Sequence[SourceId]) -> int:
        async with self._changing(guild) as connection:
            removed = [
                await connection.execute(
                    delete(tables.sources).where(
                        tables.sources.c.guild == guild, tables.sources.c.id.in_(chunk)
                    )
                )
                for chunk in _chunks(sorted(set(ids)))
            ]
        return sum(result.rowcount for result in removed)

    async def close(self) -> None:
        """Nothing to do: the database belongs to whoever opened it."""

    @asynccontextmanager
    async def _reading(self, guild: GuildId) -> AsyncIterator[AsyncConnection]:
        async with self._database.read() as connection:
            await _revision(connection, guild)
            yield connection

    @asynccontextmanager
    async def _changing(self, guild: GuildId) -> AsyncIterator[AsyncConnection]:
        raised = (
            update(tables.guilds)
            .where(tables.guilds.c.id == guild)
            .values(revision=tables.guilds.c.revision + 1)
        )
        async with self._database.write() as connection:
            if not (await connection.execute(raised)).rowcount:
                raise _unknown_guild(guild)
            yield connection

    async def _one_source(self, guild: GuildId, condition: Any) -> Source | None:
        async with self._reading(guild) as connection:
            rows = await connection.execute(_SOURCES.where(tables.sources.c.guild == guild, condition))
            row = rows.mappings().one_or_none()
        return None if row is None else _source(row)


_REVISION: Final = select(tables.guilds.c.revision).where(tables.guilds.c.id == bindparam("guild"))
_LABEL: Final = ("category", "origin", "asker", "teacher")
_EXAMPLES: Final = select(tables.examples.c.question, *(tables.examples.c[name] for name in _LABEL))
_SOURCES: Final = select(*(column for column in tables.sources.c if column is not tables.sources.c.uri_key))


async def _revision(connection: AsyncConnection, guild: GuildId) -> int:
    found: int | None = await connection.scalar(_REVISION, {"guild": guild})
    if found is None:
        raise _unknown_guild(guild)
    return found


def _unknown_guild(guild: GuildId) -> UnknownGuildError:
    return UnknownGuildError(f"There is no guild {guild!r} here.", "Check its name.")


async def _slugs(connection: AsyncConnection, guild: GuildId) -> set[str]:
    return set(
        await connection.scalars(select(tables.categories.c.slug).where(tables.categories.c.guild == guild))
    )


def _require(known: set[str], *wanted: Slug) -> None:
    for slug in wanted:
        if slug not in known:
            hint = f"There are: {', '.join(sorted(known))}." if known else "There are no categories yet."
            raise UnknownCategoryError(f"There is no category {slug!r}.", hint)


async def _forget_former(connection: AsyncConnection, guild: GuildId, slug: Slug) -> None:
    """A category has this slug now, whatever had it before."""
    columns = tables.former_slugs.c
    await connection.execute(delete(tables.former_slugs).where(columns.guild == guild, columns.slug == slug))


def _former(guild: GuildId, old: Slug, now: Slug) -> dict[str, str]:
    return {"guild": guild, "slug": old, "category": now}


async def _delete_category(connection: AsyncConnection, guild: GuildId, slug: Slug) -> None:
    """Its remaining examples go with it, by their foreign key, and what answered its questions serves no
    longer.
    """
    await connection.execute(
        delete(tables.serving).where(tables.serving.c.guild == guild, tables.serving.c.category == slug)
    )
    await connection.execute(
        delete(tables.categories).where(tables.categories.c.guild == guild, tables.categories.c.slug == slug)
    )


def _tidy(question: str) -> str:
    return " ".join(question.split())


def _tidied(example: Example) -> Example:
    question = _tidy(example.question)
    if not question:
        raise UsageError(f"An example of {example.category} has no question.", "Give it one.")
    return replace(example, question=question)


def _row(guild: GuildId, example: Example) -> dict[str, str | None]:
    return {"guild": guild, "question_key": key_of(example.question)} | asdict(example)


async def _known_examples(
    connection: AsyncConnection, guild: GuildId, questions: Iterable[str]
) -> dict[str, Example]:
    known: dict[str, Example] = {}
    for chunk in _chunks([key_of(question) for question in questions]):
        rows = await connection.execute(
            _EXAMPLES.where(tables.examples.c.guild == guild, tables.examples.c.question_key.in_(chunk))
        )
        known |= {row["question"]: Example(**row) for row in rows.mappings()}
    return known


async def _require_free_uri(connection: AsyncConnection, source: Source) -> None:
    other = await connection.scalar(
        select(tables.sources.c.id).where(
            tables.sources.c.guild == source.guild,
            tables.sources.c.uri_key == key_of(source.uri),
            tables.sources.c.id != source.id,
        )
    )
    if other is not None:
        raise UsageError(f"{source.uri} is known already, as source {other}.", "Replace or remove that one.")


def _source(row: RowMapping) -> Source:
    return Source(**{**row, "kind": SourceKind(row["kind"])})


def _packed(text: str) -> bytes:
    return zlib.compress(text.encode("utf-8", "surrogatepass"))


def _unpacked(compressed: bytes) -> str:
    try:
        return zlib.decompress(compressed).decode("utf-8", "surrogatepass")
    except zlib.error as error:
        raise StoreError("The text of a source is damaged.", "Ingest the source again.") from error


def _chunks(values: Sequence[_T]) -> Iterator[Sequence[_T]]:
    return (values[start : start + _CHUNK] for start in range(0, len(values), _CHUNK))
