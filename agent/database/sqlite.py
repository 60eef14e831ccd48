"""SQLite: all that differs from other databases, in one place.

The file is in WAL mode, so readers never wait for the writer. `synchronous=FULL` syncs the log at every
commit: what a call stored when it returned survives kill -9 and a power cut. A transaction that will
write begins IMMEDIATE, because SQLite cannot turn a reading transaction into a writing one once another
process has written, however long it waits.
"""

from __future__ import annotations

import asyncio
import errno
import shutil
import sqlite3
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, Insert, Table, event
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from agent.database.sqlite_connection import READ, WRITE, SqliteConnection
from agent.errors import DiskFullError, StoreBusyError, StoreError

_BEGIN: Final = "lorekeeper_begin"
_WRITING: Final[dict[str, Any]] = {_BEGIN: WRITE}
_CONNECTIONS: Final = 15
"""Transactions at once; the next ones wait."""
_RETRY_SECONDS: Final = 0.05
_UPGRADE_SECONDS: Final = 120.0
"""How long a process waits while another one upgrades the schema."""

_SHARED_INDEX_BYTES: Final = 32 * 1024
"""What SQLite needs beside the file to open it; on a full disk it calls its absence an I/O error."""


class SqliteBackend:
    """One SQLite file, made with its folder when it does not exist."""

    concurrent_writers = 1
    """SQLite has one writer; its own way of waiting is a sleep, so tasks of one process queue before it."""

    def __init__(self, path: Path, busy_seconds: float) -> None:
        self.name = str(path)
        self._path = path
        self._busy_seconds = busy_seconds

    async def prepare(self) -> None:
        """Make the folder and the file."""
        try:
            await asyncio.to_thread(self._prepare)
        except OSError as error:
            raise self._explain_system(error) from error
        except sqlite3.Error as error:
            raise self.explain(error) from error

    def _prepare(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(self._path, timeout=self._busy_seconds)) as connection:
            _set_wal(connection, time.monotonic() + self._busy_seconds)

    def engines(self) -> tuple[AsyncEngine, AsyncEngine]:
        """Transactions of the second take the writer's place at once."""
        # To open another one for a moment costs more than what it would be opened for.
        kept = {"pool_size": _CONNECTIONS, "max_overflow": 0, "pool_use_lifo": True}
        reading = _engine(self._path, self._busy_seconds, "foreign_keys=ON", **kept)
        return reading, reading.execution_options(**_WRITING)

    def upgrading_engine(self) -> AsyncEngine:
        """Its transactions exclude every other writer, and with it every other upgrade.

        Foreign keys are off: Alembic alters a table by copying and dropping it, which would otherwise
        delete the rows that refer to it.
        """
        engine = _engine(self._path, _UPGRADE_SECONDS, "foreign_keys=OFF", poolclass=NullPool)
        return engine.execution_options(**_WRITING)

    def upsert(self, table: Table, update: Sequence[str]) -> Insert:
        statement = insert(table)
        if not update:
            return statement.on_conflict_do_nothing(index_elements=table.primary_key)
        changes = {name: statement.excluded[name] for name in update}
        return statement.on_conflict_do_update(index_elements=table.primary_key, set_=changes)

    def explain(self, error: BaseException) -> StoreError:
        """Turn an error of the driver into one line and what to do."""
        # The low byte is the kind of error; the rest tells variants apart.
        match getattr(error, "sqlite_errorcode", 0) & 0xFF:
            case sqlite3.SQLITE_FULL:
                return self._full()
            case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
                return StoreBusyError(
                    f"Another process is writing to {self.name}.",
                    "Try again in a moment; if it stays so, look for a Lorekeeper that hangs.",
                )
            case sqlite3.SQLITE_CORRUPT | sqlite3.SQLITE_NOTADB:
                return StoreError(
                    f"{self.name} is damaged or not a database ({error}).",
                    "Move the file away and restore a backup; without it Lorekeeper starts a new one.",
                )
            case sqlite3.SQLITE_CANTOPEN | sqlite3.SQLITE_READONLY | sqlite3.SQLITE_PERM:
                return StoreError(
                    f"{self.name} cannot be opened for writing ({error}).",
                    "Check that the folder and its files belong to the user who runs Lorekeeper.",
                )
            case sqlite3.SQLITE_IOERR if self._free_bytes() < _SHARED_INDEX_BYTES:
                return self._full()
            case sqlite3.SQLITE_IOERR:
                return StoreError(
                    f"The disk failed to read or write {self.name} ({error}).",
                    "Check the disk and its free space; what was stored before is not touched.",
                )
            case _:
                return StoreError(f"{self.name} refused a command: {error}.", "Please report this.")

    def _explain_system(self, error: OSError) -> StoreError:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            return self._full()
        return StoreError(
            f"The folder of {self.name} cannot be made: {error.strerror}.",
            "Choose another folder with LOREKEEPER_DATA_DIR, or correct its permissions.",
        )

    def _free_bytes(self) -> int:
        return shutil.disk_usage(self._path.parent).free

    def _full(self) -> DiskFullError:
        return DiskFullError(
            f"The disk of {self.name} is full.",
            "Free some space and try again; nothing that was stored before is lost.",
        )

    async def erase_deleted(self, *, whole: bool) -> None:
        """Write the file anew, without its free pages, and empty the log.

        Deleted rows are overwritten since `secure_delete` is on; what was deleted before that is not.
        """
        try:
            await asyncio.to_thread(self._erase_deleted, whole)
        except sqlite3.Error as error:
            raise self.explain(error) from error

    def _erase_deleted(self, whole: bool) -> None:
        with closing(sqlite3.connect(self._path, timeout=self._busy_seconds, isolation_level=None)) as file:
            if whole:
                file.execute("VACUUM")
            busy, *_ = file.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if busy:
            raise StoreBusyError(
                f"Another process is reading {self.name}, so what was deleted cannot be erased yet.",
                "Try again in a moment.",
            )

    async def check(self, connection: AsyncConnection) -> str:
        """Look for damage. Raises `StoreError` when there is some; else says which SQLite this is."""
        found = (await connection.exec_driver_sql("PRAGMA quick_check(1)")).scalar_one()
        if found != "ok":
            raise StoreError(f"{self.name} is damaged ({found}).", "Move the file away and restore a backup.")
        return f"SQLite {sqlite3.sqlite_version}, {self.name}"


def _engine(path: Path, busy_seconds: float, *pragmas: str, **options: Any) -> AsyncEngine:
    # fullfsync: on macOS fsync alone does not reach the disk. Elsewhere it changes nothing.
    # secure_delete: what somebody had deleted is not to be found in the file's free space.
    chosen = ("synchronous=FULL", "fullfsync=ON", "secure_delete=ON", *pragmas)
    engine = create_async_engine(
        URL.create("sqlite+aiosqlite", database=str(path)),
        async_creator=lambda: SqliteConnection.open(path, busy_seconds, chosen),
        **options,
    )

    def begun(connection: Connection) -> None:
        driver: Any = connection.connection.driver_connection
        driver.begin(connection.get_execution_options().get(_BEGIN, READ))

    event.listen(engine.sync_engine, "begin", begun)
    return engine


def _set_wal(connection: sqlite3.Connection, deadline: float) -> None:
    """Set the mode, which stays in the file. SQLite does not wait for another writer here by itself."""
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(_RETRY_SECONDS)
