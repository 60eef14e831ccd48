"""The database behind catalog and journal: opening it, transactions, and errors that a person understands.

What differs between databases is behind `_Backend`, one file each. `write()` is a transaction that is
durable when its block has been left, `read()` one that sees a single state of the database.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Final, Protocol

from sqlalchemy import URL, Insert, Table, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, StatementError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from agent.database.schema import HEAD, upgrade, version
from agent.database.sqlite import SqliteBackend
from agent.errors import ConfigurationError, LorekeeperError, StoreBusyError, UsageError
from agent.meter import awaiting
from agent.observing.metrics import Operation, Store
from agent.observing.seams import store_call

_URL_HINT: Final = "Give a path, sqlite:///PATH or postgresql://USER:PASSWORD@HOST/DATABASE."

_AGAIN: Final = "Look whether it is there; storing it again does no harm."


class _Backend(Protocol):
    """What differs between databases."""

    name: str
    """For people: a path, or a URL without its password."""
    concurrent_writers: int

    async def prepare(self) -> None:
        """Make what an engine needs before it can connect."""
        ...

    def engines(self) -> tuple[AsyncEngine, AsyncEngine]:
        """One whose transactions read and one whose transactions write, over the same pool."""
        ...

    def upgrading_engine(self) -> AsyncEngine:
        """Each of its transactions waits for those of other processes to end."""
        ...

    def upsert(self, table: Table, update: Sequence[str]) -> Insert: ...

    def explain(self, error: BaseException) -> LorekeeperError: ...

    async def check(self, connection: AsyncConnection) -> str: ...

    async def erase_deleted(self, *, whole: bool) -> None: ...


class Database:
    """An open database whose schema is up to date. Made by `open_database`; close it when done.

    `read` and `write` turn every error of the database into `StoreError`, `StoreBusyError` or
    `DiskFullError`, and a value that no database can hold into `UsageError`.
    """

    def __init__(self, backend: _Backend) -> None:
        self.name = backend.name
        self._backend = backend
        self._reading, self._writing = backend.engines()
        self._store = Store(self._reading.dialect.name)
        self._writers = asyncio.Semaphore(backend.concurrent_writers)
        self._upserts: dict[tuple[Table, tuple[str, ...]], Insert] = {}
        """Made once: SQLAlchemy knows again what it compiled for a statement by looking through all of it."""

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        with store_call(self._store, Operation.READ), awaiting(self.name), _explained(self._backend):
            async with self._reading.begin() as connection:
                yield connection

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        """An error inside the block leaves everything as it was. Blocks of one task must not be nested.

        Where the server goes away while the transaction ends, `StoreBusyError` says that nobody knows: all of
        it is stored, or nothing. Every write of ours can be repeated without storing anything twice.
        """
        ended = False
        with store_call(self._store, Operation.WRITE), awaiting(self.name):
            try:
                with _explained(self._backend):
                    async with self._writers, self._writing.begin() as connection:
                        yield connection
                        ended = True
            except StoreBusyError as error:
                if not ended:
                    raise
                lost = str(error).rstrip(".")
                raise StoreBusyError(
                    f"{lost}; what was being stored is there whole, or not at all.", _AGAIN
                ) from error

    def upsert(self, table: Table, update: Sequence[str] = ()) -> Insert:
        """An INSERT that sets the columns `update` of a row whose key exists, or leaves it alone without."""
        key = table, tuple(update)
        if key not in self._upserts:
            self._upserts[key] = self._backend.upsert(*key)
        return self._upserts[key]

    async def erase_deleted(self, *, whole: bool = True) -> None:
        """Leave nothing of deleted rows where the database is kept, as far as it can be told to.

        When not `whole`, only what was deleted since the last time goes. Every writer waits meanwhile. Raises
        `StoreBusyError` when another process is in the way, and `DiskFullError`: a whole one takes as much
        space as the database has.
        """
        with store_call(self._store, Operation.WRITE), awaiting(self.name):
            async with self._writers:
                await self._backend.erase_deleted(whole=whole)

    async def check(self) -> str:
        """One line for doctor. Raises `StoreError` when the database is damaged."""
        async with self.read() as connection:
            return f"{await self._backend.check(connection)}, schema {HEAD}"

    async def close(self) -> None:
        await self._reading.dispose()


async def open_database(url_or_path: str | Path, *, busy_seconds: float = 10.0) -> Database:
    """Open or make a database and bring its schema up to date.

    `url_or_path` is a path, `sqlite:///PATH` or `postgresql://USER:PASSWORD@HOST/DATABASE`. `busy_seconds` is
    how long a transaction waits for another process before `StoreBusyError`. Raises `ConfigurationError` and
    `StoreError`.
    """
    backend = _backend(url_or_path, busy_seconds)
    await backend.prepare()
    async with AsyncExitStack() as on_error:
        database = Database(backend)
        on_error.push_async_callback(database.close)
        async with database.read() as connection:
            current = await connection.run_sync(version) == HEAD
        if not current:
            await _upgrade(backend)
        on_error.pop_all()
    return database


async def _upgrade(backend: _Backend) -> None:
    engine = backend.upgrading_engine()
    try:
        with _explained(backend):
            async with engine.begin() as connection:
                await connection.run_sync(upgrade, backend.name)
    finally:
        await engine.dispose()


@contextmanager
def _explained(backend: _Backend) -> Iterator[None]:
    try:
        yield
    except DBAPIError as error:
        raise backend.explain(error.orig or error) from error
    except PoolTimeoutError as error:
        raise StoreBusyError(
            f"Too much is going on in {backend.name} at once.", "Try again in a moment."
        ) from error
    except (StatementError, UnicodeEncodeError) as error:
        cause = error.orig if isinstance(error, StatementError) else error
        raise UsageError(f"This cannot be stored: {cause}.", "Correct the text or value.") from error


def _backend(url_or_path: str | Path, busy_seconds: float) -> _Backend:
    if isinstance(url_or_path, Path) or "://" not in url_or_path:
        return SqliteBackend(Path(url_or_path), busy_seconds)
    try:
        url = make_url(url_or_path)
    except (ArgumentError, ValueError):
        # Not chained: the cause may hold a part of the password.
        raise ConfigurationError("The database's URL cannot be read.", _URL_HINT) from None
    match url.get_backend_name():
        case "sqlite":
            return SqliteBackend(_sqlite_path(url), busy_seconds)
        case "postgresql" | "postgres":
            from agent.database.postgres import PostgresBackend

            return PostgresBackend(url, busy_seconds)
        case other:
            raise ConfigurationError(f"{other} is not a database that works here.", _URL_HINT)


def _sqlite_path(url: URL) -> Path:
    if not url.database or url.database == ":memory:":
        raise ConfigurationError("The database needs a file.", _URL_HINT)
    return Path(url.database)
