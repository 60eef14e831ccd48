"""What only PostgreSQL does: a server that is elsewhere, refuses, hangs, restarts or fills its disk."""

import asyncio
import logging
import re
import shutil
import socket
import tempfile
import traceback
from collections.abc import AsyncIterator, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from secrets import token_hex

import pytest
from sqlalchemy import func, insert, select

from agent.database import postgres
from agent.database.engine import Database, open_database
from agent.database.schema import HEAD
from agent.database.tables import categories, guilds
from agent.errors import (
    ConfigurationError,
    DiskFullError,
    LorekeeperError,
    StoreBusyError,
    StoreError,
    UsageError,
)
from tests.agent.database.disks import small_disk
from tests.agent.database.rows import guilds_in, put_guild
from tests.servers.postgres import PASSWORD, PostgresServer
from tests.servers.server import free_ports

_BUSY_SECONDS = 2.0


@pytest.fixture
async def database(postgres_url: str) -> AsyncIterator[Database]:
    database = await open_database(postgres_url, busy_seconds=_BUSY_SECONDS)
    yield database
    await database.close()


@pytest.fixture
def mute_port() -> Iterator[int]:
    """Accepts connections and never answers."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        yield listener.getsockname()[1]


@contextmanager
def _paused(server: PostgresServer) -> Iterator[None]:
    server.pause()
    try:
        yield
    finally:
        server.resume()


def _one_line(error: LorekeeperError) -> str:
    """Return the error's text, which must be for a person and hold no password."""
    shown = f"{error} {error.hint}"
    assert "\n" not in shown
    assert error.hint
    _holds_no_password(shown)
    return str(error)


def _holds_no_password(text: str) -> None:
    assert PASSWORD not in text
    assert "p%40ss" not in text


@pytest.mark.parametrize(
    ("pattern", "replacement", "message"),
    [
        (r"127\.0\.0\.1", "no-such-host.invalid", "cannot be reached: there is no host of that name"),
        (r":\d+/", ":{free}/", "cannot be reached: nothing listens there"),
        (r":\d+/", ":{mute}/", "cannot be reached: it does not answer"),
        (r":p%40ss", ":wrong", "refused the user or password"),
        (r"//lorekeeper", "//nobody", "refused the user or password"),
        (r"/test\d+$", "/nothing", "does not exist"),
        (r"$", "?sslmode=require", "cannot be reached: .*rejected SSL upgrade"),
        (r"$", "?sslmode=sometimes", "DATABASE_URL cannot be used"),
        (r"$", "?no_such_option=1", "refused a command: unrecognized configuration parameter"),
    ],
)
async def test_a_wrong_address_is_one_clear_line(
    postgres_url: str,
    mute_port: int,
    caplog: pytest.LogCaptureFixture,
    pattern: str,
    replacement: str,
    message: str,
) -> None:
    caplog.set_level(logging.DEBUG)
    wrong = re.sub(pattern, replacement.format(free=free_ports(1)[0], mute=mute_port), postgres_url, count=1)

    with pytest.raises(StoreError, match=message) as refused:
        await open_database(wrong, busy_seconds=0.5)

    assert "postgresql" in _one_line(refused.value) or "DATABASE_URL" in str(refused.value)
    _holds_no_password(caplog.text)
    _holds_no_password("".join(traceback.format_exception(refused.value)))


