"""A real PostgreSQL: a cluster of its own, in which tests make databases."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final
from urllib.parse import quote

from tests.servers.binaries import POSTGRES_PROGRAMS
from tests.servers.keeper import as_user
from tests.servers.server import Server, ServerError, free_ports

USER: Final = "lorekeeper"
PASSWORD: Final = "p@ss/w:ord %41?"
"""With characters that a URL has to escape."""


class PostgresServer(Server):
    """Its data are in a folder of the system's, which `nobody` can reach: PostgreSQL does not run as root."""

    name = "PostgreSQL"
    # Fast shutdown; at SIGTERM it would wait for every client to go.
    stop_signal = signal.SIGINT
    user = "nobody" if os.geteuid() == 0 else ""

    def __init__(self, folder: Path, *options: str) -> None:
        """`options` as of the program `postgres`."""
        super().__init__(folder)
        (self.port,) = free_ports(1)
        self._options = options
        self._data = Path(tempfile.mkdtemp(prefix="lorekeeper-postgresql-"))
        self._databases = 0

    def start(self) -> None:
        """The first start makes the cluster and its user."""
        new = not (self._data / "PG_VERSION").exists()
        if new:
            self._make()
        super().start()
        if new:
            self.run(f"CREATE USER {USER} PASSWORD '{PASSWORD}'")

    def _make(self) -> None:
        if self.user:
            shutil.chown(self._data, self.user)
        arguments = ["-D", str(self._data), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "-N"]
        done = subprocess.run(
            [_program("initdb"), *arguments],
            **as_user(self.user),
            env={},
            cwd="/",
            capture_output=True,
            text=True,
        )
        if done.returncode != 0:
            raise ServerError(f"PostgreSQL's initdb failed: {done.stderr}")
        access = "host all postgres 127.0.0.1/32 trust\nhost all all 127.0.0.1/32 scram-sha-256\n"
        (self._data / "pg_hba.conf").write_text(access)

    def discard(self) -> None:
        super().discard()
        shutil.rmtree(self._data)

    def create_database(self, options: str = "") -> str:
        """Return the URL of a new, empty database; `options` as in CREATE DATABASE."""
        self._databases += 1
        name = f"test{self._databases}"
        self.run(f"CREATE DATABASE {name} OWNER {USER} {options}")
        return self.url(name)

    def drop_database(self, url: str) -> None:
        """Whoever is connected to it is thrown out."""
        self.run(f"DROP DATABASE {url.rpartition('/')[2]} WITH (FORCE)")

    def url(self, database: str) -> str:
        return f"postgresql://{USER}:{quote(PASSWORD, safe='')}@127.0.0.1:{self.port}/{database}"

    def run(self, statement: str, database: str = "postgres") -> str:
        """Run SQL as the superuser; return what it printed, rows as lines."""
        where = ["-h", "127.0.0.1", "-p", str(self.port), "-U", "postgres", "-d", database]
        done = subprocess.run(
            [_program("psql"), "-XqtA", "-v", "ON_ERROR_STOP=1", *where, "-c", statement],
            env={},
            capture_output=True,
            text=True,
        )
        if done.returncode != 0:
            raise ServerError(f"PostgreSQL refused {statement!r}: {done.stderr}")
        return done.stdout.rstrip("\n")

    def command(self) -> Sequence[str]:
        # No fsync: no test cuts the power, and kill -9 loses nothing that the system has.
        options = ["-h", "127.0.0.1", "-p", str(self.port), "-k", "", "-F", *self._options]
        return [_program("postgres"), "-D", str(self._data), *options]

    def environment(self) -> Mapping[str, str]:
        return {}

    def ready(self) -> bool:
        where = ["-h", "127.0.0.1", "-p", str(self.port)]
        return subprocess.run([_program("pg_isready"), *where], env={}, capture_output=True).returncode == 0


def _program(name: str) -> str:
    return str(POSTGRES_PROGRAMS / name)
