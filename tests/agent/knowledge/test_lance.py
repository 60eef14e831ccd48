"""What is special to the embedded store: processes that share a folder, kill -9, full and broken disks."""

import asyncio
import json
import random
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from filelock import FileLock

from agent.contracts import MemberId, Slug, SourceId
from agent.errors import StoreBusyError, StoreError
from agent.knowledge.lance import LanceStore, open_store
from tests.agent.database.disks import remount, small_disk
from tests.agent.database.processes import finish, start
from tests.agent.knowledge.passages import (
    HOME,
    MANUAL,
    NEW_SPEC,
    NOTES,
    PUMP,
    SPEC,
    WORK,
    about,
    ids,
    passages_of,
    put,
)

_REPLACE_FOR_EVER = """
import asyncio, itertools, sys
from pathlib import Path
from agent.knowledge.lance import open_store
from tests.agent.knowledge.passages import NOTES, SPEC, passages_of, put

async def main(folder: str, first: int) -> None:
    store = await open_store(Path(folder))
    await store.open_index(SPEC)
    print("ready", flush=True)
    for number in itertools.count(first):
        texts = (f"gen{number} pump {place}" for place in range(20 + number % 7))
        await put(store, *passages_of(NOTES, *texts))
        print(number, flush=True)

asyncio.run(main(sys.argv[1], int(sys.argv[2])))
"""

_PUT_SOURCES = """
import asyncio, sys
from pathlib import Path
from agent.contracts import SourceId
from agent.knowledge.lance import open_store
from tests.agent.knowledge.passages import SPEC, passages_of, put

async def main(folder: str, name: str, count: int) -> None:
    store = await open_store(Path(folder))
    await store.open_index(SPEC)
    for number in range(count):
        await put(store, *passages_of(SourceId(f"{name}{number}"), f"pump {number}", "a roof"))

asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
"""

_FLIP = """
import asyncio, sys
from pathlib import Path
from agent.knowledge.lance import open_store

async def main(folder: str) -> None:
    await (await open_store(Path(folder))).activate("v2")

asyncio.run(main(sys.argv[1]))
"""

_PUT_UNTIL_REFUSED = """
import asyncio, json, sys
from dataclasses import replace
from pathlib import Path
from agent.contracts import SourceId
from agent.errors import DiskFullError
from agent.knowledge.lance import open_store
from tests.agent.knowledge.passages import HOME, SPEC, about, passages_of, put

async def main(folder: str) -> None:
    store = await open_store(Path(folder))
    await store.open_index(SPEC)
    sources = 0
    try:
        while sources < 200:
            texts = (f"pump {place} " * 4000 for place in range(20))
            await put(store, *passages_of(SourceId(f"s{sources}"), *texts))
            sources += 1
    except DiskFullError as error:
        report = {"message": str(error), "hint": error.hint, "sources": sources}
        report["count"] = await store.count(HOME)
        report["found"] = len(await store.search(replace(about("pump"), limit=20)))
        report["deleted"] = await store.delete_sources(HOME, [SourceId("s0")])
        print(json.dumps(report))

asyncio.run(main(sys.argv[1]))
"""


@pytest.fixture
async def store(tmp_path: Path) -> LanceStore:
    store = await open_store(tmp_path / "knowledge")
    await store.open_index(SPEC)
    return store


def test_importing_the_store_does_not_import_its_engine() -> None:
    """The engine takes over a second; the chat's prompt must not wait for it."""
    code = "import sys, agent.knowledge.lance; print([m for m in ('lancedb', 'pyarrow') if m in sys.modules])"
    assert finish(start(code)).strip() == "[]"


async def test_everything_is_there_after_a_restart(store: LanceStore, tmp_path: Path) -> None:
    await put(store, PUMP)
    await store.open_index(NEW_SPEC)
    await store.activate("v2")
    await store.close()

    again = await open_store(tmp_path / "knowledge")
    assert [(one.name, one.active, one.passages) for one in await again.versions()] == [
        ("v1", False, 1),
        ("v2", True, 0),
    ]
    assert ids(await again.search(about("pump"), version="v1")) == ["p1"]