async def test_what_answers_is_no_postgresql() -> None:
    async def answer(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(StoreError) as refused:
            await open_database(f"postgresql://me:secret@127.0.0.1:{port}/db", busy_seconds=2)
    assert f"postgresql://me@127.0.0.1:{port}/db" in _one_line(refused.value)


async def test_an_address_that_cannot_be_read_does_not_show_the_password() -> None:
    with pytest.raises(ConfigurationError) as refused:
        await open_database("postgresql://me:secret@host:54x/db")
    assert refused.value.__cause__ is None
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+asyncpg"])
async def test_every_usual_scheme_opens_it(postgres_url: str, scheme: str) -> None:
    database = await open_database(postgres_url.replace("postgresql", scheme, 1))
    assert re.fullmatch(r"postgresql://lorekeeper@127\.0\.0\.1:\d+/test\d+", database.name)
    await database.close()


async def test_check_says_which_server_it_is(database: Database) -> None:
    said = await database.check()
    assert re.fullmatch(rf"PostgreSQL 16\.\d+, {re.escape(database.name)}, schema {HEAD}", said)


async def test_a_server_that_is_too_old_is_named_with_its_version_and_the_least_one(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres, "_LEAST_VERSION", 99)
    with pytest.raises(StoreError, match=r"postgresql://.* is PostgreSQL 16, which is too old") as refused:
        await open_database(postgres_url)
    assert "PostgreSQL 99 or newer" in refused.value.hint


async def test_a_database_without_unicode_is_named(
    postgres_server: PostgresServer, postgres_url: str
) -> None:
    name = postgres_url.rpartition("/")[2]
    postgres_server.drop_database(postgres_url)
    postgres_server.run(f"CREATE DATABASE {name} OWNER lorekeeper ENCODING LATIN1 TEMPLATE template0")
    database = await open_database(postgres_url)
    with pytest.raises(StoreError, match="keeps text as LATIN1"):
        await database.check()
    await database.close()


async def test_after_a_restart_of_the_server_nothing_is_noticed(
    postgres_server: PostgresServer, database: Database
) -> None:
    await asyncio.gather(*(put_guild(database, f"{number}") for number in range(5)))

    await asyncio.to_thread(postgres_server.restart)

    assert len(await guilds_in(database)) == 5
    await put_guild(database, "after")


async def test_a_restart_within_a_transaction_is_busy_and_leaves_nothing(
    postgres_server: PostgresServer, database: Database
) -> None:
    async def put_over_a_restart() -> None:
        async with database.write() as connection:
            await connection.execute(insert(guilds).values(id="one", revision=0))
            await asyncio.to_thread(postgres_server.restart)
            await connection.execute(insert(guilds).values(id="two", revision=0))

    with pytest.raises(StoreBusyError, match=r"connection .* was lost|shutting down") as lost:
        await put_over_a_restart()

    assert _one_line(lost.value)
    assert await guilds_in(database) == set()


async def test_a_server_that_is_away_is_busy_until_it_is_back(
    postgres_server: PostgresServer, database: Database
) -> None:
    await put_guild(database, "before")
    await asyncio.to_thread(postgres_server.kill)
    try:
        with pytest.raises(StoreBusyError, match="nothing listens there"):
            await guilds_in(database)
    finally:
        await asyncio.to_thread(postgres_server.start)

    assert await guilds_in(database) == {"before"}


async def test_a_server_that_hangs_is_busy_and_works_when_it_goes_on(
    postgres_server: PostgresServer, postgres_url: str
) -> None:
    database = await open_database(postgres_url, busy_seconds=0.5)
    await put_guild(database, "before")
    with _paused(postgres_server):
        for _ in range(2):  # a connection that was open, and one that has to be made
            with pytest.raises(StoreBusyError, match="cannot be reached: it does not answer"):
                await asyncio.wait_for(put_guild(database, "meanwhile"), 10)

    await put_guild(database, "after")
    assert await guilds_in(database) == {"before", "after"}
    await database.close()


async def test_who_gives_up_does_not_wait_for_a_server_that_hangs(
    postgres_server: PostgresServer, database: Database
) -> None:
    await put_guild(database, "before")
    with _paused(postgres_server):
        writing = asyncio.create_task(put_guild(database, "meanwhile"))
        await asyncio.sleep(0.1)
        writing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(writing, 1)
    assert await guilds_in(database) == {"before"}


async def test_a_row_that_another_process_holds_is_busy(
    postgres_server: PostgresServer, postgres_url: str
) -> None:
    first = await open_database(postgres_url)
    second = await open_database(postgres_url, busy_seconds=0.3)
    async with first.write() as connection:
        await connection.execute(insert(guilds).values(id="one", revision=0))
        with pytest.raises(StoreBusyError, match="Another process is writing") as busy:
            await put_guild(second, "one")
    assert busy.value.transient
    await put_guild(second, "two")
    assert await guilds_in(first) == {"one", "two"}
    await first.close()
    await second.close()


async def test_a_text_with_nul_is_refused_and_names_the_reason(database: Database) -> None:
    with pytest.raises(UsageError, match=r"cannot be stored.*0x00"):
        await put_guild(database, "one\0two")
    assert await guilds_in(database) == set()


async def test_too_many_connections_are_busy(postgres_server: PostgresServer, postgres_url: str) -> None:
    name = postgres_url.rpartition("/")[2]
    postgres_server.run(f"ALTER DATABASE {name} CONNECTION LIMIT 0")
    with pytest.raises(StoreBusyError, match="no connection left"):
        await open_database(postgres_url)


async def test_a_user_without_rights_is_told(postgres_server: PostgresServer, postgres_url: str) -> None:
    name = postgres_url.rpartition("/")[2]
    postgres_server.run(f"ALTER DATABASE {name} OWNER TO postgres")
    with pytest.raises(StoreError, match="does not let this user do that") as refused:
        await open_database(postgres_url)
    assert "owner" in refused.value.hint


async def test_a_standby_is_read_only(postgres_server: PostgresServer, postgres_url: str) -> None:
    name = postgres_url.rpartition("/")[2]
    await (await open_database(postgres_url)).close()
    postgres_server.run(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    database = await open_database(postgres_url)
    with pytest.raises(StoreError, match="is read-only"):
        await put_guild(database, "one")
    await database.close()


async def test_a_full_disk_at_the_server_loses_nothing(
    postgres_server: PostgresServer, database_on_a_small_disk: str
) -> None:
    database = await open_database(database_on_a_small_disk)
    stored = 0

    async def fill() -> None:
        nonlocal stored
        for number in range(1000):
            row = {"guild": "one", "slug": f"{number}", "name": "", "description": token_hex(100_000)}
            async with database.write() as connection:
                await connection.execute(insert(categories).values(row))
            stored += 1

    await put_guild(database, "one")
    with pytest.raises(DiskFullError, match="is full") as full:
        await fill()

    assert _one_line(full.value)
    assert stored
    async with database.read() as connection:
        assert await connection.scalar(select(func.count()).select_from(categories)) == stored
    await database.close()


@pytest.fixture
def database_on_a_small_disk(postgres_server: PostgresServer) -> Iterator[str]:
    """A database with room for some 4 MB. In a folder of the system's, which the server's user can reach."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        with small_disk(Path(folder) / "disk", "12m") as disk:
            if postgres_server.user:
                shutil.chown(disk, postgres_server.user)
            postgres_server.run(f"CREATE TABLESPACE small LOCATION '{disk}'")
            url = postgres_server.create_database("TABLESPACE small")
            yield url
            postgres_server.drop_database(url)
            postgres_server.run("DROP TABLESPACE small")
