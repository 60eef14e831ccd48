"""The registry on both databases: an adapter never changes, and its file lies under its own digest."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Table, insert, update

from agent.database import tables
from agent.database.engine import Database
from agent.errors import DiskFullError, ModelBrokenError, ModelMissingError, StoreError, UsageError
from agent.serving.served import ServedAdapter, Task, adapter_file
from tests.agent.database.disks import small_disk
from tests.agent.journal.episodes import HOME, NOON, WORK
from tests.tuning.registry.adapters import a_file, an_adapter
from tuning.registry.adapter import served
from tuning.registry.events import Act
from tuning.registry.store import Registry


async def test_an_adapter_comes_back_whole_and_its_file_is_moved(registry: Registry, tmp_path: Path) -> None:
    adapter, file = an_adapter(), a_file(tmp_path)
    await registry.add(adapter, file)

    assert await registry.get(HOME, adapter.id) == adapter
    assert await registry.all(HOME) == (adapter,)
    assert await registry.all(HOME, Task.ANSWER) == ()
    assert await registry.all(WORK) == ()
    assert not file.exists()
    assert (tmp_path / "data" / adapter_file(adapter.digest)).read_bytes() == b"weights"
    assert [each.act for each in await registry.events(HOME, adapter.id)] == [Act.ADDED]


async def test_adding_again_after_a_kill_changes_nothing(registry: Registry, tmp_path: Path) -> None:
    adapter, file = an_adapter(), a_file(tmp_path)
    await registry.add(adapter, file)
    await registry.add(adapter, file)

    assert await registry.all(HOME) == (adapter,)
    assert len(await registry.events(HOME)) == 1


async def test_a_file_that_is_not_the_adapter_is_refused(registry: Registry, tmp_path: Path) -> None:
    with pytest.raises(ModelBrokenError, match="is not the adapter that was made"):
        await registry.add(an_adapter(), a_file(tmp_path, b"broken"))
    with pytest.raises(ModelMissingError, match="There is no adapter"):
        await registry.add(an_adapter(), tmp_path / "nothing.gguf")

    assert await registry.all(HOME) == ()


async def test_two_guilds_that_came_to_the_same_bytes_share_the_file(
    registry: Registry, tmp_path: Path
) -> None:
    for guild in (HOME, WORK):
        await registry.add(an_adapter(guild=guild), a_file(tmp_path))

    assert len(list((tmp_path / "data" / "adapters").iterdir())) == 1


async def test_ids_of_a_day_begin_alike_so_their_end_will_do(registry: Registry, tmp_path: Path) -> None:
    one, other = an_adapter(id="0198-one-aa"), an_adapter(id="0198-two-aa")
    for adapter in (one, other):
        await registry.add(adapter, a_file(tmp_path))

    assert await registry.get(HOME, "two-aa") == other
    for unclear in ("aa", "bb", ""):
        with pytest.raises(UsageError, match="no one adapter"):
            await registry.get(HOME, unclear)
    with pytest.raises(UsageError):
        await registry.get(WORK, one.id)


@pytest.mark.parametrize("table", [tables.adapters, tables.adapter_events], ids=str)
async def test_nothing_of_it_can_be_changed(
    registry: Registry, database: Database, tmp_path: Path, table: Table
) -> None:
    await registry.add(an_adapter(), a_file(tmp_path))
    with pytest.raises(StoreError, match="append-only"):
        async with database.write() as connection:
            await connection.execute(update(table).values(guild=WORK))


async def test_files_that_no_adapter_names_go_and_the_others_stay(registry: Registry, tmp_path: Path) -> None:
    await registry.add(an_adapter(), a_file(tmp_path))
    stray = a_file(tmp_path / "data" / "adapters", b"stray")

    assert await registry.remove_unreferenced() == 1
    assert not stray.exists()
    assert registry.file_of(an_adapter()).exists()


async def test_one_that_was_trained_on_what_was_forgotten_meanwhile_says_so(
    registry: Registry, database: Database, tmp_path: Path
) -> None:
    adapter = an_adapter()
    row = {"guild": HOME, "id": adapter.dataset, "task": "route", "made_at": NOON}
    async with database.write() as connection:
        body = {"salt": "", "left_out": {}, "by_author": False, "replaced_by": "e" * 64}
        await connection.execute(insert(tables.dataset_versions), row | {"body": body})
    await registry.add(adapter, a_file(tmp_path))

    assert [each.act for each in await registry.events(HOME)] == [Act.ADDED, Act.HOLDS_FORGOTTEN]


async def test_an_adapter_of_a_newer_lorekeeper_is_named(registry: Registry, database: Database) -> None:
    row = {"guild": HOME, "id": "a1", "task": "sing", "made_at": NOON, "body": {}}
    async with database.write() as connection:
        await connection.execute(insert(tables.adapters), row)
    with pytest.raises(StoreError, match="Adapter a1 cannot be read"):
        await registry.all(HOME)


async def test_a_full_disk_is_named_and_leaves_the_trained_file(database: Database, tmp_path: Path) -> None:
    weights = bytes(200_000)
    file = a_file(tmp_path, weights)
    with small_disk(tmp_path / "small", "64k") as folder:
        registry = Registry(database, folder)
        with pytest.raises(DiskFullError, match="There is no room"):
            await registry.add(an_adapter(weights), file)

        assert [path for path in folder.rglob("*") if path.is_file()] == []
        assert await registry.all(HOME) == ()
    assert file.exists()


def test_the_agent_is_told_no_more_than_it_needs() -> None:
    adapter = replace(an_adapter(), id="a1")
    assert served(adapter) == ServedAdapter(
        id="a1", digest=adapter.digest, base_digest=adapter.base_digest, trust=adapter.trust
    )
