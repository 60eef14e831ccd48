"""Whole copies: killed and gone on with, beside a writer, into places that hold something else."""

from __future__ import annotations

import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from agent.catalog.sql import SqlCatalog
from agent.contracts import GuildId, Slug, SourceId
from agent.database import tables
from agent.database.engine import Database
from agent.errors import StoreBusyError, StoreError
from agent.journal.sql import SqlJournal
from agent.knowledge.lance import LanceStore
from agent.moving.copying import Moved, move, open_records
from agent.moving.ends import Ends, Part
from agent.moving.record import open_record
from agent.moving.verify import PASSAGES
from agent.settings import Settings
from tests.agent.database.processes import start
from tests.agent.journal.episodes import an_episode
from tests.agent.knowledge.passages import HOME, NEW_SPEC, SPEC, WORK, a_vector, about, passages_of, put
from tests.agent.moving.house import a_source, ends, furnish, kept, opened, put_source, rows_in, settings_over
from tests.servers.postgres import PostgresServer
from tests.servers.proxy import open_proxy

Said = list[tuple[int, int, str]]


async def moved(what: Ends) -> Moved:
    return await move(what, lambda _done, _total, _what: None)


@pytest.fixture
def other(tmp_path: Path) -> Settings:
    return settings_over(tmp_path / "other")


async def test_a_whole_installation_moves_and_the_old_one_stays(house: Settings, other: Settings) -> None:
    before = await kept(house)
    said: Said = []

    done = await move(ends(house, other), lambda *step: said.append(step))

    assert await kept(other) == before == await kept(house)
    assert done.passages == 8
    assert done.digests["home", "episodes"].rows == 1
    assert done.digests["home", PASSAGES].rows == done.digests["work", PASSAGES].rows == 4
    assert done.digests["home", PASSAGES] != done.digests["work", PASSAGES]
    assert said[-1][0] == said[-1][1]
    assert [step[0] for step in said] == sorted({step[0] for step in said})
    async with opened(other) as (_, store):
        assert (await store.search(about("notes one of home")))[0].passage.text == "notes one of home"
        assert [(each.spec, each.active) for each in await store.versions()] == [(SPEC, True)]


async def test_the_database_moves_to_another_server_and_back(
    databases: tuple[Settings, Settings], tmp_path: Path
) -> None:
    one, two = databases
    await furnish(one)
    await moved(ends(one, two, Part.DATABASE))
    back = settings_over(tmp_path / "back")
    await moved(ends(two, back, Part.DATABASE))

    wanted = await kept(one)
    assert await kept(two) == wanted
    async with opened(back) as (database, _):
        for table in tables.metadata.sorted_tables:
            assert await rows_in(database, table) == wanted[table.name]


async def test_only_the_active_index_moves_and_is_active_there(house: Settings, other: Settings) -> None:
    async with opened(house) as (_, store):
        version = await store.open_index(NEW_SPEC)
        for guild in (HOME, WORK):
            for name in ("notes", "manual"):
                passages = passages_of(SourceId(name), f"{name} new of {guild}", guild=guild)
                await put(store, *passages, version=version.name)
        await store.activate(version.name)
    async with opened(other) as (_, store):
        # What a doctor leaves that looked at the target before.
        await store.open_index(SPEC)

    assert (await moved(ends(house, other))).passages == 4
    async with opened(other) as (_, store):
        found = [(each.spec, each.active, each.passages) for each in await store.versions()]
        assert found == [(SPEC, False, 0), (NEW_SPEC, True, 4)]


async def test_an_installation_without_knowledge_moves(other: Settings, tmp_path: Path) -> None:
    empty = settings_over(tmp_path / "empty")
    async with opened(empty) as (database, _):
        await SqlCatalog(database).create_guild(HOME)
    done = await moved(ends(empty, other))
    assert (done.rows, done.passages, list(done.digests)) == (1, 0, [("", "guilds")])


async def test_passages_of_no_source_stay_behind_and_are_told(house: Settings, other: Settings) -> None:
    async with opened(house) as (_, store):
        await put(store, *passages_of(SourceId("unfinished"), "never recorded"))
    done = await moved(ends(house, other))
    assert (done.left_behind, done.digests["home", PASSAGES].rows) == (1, 4)


