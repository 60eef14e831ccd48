"""Every table moves between real SQLite and real PostgreSQL, also those that are added later."""

from __future__ import annotations

import tracemalloc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKeyConstraint,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    delete,
    insert,
    update,
)

from agent.catalog.sql import SqlCatalog
from agent.contracts import Category, FeedbackKind, Slug
from agent.database import tables
from agent.database.engine import Database, open_database
from agent.database.tables import Document, Moment
from agent.errors import StoreError, UsageError
from agent.journal.sql import SqlJournal
from agent.moving.tables import TableCopy, _order, table_copy
from tests.agent.journal.episodes import an_episode, an_event
from tests.agent.knowledge.passages import HOME
from tests.agent.moving.house import NOW, a_source, fill_every_table, rows_in

Pair = tuple[Database, Database]


def nothing(_steps: int, _what: str) -> None:
    pass


async def bring(source: Database, target: Database, metadata: MetaData = tables.metadata) -> TableCopy:
    """Copy, and check that both sides add up to the same."""
    copy = await table_copy(target, metadata)
    async with source.read() as snapshot:
        wanted = await copy.bring(snapshot, nothing)
    async with target.read() as connection:
        assert await copy.add_up(connection, nothing) == wanted
    return copy


@asynccontextmanager
async def both_open(one: str, other: str) -> AsyncIterator[Pair]:
    source, target = await open_database(one), await open_database(other)
    try:
        yield source, target
    finally:
        await source.close()
        await target.close()


@pytest.fixture(params=["sqlite-postgresql", "postgresql-sqlite"])
async def pair(request: pytest.FixtureRequest, tmp_path: Path, postgres_url: str) -> AsyncIterator[Pair]:
    addresses = [str(tmp_path / "lorekeeper.db"), postgres_url]
    if request.param == "postgresql-sqlite":
        addresses.reverse()
    async with both_open(*addresses) as opened:
        yield opened


@pytest.fixture
async def to_postgres(tmp_path: Path, postgres_url: str) -> AsyncIterator[Pair]:
    async with both_open(str(tmp_path / "lorekeeper.db"), postgres_url) as opened:
        yield opened


async def test_every_table_moves(pair: Pair) -> None:
    source, target = pair
    await fill_every_table(source, tables.metadata)

    copy = await bring(source, target)

    assert copy.changed == 3 * len(tables.metadata.tables)
    for table in tables.metadata.sorted_tables:
        wanted = await rows_in(source, table)
        assert len(wanted) == 3, table.name
        assert await rows_in(target, table) == wanted, table.name
    assert (await bring(source, target)).changed == 0


LATER = MetaData()
Table("recipes", LATER, Column("name", Text, primary_key=True), Column("body", Document, nullable=False))
Table(
    "added_later",
    LATER,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("recipe", Text),
    Column("weights", LargeBinary),
    Column("made", Moment),
    ForeignKeyConstraint(["recipe"], ["recipes.name"]),
)
Table("marks", LATER, Column("guild", Text, primary_key=True), Column("at", Moment, primary_key=True))


async def test_tables_that_are_added_later_move_too(pair: Pair) -> None:
    for database in pair:
        async with database.write() as connection:
            await connection.run_sync(LATER.create_all)
    await fill_every_table(pair[0], LATER)

    await bring(*pair, LATER)

    for table in LATER.sorted_tables:
        assert await rows_in(pair[1], table) == await rows_in(pair[0], table) != []


