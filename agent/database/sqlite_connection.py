"""A connection to a SQLite file as SQLAlchemy's asyncio wants it, with one trip to its thread a statement.

aiosqlite makes a trip for each of cursor, begin, execute, fetch, close, commit and rollback. A transaction
that reads one row makes ten of them, and they were a third of what a question costs apart from models. Here
what SQLite does without waiting is done where it is asked for: a transaction begins with its first statement,
which brings its first rows along, and one that only read ends at once.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, Final, TypeVar

_T = TypeVar("_T")

READ: Final = "BEGIN"
WRITE: Final = "BEGIN IMMEDIATE"
"""Takes the writer's place, for which it may wait."""

_AHEAD: Final = 64
"""Rows that come with the statement that asks for them. What streams a table holds no more than these."""


class SqliteConnection:
    """What SQLAlchemy's dialect for aiosqlite asks of a connection, and `begin`. Its statements follow each
    other in one thread, also when whoever waited for one was cancelled. Raises what sqlite3 raises.
    """

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="sqlite")
        self._running: Future[Any] | None = None
        """The last call; it goes on when who waits for it is cancelled."""
        self._connection: sqlite3.Connection | None = None
        """None when closed. By this name SQLAlchemy knows whether there is anything to roll back."""
        self._begun = ""
        """How the transaction begins, or began."""
        self._beginning = False
        """It begins with the next statement."""

    @classmethod
    async def open(cls, path: Path, busy_seconds: float, pragmas: Sequence[str]) -> SqliteConnection:
        """Open the file. A statement waits `busy_seconds` for another process."""
        opened = cls()
        try:
            opened._connection = await opened.run(partial(_open, path, busy_seconds, pragmas))
        except sqlite3.Error:
            opened.stop()
            raise
        return opened

    def begin(self, how: str) -> None:
        """Begin a transaction, `READ` or `WRITE`, with the next statement."""
        self._begun, self._beginning = how, True

    def cursor(self) -> SqliteCursor:
        return SqliteCursor(self)

    async def execute(self, make: Callable[[sqlite3.Connection], _T]) -> _T:
        """Have a statement executed in the thread, within the transaction that was begun."""
        beginning, self._beginning = self._beginning, False
        connection = self._opened

        def executed() -> _T:
            if beginning:
                connection.execute(self._begun)
            return make(connection)

        return await self.run(executed)

    async def run(self, call: Callable[[], _T]) -> _T:
        self._running = running = self._thread.submit(call)
        return await asyncio.wrap_future(running)

    async def commit(self) -> None:
        await self._end(self._opened.commit)

    async def rollback(self) -> None:
        await self._end(self._opened.rollback)

    async def create_function(self, *arguments: Any, **options: Any) -> None:
        await self.run(partial(self._opened.create_function, *arguments, **options))

    async def close(self) -> None:
        """What is not committed is rolled back."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await self.run(partial(_close, connection))
        self._thread.shutdown(wait=False)

    def stop(self) -> None:
        """Close without waiting for it."""
        connection, self._connection = self._connection, None
        if connection is not None:
            self._thread.submit(_close, connection)
        self._thread.shutdown(wait=False)

    @property
    def _opened(self) -> sqlite3.Connection:
        if self._connection is None:
            raise sqlite3.ProgrammingError("Cannot operate on a closed database.")
        return self._connection

    async def _end(self, ending: Callable[[], None]) -> None:
        self._beginning = False
        if self._running is not None and not self._running.done():
            await self.run(ending)
        elif self._opened.in_transaction:
            # Only what was written has to reach the disk.
            await self.run(ending) if self._begun == WRITE else ending()


class SqliteCursor:
    """One statement and its rows, as SQLAlchemy's dialect for aiosqlite asks for them."""

    def __init__(self, connection: SqliteConnection) -> None:
        self._connection = connection
        self._cursor: sqlite3.Cursor | None = None
        self._rows: deque[Any] = deque()
        self._whole = True
        """No row is left in the database."""
        self.arraysize = 1

    async def __aenter__(self) -> SqliteCursor:
        return self

    @property
    def description(self) -> Any:
        return self._cursor.description if self._cursor is not None else None

    @property
    def rowcount(self) -> int:
        return self._cursor.rowcount if self._cursor is not None else -1

    @property
    def lastrowid(self) -> int | None:
        return self._cursor.lastrowid if self._cursor is not None else None

    async def execute(self, statement: str, parameters: Sequence[Any] = ()) -> SqliteCursor:
        return await self._made(lambda connection: connection.execute(statement, parameters))

    async def executemany(self, statement: str, parameters: Sequence[Sequence[Any]]) -> SqliteCursor:
        return await self._made(lambda connection: connection.executemany(statement, parameters))

    async def fetchone(self) -> Any:
        await self._fetch(1)
        return self._rows.popleft() if self._rows else None

    async def fetchmany(self, size: int | None = None) -> list[Any]:
        size = size or self.arraysize
        await self._fetch(size)
        return [self._rows.popleft() for _ in range(min(size, len(self._rows)))]

    async def fetchall(self) -> list[Any]:
        await self._fetch(None)
        rows = list(self._rows)
        self._rows.clear()
        return rows

    async def close(self) -> None:
        """A statement that gave its last row has let go of everything already."""
        cursor = self._cursor
        if cursor is not None and not self._whole:
            self._whole = True
            await self._connection.run(cursor.close)

    async def _made(self, make: Callable[[sqlite3.Connection], sqlite3.Cursor]) -> SqliteCursor:
        def made(connection: sqlite3.Connection) -> tuple[sqlite3.Cursor, list[Any]]:
            cursor = make(connection)
            return cursor, cursor.fetchmany(_AHEAD) if cursor.description else []

        self._cursor, rows = await self._connection.execute(made)
        self._rows, self._whole = deque(rows), len(rows) < _AHEAD
        return self

    async def _fetch(self, count: int | None) -> None:
        """See that so many rows are here, or all of them."""
        cursor = self._cursor
        missing = None if count is None else count - len(self._rows)
        if cursor is None or self._whole or (missing is not None and missing <= 0):
            return
        rows = await self._connection.run(lambda: list(islice(cursor, missing)))
        self._rows.extend(rows)
        self._whole = missing is None or len(rows) < missing


def _open(path: Path, busy_seconds: float, pragmas: Sequence[str]) -> sqlite3.Connection:
    # Another thread only uses it while this one has nothing to do.
    connection = sqlite3.connect(path, timeout=busy_seconds, isolation_level=None, check_same_thread=False)
    for pragma in pragmas:
        connection.execute(f"PRAGMA {pragma}")
    return connection


def _close(connection: sqlite3.Connection) -> None:
    # While a statement of it is not collected, one that is closed lives on, and with it the writer's place.
    connection.rollback()
    connection.close()