_KILLED = """
import asyncio, os, signal, sys
from pathlib import Path
from agent.database.engine import Database
from agent.knowledge.lance import LanceStore
from agent.moving.copying import move
from tests.servers.postgres import PostgresServer
from tests.servers.proxy import open_proxy
from tests.agent.moving.house import ends, settings_over

owner, name = {"store": (LanceStore, "put_source"), "tables": (Database, "write")}[sys.argv[3]]
method, calls, at = getattr(owner, name), 0, int(sys.argv[4])

def killed(*given, **named):
    global calls
    calls += 1
    if calls == at:
        os.kill(os.getpid(), signal.SIGKILL)
    return method(*given, **named)

setattr(owner, name, killed)
one, other = (settings_over(Path(folder)) for folder in sys.argv[1:3])
asyncio.run(move(ends(one, other), lambda done, total, what: None))
"""


@pytest.mark.parametrize(("owner", "at", "left"), [("tables", 3, 4), ("store", 3, 2)])
async def test_a_killed_copy_goes_on_where_it_stopped(
    house: Settings, other: Settings, owner: str, at: int, left: int
) -> None:
    process = start(_KILLED, house.data_dir, other.data_dir, owner, str(at))
    _, errors = process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL, errors

    done = await moved(ends(house, other))

    assert done.passages == 2 * left
    assert (done.rows == 0) == (owner == "store")
    assert await kept(other) == await kept(house)


async def test_a_second_run_brings_only_what_changed(house: Settings, other: Settings) -> None:
    await moved(ends(house, other))
    assert (await moved(ends(house, other))).passages == 0
    async with opened(house) as (database, store):
        await put_source(database, store, a_source("added"), "a new text")
        await put_source(
            database, store, a_source("notes", WORK, content_hash="1"), "notes one of work", "other"
        )
        await store.delete_sources(HOME, [SourceId("manual")])
        await SqlCatalog(database).remove_sources(HOME, [SourceId("manual")])

    done = await moved(ends(house, other))

    assert done.passages == 3
    assert await kept(other) == await kept(house)
    async with opened(other) as (_, store):
        assert await store.count(HOME) == 3


async def test_a_changed_category_moves_with_the_same_vectors(house: Settings, other: Settings) -> None:
    await moved(ends(house, other))
    async with opened(house) as (database, store):
        await store.recategorise(HOME, Slug("pool"), None)
        await SqlCatalog(database).remove_category(HOME, Slug("pool"))
    assert (await moved(ends(house, other))).passages == 4
    assert await kept(other) == await kept(house)


async def test_a_place_that_holds_something_else_is_refused(house: Settings, other: Settings) -> None:
    async with opened(other) as (database, _):
        await SqlCatalog(database).create_guild(HOME)
        await SqlJournal(database).record(an_episode())
    with pytest.raises(StoreError, match="already holds episodes of another installation"):
        await moved(ends(house, other))
    with pytest.raises(StoreError, match="already holds 8 passages"):
        await moved(ends(other, house, Part.KNOWLEDGE))
    async with opened(other) as (database, _):
        assert len(await SqlJournal(database).episodes(HOME)) == 1


async def test_a_target_that_is_used_already_is_never_written_over(house: Settings, other: Settings) -> None:
    await moved(ends(house, other))
    async with opened(other) as (database, _):
        await SqlJournal(database).record(an_episode())
    with pytest.raises(StoreError, match="in use already: its episodes of guild home changed"):
        await moved(ends(house, other))


async def test_passages_that_were_added_to_a_target_are_never_written_over(
    house: Settings, other: Settings
) -> None:
    await moved(ends(house, other))
    async with opened(other) as (_, store):
        await put(store, *passages_of(SourceId("notes"), "another text"))
    with pytest.raises(StoreError, match="in use already: its passages of guild home changed"):
        await moved(ends(house, other))


async def test_one_copy_runs_at_a_time(house: Settings, other: Settings) -> None:
    both = ends(house, other)
    with (
        open_records(both),
        pytest.raises(StoreBusyError, match="running already"),
    ):
        await moved(both)


