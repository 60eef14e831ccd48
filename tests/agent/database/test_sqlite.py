import asyncio
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import delete

from agent.database.engine import Database, open_database
from agent.database.schema import HEAD
from agent.database.tables import guilds
from agent.errors import ConfigurationError, DiskFullError, StoreBusyError, StoreError
from tests.agent.database.disks import remount, small_disk
from tests.agent.database.rows import guilds_in, put_guild


@pytest.fixture
async def database(tmp_path: Path):
    database = await open_database(tmp_path / "lorekeeper.db", busy_seconds=0.2)
    yield database
    await database.close()


@pytest.mark.parametrize("form", ["{}", "sqlite:///{}", "sqlite+aiosqlite:///{}"])
async def test_a_path_or_url_opens_the_same_file(tmp_path: Path, form: str) -> None:
    path = tmp_path / "a folder" / "lorekeeper.db"
    database = await open_database(form.format(path))
    await put_guild(database, "one")
    await database.close()

    again = await open_database(path)
    assert await guilds_in(again) == {"one"}
    await again.close()


@pytest.mark.parametrize("url", ["mysql://host/name", "sqlite://", "sqlite:///:memory:", "://"])
async def test_what_is_no_database_of_ours_is_a_configuration_error(url: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        await open_database(url)
    assert "sqlite:///PATH" in refused.value.hint


@pytest.mark.parametrize(
    ("pragma", "value"), [("journal_mode", "wal"), ("synchronous", 2), ("foreign_keys", 1)]
)
async def test_every_connection_is_durable_and_checks_references(
    database: Database, pragma: str, value: object
) -> None:
    async def read(transaction: object) -> object:
        async with transaction as connection:
            await asyncio.sleep(0.01)  # so that all of them are open at once
            return (await connection.exec_driver_sql(f"PRAGMA {pragma}")).scalar_one()

    transactions = [database.read(), database.read(), database.read(), database.write()]
    assert await asyncio.gather(*map(read, transactions)) == [value] * 4


async def test_a_database_that_another_process_holds_is_busy(database: Database) -> None:
    with closing(sqlite3.connect(database.name, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreBusyError, match="Another process is writing") as busy:
            await put_guild(database, "one")
        assert busy.value.transient
        other.execute("ROLLBACK")
    await put_guild(database, "one")


@pytest.fixture
def written_by_another(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """A new file, not yet in WAL mode, in which another connection is writing."""
    path = tmp_path / "new.db"
    with closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as other:
        other.execute("CREATE TABLE theirs (x)")
        other.execute("BEGIN IMMEDIATE")
        yield other


async def test_opening_waits_for_another_writer(
    tmp_path: Path, written_by_another: sqlite3.Connection
) -> None:
    opening = asyncio.create_task(open_database(tmp_path / "new.db"))
    await asyncio.sleep(0.2)
    assert not opening.done()
    written_by_another.execute("COMMIT")
    await (await opening).close()


@pytest.mark.usefixtures("written_by_another")
async def test_opening_does_not_wait_for_ever(tmp_path: Path) -> None:
    with pytest.raises(StoreBusyError):
        await open_database(tmp_path / "new.db", busy_seconds=0.1)


@pytest.mark.parametrize(
    "content", [b"not a database at all " * 100, b"SQLite format 3\x00" + b"\xff" * 5000]
)
async def test_a_file_that_is_no_database_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "lorekeeper.db"
    path.write_bytes(content)

    with pytest.raises(StoreError, match=r"lorekeeper\.db is damaged or not a database") as refused:
        await open_database(path)

    assert "backup" in refused.value.hint
    assert path.read_bytes() == content


async def test_check_finds_damage(tmp_path: Path) -> None:
    path = tmp_path / "lorekeeper.db"
    database = await open_database(path)
    for number in range(300):
        await put_guild(database, f"{number} {'x' * 200}")
    await database.close()
    content = bytearray(path.read_bytes())
    content[-40_000:] = os.urandom(40_000)
    path.write_bytes(content)

    damaged = await open_database(path)
    with pytest.raises(StoreError, match="is damaged"):
        await damaged.check()
    await damaged.close()


async def test_check_says_what_and_where(database: Database) -> None:
    assert await database.check() == f"SQLite {sqlite3.sqlite_version}, {database.name}, schema {HEAD}"


async def test_a_full_disk_loses_nothing_and_recovers(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "1m") as disk:
        database = await open_database(disk / "lorekeeper.db")
        stored: set[str] = set()

        async def fill() -> None:
            for number in range(1000):
                await put_guild(database, f"{number} {'x' * 20_000}")
                stored.add(f"{number} {'x' * 20_000}")

        with pytest.raises(DiskFullError, match="is full") as full:
            await fill()
        assert "Free some space" in full.value.hint
        assert stored
        assert await guilds_in(database) == stored

        remount(disk, "size=4m")
        await put_guild(database, "again")
        assert await guilds_in(database) == stored | {"again"}
        await database.close()


async def test_opening_on_a_full_disk_says_so(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "1m") as disk:
        await (await open_database(disk / "lorekeeper.db")).close()
        with pytest.raises(OSError, match="No space left"):
            (disk / "filler").write_bytes(b"x" * 2_000_000)

        with pytest.raises(DiskFullError):
            await open_database(disk / "lorekeeper.db")
        with pytest.raises(DiskFullError):
            await open_database(disk / "another" / "lorekeeper.db")


async def test_a_read_only_disk_is_an_error_that_says_so(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "1m") as disk:
        await (await open_database(disk / "lorekeeper.db")).close()
        remount(disk, "ro")

        with pytest.raises(StoreError, match="cannot be opened for writing") as refused:
            await open_database(disk / "lorekeeper.db")
        assert "user who runs Lorekeeper" in refused.value.hint
        with pytest.raises(StoreError, match="Read-only file system"):
            await open_database(disk / "another" / "lorekeeper.db")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write where permissions forbid it")
async def test_a_folder_without_permission_is_an_error_that_says_so(tmp_path: Path) -> None:
    folder = tmp_path / "closed"
    folder.mkdir(mode=0o500)

    with pytest.raises(StoreError, match="cannot be opened for writing"):
        await open_database(folder / "lorekeeper.db")


async def test_a_folder_in_place_of_the_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot be opened for writing"):
        await open_database(tmp_path)


async def test_a_file_in_place_of_the_folder_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot be made"):
        await open_database(tmp_path / "file" / "lorekeeper.db")


async def test_erasing_says_who_is_in_the_way_and_can_be_repeated(tmp_path: Path) -> None:
    database = await open_database(tmp_path / "lorekeeper.db", busy_seconds=0.2)
    await put_guild(database, "zqxgone")
    reader = sqlite3.connect(tmp_path / "lorekeeper.db", isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT * FROM guilds").fetchall()
    async with database.write() as connection:
        await connection.execute(delete(guilds))

    with pytest.raises(StoreBusyError, match="cannot be erased yet"):
        await database.erase_deleted()
    reader.close()
    await database.erase_deleted(whole=False)

    assert _files_with(tmp_path, b"zqxgone") == []
    await database.close()


def _files_with(folder: Path, word: bytes) -> list[str]:
    return [path.name for path in folder.iterdir() if word in path.read_bytes()]
