"""PostgreSQL: all that differs from other databases, in one place.

The driver gets the URL as it is and reads it as libpq would (`sslmode`, several hosts, a socket). It notices
a closed connection by itself, so a pooled one is tested without asking the server; a statement that is not
answered in time ends its connection at once, because cancelling politely waits for the same server.
Errors never hold the URL: it has the password in it.

Behind a pooler that changes connections between transactions nothing may belong to a session. With
`?pgbouncer=true` in the URL statements are prepared without a name and settings are made in each transaction;
that costs a round trip more for each statement, so it is not always so.
"""

from __future__ import annotations

import asyncio
import functools
import socket
from collections.abc import Mapping, Sequence
from typing import Any, Final

import asyncpg
from sqlalchemy import URL, Connection, ExceptionContext, Insert, Table, event
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import DBAPIError, DisconnectionError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from agent.errors import (
    ConfigurationError,
    DiskFullError,
    LorekeeperError,
    StoreBusyError,
    StoreError,
    UsageError,
)

_LEAST_VERSION: Final = 14
"""The oldest that a supported system still ships (Ubuntu 22.04); our statements would do with 11."""

_POOLER_OPTION: Final = "pgbouncer"
"""In the URL's query, as other programs have it."""

_STATEMENTS: Final = 100
"""Prepared statements that a connection keeps."""

_UPGRADE_SECONDS: Final = 120.0
"""How long a process waits while another one upgrades the schema."""

_UPGRADE_LOCK: Final = 0x4C4F5245
"""The key of the advisory lock that an upgrade holds: "LORE"."""

_ANSWER_FACTOR: Final = 3
"""A statement may take this many times the wait for a lock, before the server counts as gone."""

_TRY_AGAIN: Final = "Try again in a moment; if it stays so, look into the server's log."
_POOLED: Final = (
    StoreError,
    "{name} is behind a pooler that changes connections between transactions ({error}).",
    "Add ?pgbouncer=true to DATABASE_URL.",
)
_LOST: Final = (StoreBusyError, "The connection to {name} was lost.", _TRY_AGAIN)
_TWO_CHANGES: Final = (StoreBusyError, "{name} had two changes of the same at once.", _TRY_AGAIN)
_NO_ACCESS: Final = (StoreError, "{name} refused the user or password.", "Correct them in DATABASE_URL.")
_DAMAGED: Final = (
    StoreError,
    "{name} is damaged, or its disk fails ({error}).",
    "Look into the server's log, and restore a backup.",
)
_VALUE: Final = (UsageError, "This cannot be stored: {error}.", "Correct the text or value.")

_STATES: Final[Mapping[str, tuple[type[LorekeeperError], str, str]]] = {
    "08P01": _POOLED,
    "25006": (StoreError, "{name} is read-only.", "Name the primary server in DATABASE_URL, not a standby."),
    "26000": _POOLED,
    "28000": _NO_ACCESS,
    "28P01": _NO_ACCESS,
    "3D000": (
        StoreError,
        "{name} does not exist.",
        "Create the database (`createdb`), or correct its name in DATABASE_URL.",
    ),
    "40001": _TWO_CHANGES,
    "40P01": _TWO_CHANGES,
    "42P05": _POOLED,
    "42501": (
        StoreError,
        "{name} does not let this user do that ({error}).",
        "Make the user the owner of the database.",
    ),
    "53100": (
        DiskFullError,
        "The disk of {name} is full.",
        "Free some space at the server and try again; nothing that was stored before is lost.",
    ),
    "53200": (StoreBusyError, "{name} is out of memory.", _TRY_AGAIN),
    "53300": (StoreBusyError, "{name} has no connection left.", _TRY_AGAIN),
    "55P03": (StoreBusyError, "Another process is writing to {name}.", _TRY_AGAIN),
    "57014": (StoreBusyError, "{name} stopped a statement that took too long.", _TRY_AGAIN),
    "57P01": (StoreBusyError, "{name} is shutting down.", _TRY_AGAIN),
    "57P02": (StoreBusyError, "{name} is restarting after a crash.", _TRY_AGAIN),
    "57P03": (StoreBusyError, "{name} is starting or shutting down.", _TRY_AGAIN),
    "58030": _DAMAGED,
    "XX001": _DAMAGED,
    "XX002": _DAMAGED,
}
"""What a person hears of an SQLSTATE, and below of a class of them, the first two characters."""