async def test_what_is_written_meanwhile_arrives_too(house: Settings, other: Settings) -> None:
    wrote = 0

    async def write() -> None:
        async with opened(house) as (database, store):
            await put_source(database, store, a_source(f"late{wrote}"), f"late text {wrote}")
            await SqlJournal(database).record(an_episode())

    method = LanceStore.put_source

    async def put_beside(store: LanceStore, *given: object, **named: object) -> None:
        nonlocal wrote
        await method(store, *given, **named)  # type: ignore[arg-type]
        if wrote < 2 and store._folder.is_relative_to(other.data_dir):
            wrote += 1
            await write()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(LanceStore, "put_source", put_beside)
        done = await moved(ends(house, other))

    assert wrote == 2
    assert done.passages == 10
    assert await kept(other) == await kept(house)


async def test_a_source_that_never_rests_is_told_so(
    house: Settings, other: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    method = SqlCatalog.guilds

    async def restless(catalog: SqlCatalog) -> tuple[GuildId, ...]:
        async with opened(house) as (database, _):
            await SqlJournal(database).record(an_episode())
        return await method(catalog)

    monkeypatch.setattr(SqlCatalog, "guilds", restless)
    with pytest.raises(StoreBusyError, match="changes faster than it is copied") as raised:
        await moved(ends(house, other))
    assert "only the difference is copied" in raised.value.hint
    monkeypatch.undo()
    assert (await moved(ends(house, other))).rows == 2
    assert await kept(other) == await kept(house)


async def test_a_row_that_the_target_did_not_keep_is_named(house: Settings, other: Settings) -> None:
    async with opened(other) as (database, _), database.write() as connection:
        await connection.exec_driver_sql(
            "CREATE TRIGGER cut AFTER INSERT ON sources BEGIN "
            "UPDATE sources SET title = 'cut' WHERE id = NEW.id AND guild = 'work'; END"
        )
    with pytest.raises(StoreError, match=r"sources of guild work differ: .* holds 2 rows with checksum"):
        await moved(ends(house, other))


async def test_a_passage_that_the_target_did_not_keep_is_named(
    house: Settings, other: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    method = LanceStore.put_source

    async def losing(store, guild, source, passages, vectors, *, version=None):  # type: ignore[no-untyped-def]
        if source == "manual":
            vectors = {identity: a_vector("another") for identity in vectors}
        await method(store, guild, source, passages, vectors, version=version)

    monkeypatch.setattr(LanceStore, "put_source", losing)
    with pytest.raises(StoreError, match="The passages of Manual of guild home differ"):
        await moved(ends(house, other))


async def test_a_record_survives_a_line_that_was_cut_short(tmp_path: Path) -> None:
    with open_record(tmp_path, "here", "there") as record:
        record.begin()
        record.add_source((HOME, SourceId("one")))
        with (record.folder / "sources.jsonl").open("a") as file:
            file.write('\n["home", "tw')
    with open_record(tmp_path, "here", "there") as record:
        record.add_source((WORK, SourceId("three\u2028\n")))
        assert record.sources() == {(HOME, "one"), (WORK, "three\u2028\n")}
        (record.folder / "record.json").write_text("{")
        with pytest.raises(StoreError, match="cannot be read"):
            record.finished()


async def test_a_server_that_goes_away_in_the_middle_is_gone_on_with(
    house: Settings, postgres_server: PostgresServer, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    method, calls = Database.write, 0
    async with open_proxy("127.0.0.1", postgres_server.port) as proxy:
        served = settings_over(
            house.data_dir, database_url=postgres_url.replace(f":{postgres_server.port}/", f":{proxy.port}/")
        )

        @asynccontextmanager
        async def cut(database: Database) -> AsyncIterator[AsyncConnection]:
            nonlocal calls
            async with method(database) as connection:
                calls += 1
                if calls == 4:
                    await proxy.cut()
                yield connection

        monkeypatch.setattr(Database, "write", cut)
        with pytest.raises(StoreBusyError, match=r"connection .* lost"):
            await moved(ends(house, served, Part.DATABASE))
        monkeypatch.undo()
        done = await moved(ends(house, served, Part.DATABASE))
        assert 0 < done.rows < sum(digest.rows for digest in done.digests.values())
        assert await kept(served) == await kept(house)