FAMILY = MetaData()
_FAMILY_TABLE = Table(
    "family",
    FAMILY,
    Column("number", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("parent", BigInteger),
    ForeignKeyConstraint(["parent"], ["family.number"]),
)


async def test_rows_may_refer_to_later_rows_of_their_own_table(pair: Pair) -> None:
    """As adapters do to their ancestors; and a number that the database counts goes on after the move."""
    for database in pair:
        async with database.write() as connection:
            await connection.run_sync(FAMILY.create_all)
    async with pair[0].write() as connection:
        for number in (300, 200, 100, 1):
            parent = {300: None, 200: 300, 100: 200, 1: 100}[number]
            await connection.execute(insert(_FAMILY_TABLE), {"number": number, "parent": parent})

    await bring(*pair, FAMILY)

    assert await rows_in(pair[1], _FAMILY_TABLE) == await rows_in(pair[0], _FAMILY_TABLE)
    async with pair[1].write() as connection:
        made = await connection.execute(insert(_FAMILY_TABLE), {"parent": 300})
        assert made.inserted_primary_key is not None
        assert made.inserted_primary_key[0] == 301


async def test_only_what_changed_is_written_again(pair: Pair) -> None:
    source, target = pair
    await fill_every_table(source, tables.metadata, count=40)
    await bring(source, target)
    async with source.write() as connection:
        await connection.execute(delete(tables.feedback).where(tables.feedback.c.guild == "é1"))
        await connection.execute(delete(tables.episodes).where(tables.episodes.c.guild == "é1"))
        await connection.execute(
            update(tables.categories).where(tables.categories.c.guild == "é2").values(slug="new")
        )
        await connection.execute(update(tables.guilds).where(tables.guilds.c.id == "é3").values(revision=99))
    await SqlCatalog(source).drop_guild(type(HOME)("é4"))

    copy = await bring(source, target)

    # An episode with its feedback go; a category with its example and source change names, which is one more
    # row each for category and example; a guild; and a guild with what hangs on it.
    assert copy.changed < 15 + sum("guild" in table.c for table in tables.metadata.sorted_tables)
    for table in tables.metadata.sorted_tables:
        assert await rows_in(target, table) == await rows_in(source, table)


async def test_an_episode_that_was_redacted_since_is_copied_again(pair: Pair) -> None:
    source, target = pair
    journal = SqlJournal(source)
    episodes = [an_episode(), an_episode()]
    for episode in episodes:
        await journal.record(episode)
        await journal.add_feedback(an_event(episode, FeedbackKind.VOTE, {"vote": 1}))
    await bring(source, target)
    less = replace(episodes[0], answer=None)
    await journal.redact(less)

    await bring(source, target)

    assert await SqlJournal(target).episodes(HOME) == (less, episodes[1])
    assert len(await SqlJournal(target).feedback(HOME)) == 2


async def test_a_value_that_must_be_unique_may_pass_from_one_row_to_another(pair: Pair) -> None:
    source, target = pair
    catalog = SqlCatalog(source)
    await catalog.create_guild(HOME)
    await catalog.put_source(a_source("old", uri="/a.md"), "old")
    await bring(source, target)
    await catalog.remove_sources(HOME, [a_source("old").id])
    await catalog.put_source(a_source("a-new", uri="/a.md"), "new")

    await bring(source, target)

    assert await SqlCatalog(target).sources(HOME) == await catalog.sources(HOME)
    assert await SqlCatalog(target).source_text(HOME, a_source("a-new").id) == "new"


async def test_two_rows_may_swap_a_value_that_must_be_unique(pair: Pair) -> None:
    source, target = pair
    catalog = SqlCatalog(source)
    await catalog.create_guild(HOME)
    for name, uri in (("a", "/1"), ("b", "/2")):
        await catalog.put_source(a_source(name, uri=uri), name)
    await bring(source, target)
    for name, uri in (("a", "/3"), ("b", "/1"), ("a", "/2")):
        await catalog.put_source(a_source(name, uri=uri), name)

    await bring(source, target)

    assert await SqlCatalog(target).sources(HOME) == await catalog.sources(HOME)
    assert await SqlCatalog(target).source_text(HOME, a_source("b").id) == "b"


async def test_text_is_sorted_by_code_point(pair: Pair) -> None:
    names = ["a", "B", "c", "ñ", "n", "Z", "_", "z z", "\U0001f3ca", "\uffff", "é", "e"]
    for name in names:
        await SqlCatalog(pair[0]).create_guild(type(HOME)(name))
    assert (await bring(*pair)).changed == len(names)
    assert (await bring(*pair)).changed == 0
    for database in pair:
        async with database.read() as connection:
            keys = [line.key async for line in (await table_copy(database))._lines(connection, tables.guilds)]
            # The servers of tests know no locale but C: only the statement tells.
            if connection.dialect.name == "postgresql":
                assert 'COLLATE "C"' in str(_order(connection, tables.guilds)[0].compile())
        assert keys == [(name,) for name in sorted(names)]


async def test_nul_is_replaced_and_told_where_postgresql_refuses_it(to_postgres: Pair) -> None:
    source, target = to_postgres
    catalog = SqlCatalog(source)
    await catalog.create_guild(HOME)
    await catalog.put_category(HOME, Category(slug=Slug("pool"), name="Po\x00ol", description="\x00"))
    await catalog.put_source(a_source("notes", title="Notes\x00"), "text \x00 with it")
    episode = an_episode(question="NUL \x00 and lone \ud800")
    await SqlJournal(source).record(episode)

    copy = await bring(source, target)

    assert copy.replaced == {
        "categories 'home'/'pool', name",
        "categories 'home'/'pool', description",
        "sources 'home'/'notes', title",
    }
    (category,) = await SqlCatalog(target).categories(HOME)
    assert (category.name, category.description) == ("Po\ufffdol", "\ufffd")
    assert await SqlCatalog(target).source_text(HOME, a_source("notes").id) == "text \x00 with it"
    assert await SqlJournal(target).episode(HOME, episode.id) == episode
    assert (await bring(source, target)).changed == 0


async def test_nul_in_a_name_that_others_refer_to_is_refused_by_row(to_postgres: Pair) -> None:
    source, target = to_postgres
    await SqlCatalog(source).create_guild(type(HOME)("ho\x00me"))
    with pytest.raises(StoreError, match=r"NUL character in guilds 'ho\\x00me', id"):
        await bring(source, target)


async def test_what_the_target_refuses_is_named(to_postgres: Pair) -> None:
    source, target = to_postgres
    # Longer than an entry of an index in PostgreSQL, and not to be compressed.
    long = "".join(chr(0x4E00 + (n * n * 7919) % 20000) for n in range(3000))
    for name in ("before", long, "the-last"):
        await SqlCatalog(source).create_guild(type(HOME)(name))
    with pytest.raises(StoreError, match=rf"refuses guilds '{long[:20]}"):
        await bring(source, target)


async def test_sqlite_takes_no_lone_surrogate_that_could_not_move(tmp_path: Path) -> None:
    database = await open_database(tmp_path / "lorekeeper.db")
    with pytest.raises(UsageError, match="cannot be stored"):
        await SqlCatalog(database).create_guild(type(HOME)("\ud800"))
    await database.close()


async def test_memory_does_not_grow_with_the_table(tmp_path: Path) -> None:
    async with both_open(str(tmp_path / "one.db"), str(tmp_path / "two.db")) as (source, target):
        body = {"text": "x" * 4000}
        async with source.write() as connection:
            rows = [
                {"guild": "home", "id": f"{n:05}", "member": "ana", "asked_at": NOW, "intent": "ask",
                 "error_id": "", "body": body, "position": n}
                for n in range(4000)
            ]  # fmt: skip
            await connection.execute(insert(tables.episodes), rows)
        del rows
        tracemalloc.start()
        await bring(source, target)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert peak < 8e6 < 4000 * 4000
