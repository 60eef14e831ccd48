"""A backup is a whole installation; it is restored only where nothing is, and only when it is whole."""

from __future__ import annotations

import asyncio
import json
import signal
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from agent.catalog.sql import SqlCatalog
from agent.contracts import GuildId, SourceId
from agent.errors import StoreError, UsageError
from agent.journal.sql import SqlJournal
from agent.knowledge.lance import LanceStore
from agent.moving.backup import MANIFEST, Manifest, backup, read_manifest, restore
from agent.moving.copying import Moved
from agent.moving.knowledge import KnowledgeCopy
from agent.serving.served import adapter_file
from agent.settings import Settings
from tests.agent.database.processes import start
from tests.agent.journal.episodes import an_episode
from tests.agent.knowledge.passages import HOME, NOTES, SPEC, WORK, passages_of, put
from tests.agent.moving.house import a_source, furnish, kept, opened, put_source, settings_over

USE = "models/use.json"


def nothing(_done: int, _total: int, _what: str) -> None:
    pass


async def saved(settings: Settings, folder: Path) -> Manifest:
    return await backup(settings, folder, nothing)


async def restored(folder: Path, settings: Settings) -> Moved:
    return await restore(folder, settings, nothing)


def contents(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def house(house: Settings) -> Settings:
    """With models too."""
    (house.data_dir / "models").mkdir()
    (house.data_dir / USE).write_text('{"chat_model": "smollm2-135m"}')
    (house.data_dir / "models" / "large.gguf").write_bytes(b"weights")
    return house


@pytest.fixture
async def saved_house(house: Settings, tmp_path: Path) -> Path:
    await saved(house, tmp_path / "backup")
    return tmp_path / "backup"


@pytest.fixture
def fresh(tmp_path: Path) -> Settings:
    return settings_over(tmp_path / "fresh")


async def test_a_backup_is_itself_an_installation(house: Settings, tmp_path: Path) -> None:
    folder = tmp_path / "backup"
    manifest = await saved(house, folder)

    assert {path.name for path in folder.iterdir()} == {"lorekeeper.db", "knowledge", "models", MANIFEST}
    assert [path.name for path in (folder / "models").iterdir()] == ["use.json"]
    assert await kept(settings_over(folder)) == await kept(house)
    assert read_manifest(folder) == manifest
    assert manifest.index == SPEC
    assert {(part.guild, part.table): part.rows for part in manifest.parts}["home", "passages"] == 4


async def test_what_was_saved_comes_back(house: Settings, saved_house: Path, fresh: Settings) -> None:
    before = contents(saved_house)
    await restored(saved_house, fresh)

    assert await kept(fresh) == await kept(house)
    assert (fresh.data_dir / USE).read_bytes() == (house.data_dir / USE).read_bytes()
    assert {path.name for path in fresh.data_dir.iterdir()} == {"lorekeeper.db", "knowledge", "models"}
    assert contents(saved_house) == before


async def test_adapters_and_their_reports_come_along_and_a_damaged_one_is_named(
    house: Settings, fresh: Settings, tmp_path: Path
) -> None:
    served = adapter_file("0" * 64)
    (house.data_dir / served).parent.mkdir()
    (house.data_dir / served).write_bytes(b"adapter")
    (house.data_dir / served).with_suffix(".part").write_bytes(b"half of another")
    report, run = "tuning/home/reports/a1.json", "tuning/home/runs/r1/train.jsonl"
    for name in (report, run):
        (house.data_dir / name).parent.mkdir(parents=True)
        (house.data_dir / name).write_bytes(b"{}")
    manifest = await saved(house, tmp_path / "backup")
    await restored(tmp_path / "backup", fresh)

    assert set(manifest.files) == {USE, served, report}
    assert (fresh.data_dir / report).read_bytes() == b"{}"
    assert not (fresh.data_dir / run).exists()
    assert contents(fresh.data_dir / "adapters") == {fresh.data_dir / served: b"adapter"}

    (tmp_path / "backup" / served).write_bytes(b"adaptor")
    with pytest.raises(StoreError, match=r"0\.gguf is damaged or missing"):
        await restored(tmp_path / "backup", settings_over(tmp_path / "other"))


async def test_a_backup_of_postgresql_comes_back_in_sqlite_and_the_other_way(
    databases: tuple[Settings, Settings], tmp_path: Path
) -> None:
    source, _ = databases
    await furnish(source)
    await saved(source, tmp_path / "backup")
    target = databases[1].model_copy(update={"data_dir": tmp_path / "fresh"})
    await restored(tmp_path / "backup", target)
    assert await kept(target) == await kept(source)


async def test_a_backup_may_be_made_while_the_bot_runs(house: Settings, tmp_path: Path) -> None:
    done = asyncio.Event()

    async def busy() -> int:
        wrote = 0
        async with opened(house) as (database, store):
            journal = SqlJournal(database)
            while not done.is_set():
                await journal.record(an_episode())
                if wrote < 3:
                    await put_source(database, store, a_source(f"late{wrote}"), f"late {wrote}")
                wrote += 1
        return wrote

    async def save() -> Manifest:
        try:
            return await saved(house, tmp_path / "backup")
        finally:
            done.set()

    wrote, manifest = await asyncio.gather(busy(), save())

    assert wrote > 3
    await restored(tmp_path / "backup", settings_over(tmp_path / "fresh"))
    async with opened(settings_over(tmp_path / "fresh")) as (database, store):
        sources = await SqlCatalog(database).sources(HOME)
        assert len(sources) >= 2
        for source in sources:
            text = await SqlCatalog(database).source_text(HOME, source.id)
            assert "\n".join(each.text for each in await store.passages_of(HOME, source.id)) == text
        stored = {part.table: part.rows for part in manifest.parts if part.guild == HOME}
        assert len(await SqlJournal(database).episodes(HOME, limit=10_000)) == stored["episodes"]


async def test_a_backup_of_what_changes_all_the_time_is_one_state(
    house: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each time a source is copied, another one is added, and at first the copied one changes too."""
    method, seen = LanceStore.put_source, list[str]()

    async def put_beside(
        store: LanceStore, guild: GuildId, source: SourceId, *given: Any, **named: Any
    ) -> None:
        await method(store, guild, source, *given, **named)
        if store._folder.is_relative_to(tmp_path / "backup"):
            seen.append(source)
            async with opened(house) as (database, living):
                await put_source(database, living, a_source(f"new{len(seen)}"), "new")
                if source == "notes" and seen.count("notes") == 1:
                    changed = a_source("notes", guild, content_hash="1")
                    await put_source(database, living, changed, "changed in between")

    monkeypatch.setattr(LanceStore, "put_source", put_beside)
    await saved(house, tmp_path / "backup")

    async with opened(settings_over(tmp_path / "backup")) as (database, store):
        sources = await SqlCatalog(database).sources(HOME)
        for source in sources:
            text = await SqlCatalog(database).source_text(HOME, source.id)
            assert "\n".join(each.text for each in await store.passages_of(HOME, source.id)) == text
    async with opened(house) as (database, _):
        assert len(await SqlCatalog(database).sources(HOME)) > len(sources)


async def test_a_backup_holds_nothing_that_was_forgotten_meanwhile(
    house: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    method = KnowledgeCopy.bring
    calls = 0

    async def bring(copy: KnowledgeCopy, *given: Any) -> None:
        nonlocal calls
        calls += 1
        await method(copy, *given)
        if calls == 1:
            async with opened(house) as (database, store):
                await store.delete_sources(HOME, [NOTES])
                await SqlCatalog(database).remove_sources(HOME, [NOTES])
                await SqlCatalog(database).drop_guild(WORK)
                await store.drop_guild(WORK)

    monkeypatch.setattr(KnowledgeCopy, "bring", bring)
    manifest = await saved(house, tmp_path / "backup")

    assert calls == 2
    assert await kept(settings_over(tmp_path / "backup")) == await kept(house)
    assert {part.guild: part.rows for part in manifest.parts if part.table == "passages"} == {"home": 2}
    async with opened(settings_over(tmp_path / "backup")) as (_, store):
        assert (await store.count(HOME), await store.count(WORK)) == (2, 0)


async def test_only_an_empty_folder_is_saved_into(house: Settings, saved_house: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="holds a backup already"):
        await saved(house, saved_house)
    with pytest.raises(UsageError, match="is the data folder itself"):
        await saved(house, house.data_dir)
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot be used: Not a directory"):
        await saved(house, tmp_path / "file")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("Dear")
    with pytest.raises(UsageError, match="is not empty"):
        await saved(house, tmp_path / "mine")
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["letter.txt"]


_KILLED = """
import asyncio, os, signal, sys
from pathlib import Path
from agent.knowledge.lance import LanceStore
from agent.moving.backup import backup, restore
from tests.agent.moving.house import settings_over

method, calls = LanceStore.put_source, 0

def killed(*given, **named):
    global calls
    calls += 1
    if calls == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return method(*given, **named)

LanceStore.put_source = killed
what, folder, data = sys.argv[1], Path(sys.argv[2]), settings_over(Path(sys.argv[3]))
show = lambda done, total, what: None
asyncio.run(backup(data, folder, show) if what == "backup" else restore(folder, data, show))
"""


def kill_during(what: str, folder: Path, settings: Settings) -> None:
    process = start(_KILLED, what, folder, settings.data_dir)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL, errors


async def test_a_killed_backup_is_none_until_it_is_finished(
    house: Settings, fresh: Settings, tmp_path: Path
) -> None:
    folder = tmp_path / "backup"
    kill_during("backup", folder, house)
    with pytest.raises(UsageError, match="There is no backup in") as raised:
        await restored(folder, fresh)
    assert f"`lorekeeper backup {folder}` finishes" in raised.value.hint

    await saved(house, folder)
    assert await kept(settings_over(folder)) == await kept(house)
    assert not (folder / "moves").exists()


async def test_a_killed_restore_goes_on(house: Settings, saved_house: Path, fresh: Settings) -> None:
    kill_during("restore", saved_house, fresh)
    assert (await restored(saved_house, fresh)).passages == 4
    assert await kept(fresh) == await kept(house)
    assert not (fresh.data_dir / "moves").exists()


async def test_nothing_is_written_over(saved_house: Path, house: Settings, fresh: Settings) -> None:
    await restored(saved_house, fresh)
    before = await kept(fresh)
    with pytest.raises(StoreError, match="already holds"):
        await restored(saved_house, fresh)
    assert await kept(fresh) == before

    (fresh.data_dir / USE).write_text("{}")
    with pytest.raises(StoreError, match="is there already, with another content"):
        await restored(saved_house, fresh)


async def damage_database(folder: Path) -> None:
    with closing(sqlite3.connect(folder / "lorekeeper.db")) as connection, connection:
        connection.execute("UPDATE sources SET title = 'another' WHERE guild = 'work' AND id = 'notes'")


async def damage_knowledge(folder: Path) -> None:
    async with opened(settings_over(folder)) as (_, store):
        await put(store, *passages_of(NOTES, "another text"))


async def lose_database(folder: Path) -> None:
    (folder / "lorekeeper.db").unlink()


async def damage_file(folder: Path) -> None:
    (folder / USE).write_text("{}")


async def damage_manifest(folder: Path) -> None:
    text = (folder / MANIFEST).read_text()
    (folder / MANIFEST).write_text(text[: len(text) // 2])


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (damage_database, "sources of guild work differ: the manifest holds 2 rows"),
        (damage_knowledge, "passages of guild home differ"),
        (lose_database, "lorekeeper.db is missing"),
        (damage_file, "use.json is damaged or missing"),
        (damage_manifest, "manifest.json is damaged"),
    ],
)
async def test_a_damaged_backup_is_not_restored(
    damage: object, said: str, saved_house: Path, fresh: Settings
) -> None:
    await damage(saved_house)  # type: ignore[operator]
    with pytest.raises(StoreError, match=said):
        await restored(saved_house, fresh)
    async with opened(fresh) as (database, store):
        assert await SqlCatalog(database).guilds() == ()
        assert await store.versions() == ()


async def test_a_backup_of_an_older_version_is_counted(saved_house: Path, fresh: Settings) -> None:
    """Its tables change when they are brought up to date, so their checksums say nothing any longer."""
    text = (saved_house / MANIFEST).read_text()
    manifest = json.loads(text)
    manifest["tables"] = "0000"
    for part in manifest["parts"]:
        part["sha256"] = part["sha256"] if part["table"] == "passages" else "0" * 64
    (saved_house / MANIFEST).write_text(json.dumps(manifest))
    await restored(saved_house, fresh)

    manifest["parts"][0]["rows"] += 1
    (saved_house / MANIFEST).write_text(json.dumps(manifest))
    with pytest.raises(StoreError, match="differ"):
        await restored(saved_house, settings_over(fresh.data_dir.parent / "another"))