async def test_a_killed_writer_leaves_the_old_source_or_the_new_one(tmp_path: Path) -> None:
    """kill -9 at any moment: nothing acknowledged is lost, no half source, and the next writer goes on."""
    folder, moments, done = tmp_path / "knowledge", random.Random(7), -1
    for _ in range(6):
        writer = start(_REPLACE_FOR_EVER, folder, str(done + 1))
        assert writer.stdout is not None
        assert writer.stdout.readline() == "ready\n"
        await asyncio.sleep(moments.uniform(0.0, 0.4))
        writer.kill()
        acknowledged = [int(line) for line in writer.communicate()[0].split()]

        store = await open_store(folder, lock_seconds=1)
        stored = await store.passages_of(HOME, NOTES)
        generations = {int(one.text.split()[0].removeprefix("gen")) for one in stored}
        last = max([done, *acknowledged])
        assert generations <= {last, last + 1}
        assert len(generations) == (1 if stored else 0)
        done = max([last, *generations])
        assert len(stored) == (20 + done % 7 if done >= 0 else 0)
        assert sorted(ids(await store.search(about("pump")))) == sorted(ids(stored))
        await put(store, *passages_of(SourceId("after"), "pump"))
        await store.optimize()
        assert await store.count(HOME) == len(stored) + 1
        await store.delete_sources(HOME, [SourceId("after")])
        await store.close()
    assert done > 0


async def test_two_processes_that_write_at_once_lose_nothing(store: LanceStore, tmp_path: Path) -> None:
    writers = [start(_PUT_SOURCES, tmp_path / "knowledge", name, "25") for name in ("a", "b")]
    for number in range(10):
        await put(store, *passages_of(SourceId(f"c{number}"), "pump", "roof"))
    for writer in writers:
        finish(writer)

    assert await store.count(HOME) == 2 * (25 + 25 + 10)
    assert (await store.search(about("pump 24"))) != ()


async def test_another_process_flips_the_version_for_the_next_search(
    store: LanceStore, tmp_path: Path
) -> None:
    await store.open_index(NEW_SPEC)
    await put(store, PUMP)
    await put(store, replace(PUMP, text="The new pump."), version="v2")
    assert [item.passage.text for item in await store.search(about("pump"))] == [PUMP.text]

    finish(start(_FLIP, tmp_path / "knowledge"))
    assert [item.passage.text for item in await store.search(about("pump"))] == ["The new pump."]


async def test_a_writer_that_waits_too_long_says_so_and_readers_never_wait(tmp_path: Path) -> None:
    store = await open_store(tmp_path, lock_seconds=0.1)
    await store.open_index(SPEC)
    await put(store, PUMP)
    with FileLock(tmp_path / "write.lock"):
        with pytest.raises(StoreBusyError, match="Another process") as caught:
            await store.delete_sources(HOME, [NOTES])
        assert caught.value.transient
        assert ids(await store.search(about("pump"))) == ["p1"]
    assert await store.delete_sources(HOME, [NOTES]) == 1


def test_a_full_disk_is_named_loses_nothing_and_can_be_cleared(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "90m") as disk:
        report = json.loads(finish(start(_PUT_UNTIL_REFUSED, disk / "knowledge")))
        assert report["message"].startswith("No space left")
        assert "nothing that was stored is lost" in report["hint"]
        assert report["sources"] > 0
        assert report["count"] == 20 * report["sources"]
        assert report["found"] == 20
        assert report["deleted"] == 20

        remount(disk, "size=400m")
        finish(start(_PUT_SOURCES, disk / "knowledge", "more", "3"))


def _cut_table_manifests(folder: Path) -> None:
    for file in folder.glob("tables/*.lance/_versions/*"):
        file.write_bytes(file.read_bytes()[:10])


def _scramble_data(folder: Path) -> None:
    for file in folder.glob("tables/*.lance/data/*"):
        file.write_bytes(bytes(reversed(file.read_bytes())))


def _lose_data(folder: Path) -> None:
    for data in folder.glob("tables/*.lance/data"):
        shutil.rmtree(data)


def _lose_table_manifests(folder: Path) -> None:
    for versions in folder.glob("tables/*.lance/_versions"):
        shutil.rmtree(versions)


def _scramble_list(folder: Path) -> None:
    (folder / "versions.json").write_bytes(b"\xff{")


def _forget_format(folder: Path) -> None:
    (folder / "versions.json").write_text("[1]")


def _lose_active(folder: Path) -> None:
    data = json.loads((folder / "versions.json").read_text())
    (folder / "versions.json").write_text(json.dumps({**data, "versions": {}}))