_CLASSES: Final = {"08": _LOST, "22": _VALUE, "54": _VALUE}

_REFUSED: Final = (StoreError, "{name} refused a command: {error}.", "Please report this.")

_DRIVER_ERRORS: Final = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)


class PostgresBackend:
    """One database of a PostgreSQL server, which must exist."""

    concurrent_writers = 8
    """Of the pool's 15 connections, so that readers always find one."""

    def __init__(self, url: URL, busy_seconds: float) -> None:
        plain = url.set(drivername="postgresql").difference_update_query([_POOLER_OPTION])
        self.name = plain._replace(password=None, query={}).render_as_string()  # type: ignore[arg-type]
        self._dsn = plain.render_as_string(hide_password=False)
        self._busy_seconds = busy_seconds
        self._pooled = _is_pooled(url)

    async def prepare(self) -> None:
        """Nothing to do: creating databases belongs to who runs the server."""

    def engines(self) -> tuple[AsyncEngine, AsyncEngine]:
        """Every statement that reads sees what the first one of its transaction saw.

        A transaction that writes does not, so that what it reads after waiting for a lock is what the other
        writer left.
        """
        engine = self._engine(self._busy_seconds)
        reading: dict[str, Any] = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
        return engine.execution_options(**reading), engine.execution_options(isolation_level="READ COMMITTED")

    def upgrading_engine(self) -> AsyncEngine:
        """Its transactions exclude each other, in every process."""
        engine = self._engine(_UPGRADE_SECONDS, poolclass=NullPool)
        event.listen(engine.sync_engine, "begin", _lock_upgrades)
        return engine

    def upsert(self, table: Table, update: Sequence[str]) -> Insert:
        statement = insert(table)
        if not update:
            return statement.on_conflict_do_nothing(index_elements=table.primary_key)
        changes = {name: statement.excluded[name] for name in update}
        return statement.on_conflict_do_update(index_elements=table.primary_key, set_=changes)

    def explain(self, error: BaseException) -> LorekeeperError:
        """Turn an error of the driver or the network into one line and what to do."""
        if not isinstance(error, (OSError, *_DRIVER_ERRORS)):
            error = error.__cause__ or error  # SQLAlchemy's stand-in for an error of the driver
        if isinstance(error, OSError):
            return StoreBusyError(
                f"{self.name} cannot be reached: {_reason(error)}.",
                "Check that the server runs, and the host and port in DATABASE_URL.",
            )
        if isinstance(error, asyncpg.ClientConfigurationError):
            return StoreError(f"DATABASE_URL cannot be used: {error}.", "Correct it.")
        if isinstance(error, asyncpg.InterfaceError | asyncpg.InternalClientError):
            return StoreBusyError(f"The connection to {self.name} was lost ({error}).", _TRY_AGAIN)
        state = getattr(error, "sqlstate", None) or ""
        kind, message, hint = _STATES.get(state) or _CLASSES.get(state[:2], _REFUSED)
        # The first argument is the message; str() adds lines with details to it.
        return kind(message.format(name=self.name, error=error.args[0]), hint)

    async def erase_deleted(self, *, whole: bool) -> None:
        """Have the server free the space of deleted rows for others now, not when it would by itself.

        Its archives of the log, its standbys and its backups belong to who runs it.
        """
        if not whole:
            return
        engine = self._engine(self._busy_seconds, poolclass=NullPool, isolation_level="AUTOCOMMIT")
        try:
            async with engine.connect() as connection:
                await connection.exec_driver_sql("VACUUM")
        except DBAPIError as error:
            raise self.explain(error.orig or error) from error
        finally:
            await engine.dispose()

    async def check(self, connection: AsyncConnection) -> str:
        """Say which server this is. Raises `StoreError` when the database keeps no Unicode."""
        encoding = (await connection.exec_driver_sql("SHOW server_encoding")).scalar_one()
        if encoding != "UTF8":
            raise StoreError(
                f"{self.name} keeps text as {encoding}.", "Make the database with `createdb -E UTF8`."
            )
        version = (await connection.exec_driver_sql("SHOW server_version")).scalar_one()
        return f"PostgreSQL {version}, {self.name}"

    def _engine(self, busy_seconds: float, **options: Any) -> AsyncEngine:
        settings = {"application_name": "lorekeeper"}
        if not self._pooled:
            settings["lock_timeout"] = _milliseconds(busy_seconds)

        async def connect() -> Any:
            try:
                connection = await asyncpg.connect(
                    self._dsn,
                    timeout=self._busy_seconds,
                    command_timeout=busy_seconds * _ANSWER_FACTOR,
                    server_settings=settings,
                    statement_cache_size=0 if self._pooled else _STATEMENTS,
                )
            except (OSError, *_DRIVER_ERRORS) as error:
                raise self.explain(error) from error
            await self._refuse_old(connection)
            return connection

        def adapted() -> Any:
            # What `async_creator` does, which has no place for these two arguments.
            dbapi: Any = engine.sync_engine.dialect.dbapi
            names = {"prepared_statement_name_func": str} if self._pooled else {}
            size = 0 if self._pooled else _STATEMENTS
            return dbapi.connect(async_creator_fn=connect, prepared_statement_cache_size=size, **names)

        engine = create_async_engine(
            URL.create("postgresql+asyncpg"), creator=adapted, hide_parameters=True, **options
        )
        if self._pooled:
            event.listen(engine.sync_engine, "begin", functools.partial(_limit_waits, busy_seconds))
        event.listen(engine.sync_engine, "checkout", _refuse_closed)
        event.listen(engine.sync_engine, "handle_error", self._abandon)
        return engine

    async def _refuse_old(self, connection: Any) -> None:
        version = connection.get_server_version()
        if version.major < _LEAST_VERSION:
            await connection.close(timeout=self._busy_seconds)
            raise StoreError(
                f"{self.name} is PostgreSQL {version.major}, which is too old.",
                f"Upgrade the server to PostgreSQL {_LEAST_VERSION} or newer.",
            )

    def _abandon(self, context: ExceptionContext) -> None:
        """End a connection at once whose statement failed without an answer, or was given up."""
        error = context.original_exception
        if context.connection is None or not isinstance(error, OSError | asyncio.CancelledError):
            return
        context.is_disconnect = True
        driver: Any = context.connection.connection.driver_connection
        driver.terminate()
        if isinstance(error, OSError):
            raise self.explain(error)  # which SQLAlchemy would pass on as it is


def _refuse_closed(_connection: object, record: Any, _proxy: object) -> None:
    """Have the pool make a new connection in place of one that the server closed meanwhile."""
    if record.driver_connection.is_closed():
        raise DisconnectionError


def _is_pooled(url: URL) -> bool:
    match url.query.get(_POOLER_OPTION, "false"):
        case "true":
            return True
        case "false":
            return False
        case other:
            raise ConfigurationError(
                f"DATABASE_URL cannot be used: {_POOLER_OPTION}={other}.", "It is true or false."
            )


def _milliseconds(seconds: float) -> str:
    return f"{seconds * 1000:.0f}"


def _limit_waits(busy_seconds: float, connection: Connection) -> None:
    """Of this transaction; one that only reads waits for no lock."""
    if not connection.get_execution_options().get("postgresql_readonly"):
        connection.exec_driver_sql(f"SET LOCAL lock_timeout = {_milliseconds(busy_seconds)}")


def _lock_upgrades(connection: Connection) -> None:
    connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_UPGRADE_LOCK})")


def _reason(error: OSError) -> str:
    match error:
        case TimeoutError():
            return "it does not answer"
        case ConnectionRefusedError():
            return "nothing listens there"
        case socket.gaierror():
            return "there is no host of that name"
        case _:
            return error.strerror or str(error)