def _write_as_the_future_would(folder: Path) -> None:
    (folder / "versions.json").write_text(json.dumps({"format": 99}))


@pytest.mark.parametrize(
    "damage",
    [
        _cut_table_manifests,
        _scramble_data,
        _lose_data,
        _lose_table_manifests,
        _scramble_list,
        _forget_format,
        _lose_active,
        _write_as_the_future_would,
    ],
)
async def test_a_damaged_folder_is_one_clear_error(
    store: LanceStore, tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    await put(store, PUMP)
    await store.close()
    damage(tmp_path / "knowledge")

    damaged = await open_store(tmp_path / "knowledge")
    for call in (damaged.passages_of(HOME, NOTES), damaged.search(replace(about("pump"), vector=None))):
        with pytest.raises(StoreError) as caught:
            await call
        assert "\n" not in str(caught.value)
        assert str(tmp_path) in str(caught.value)
        assert caught.value.hint


async def test_a_file_in_place_of_the_folder_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "knowledge").write_text("not a folder")
    with pytest.raises(StoreError, match="knowledge"):
        await open_store(tmp_path / "knowledge")


async def test_many_small_writes_stay_few_files(store: LanceStore) -> None:
    for number in range(100):
        await put(store, *passages_of(SourceId(f"s{number}"), f"pump {number}"))
    table = await store._tables.open("v1", HOME)
    assert table is not None
    assert (await table.stats())["fragment_stats"]["num_fragments"] <= 41
    assert len(await store.search(about("pump"))) == 50


async def test_many_fresh_passages_are_folded_into_the_indexes(store: LanceStore) -> None:
    texts = [f"pump {number}" for number in range(600)]
    await put(store, *passages_of(NOTES, *texts))
    await put(store, *passages_of(SourceId("next"), "pump"))
    table = await store._tables.open("v1", HOME)
    assert table is not None
    assert (await table.index_stats("searched_idx")).num_unindexed_rows == 1


async def test_leftovers_of_a_killed_process_are_swept(store: LanceStore, tmp_path: Path) -> None:
    await put(store, PUMP)
    tables = tmp_path / "knowledge" / "tables"
    before = {path.name for path in tables.glob("*.lance")}
    for leftover in ("unborn-1.lance", "v7-00ff.lance", "trash/00ff"):
        (tables / leftover / "data").mkdir(parents=True)

    await store.optimize()
    assert {path.name for path in tables.iterdir()} == before
    assert ids(await store.search(about("pump"))) == ["p1"]


async def test_a_guild_dropped_and_made_again_elsewhere_is_read_anew(tmp_path: Path) -> None:
    """The same folder name and the same commits' names hold another table: nothing of the old is kept."""
    reader, writer = await open_store(tmp_path), await open_store(tmp_path)
    await writer.open_index(SPEC)
    for text in ("old pump", "new pump", "newest pump"):
        await put(writer, *passages_of(NOTES, text))
        assert [item.passage.text for item in await reader.search(about("pump"))] == [text]
        await writer.drop_guild(HOME)


async def test_a_dropped_guild_leaves_no_file(store: LanceStore, tmp_path: Path) -> None:
    await put(store, PUMP)
    await put(store, replace(PUMP, guild=WORK, category=Slug("car")))
    await store.drop_guild(HOME)
    await store.drop_guild(WORK)
    assert list((tmp_path / "knowledge" / "tables").iterdir()) == []


async def test_nothing_of_an_erased_passage_is_left_in_any_file(tmp_path: Path) -> None:
    """Not even what Lance compresses: no file that a passage was written to is there any longer."""
    store = await open_store(tmp_path)
    await store.open_index(SPEC)
    await put(store, *passages_of(NOTES, *(f"kept {number}" for number in range(50))))
    await put(store, *(replace(one, author=MemberId("ana")) for one in passages_of(MANUAL, "zqxmarkerword")))
    await store.optimize()

    def files() -> dict[Path, bytes]:
        return {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}

    before = {path for path, content in files().items() if b"zqxmarkerword" in content}
    assert any(path.parent.name == "data" for path in before)
    held = {path for path in files() if path.parent.name == "data" or "_indices" in path.parts}

    await store.delete_by(HOME, MemberId("ana"))
    await store.erase_deleted(HOME)

    assert not held & set(files())
    assert [path for path, content in files().items() if b"zqxmarkerword" in content] == []
    assert await store.count(HOME) == 50
    await store.close()
