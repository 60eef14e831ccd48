"""What routing worked out before, on the disk: vectors of labelled questions, likelihoods of a model.

It is only a memory. When it cannot be read or written it is as if it were empty, which the log says, and
everything is worked out again. Texts are kept as hashes; `keep_only` forgets those that the guild no longer
has, so that a removed example leaves nothing behind. SQLite, because several processes may use it at once.
"""

from __future__ import annotations

import hashlib
import logging
import sqlite3
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from agent.contracts import GuildId

_log = logging.getLogger(__name__)

_BUSY_SECONDS = 10.0
_SCHEMA = """
CREATE TABLE IF NOT EXISTS learned (
    guild TEXT, maker TEXT, text BLOB, given BLOB, row BLOB NOT NULL, PRIMARY KEY (guild, maker, text, given)
) WITHOUT ROWID
"""
_T = TypeVar("_T")

Row = NDArray[np.float32]


MEMORY_FILE = "routing.db"
"""In the data folder."""


class RoutingMemory:
    """Rows of float32 by guild, maker (the digest of a model), text, and what else was given to the maker.

    Blocking: call it in a thread. Raises nothing.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def recall(self, guild: GuildId, maker: str, texts: Sequence[str], given: str = "") -> dict[str, Row]:
        """Return the rows of those texts that are known."""
        key_of = {_hash(text): text for text in texts}

        def read(connection: sqlite3.Connection) -> dict[str, Row]:
            found = connection.execute(
                "SELECT text, row FROM learned WHERE guild = ? AND maker = ? AND given = ?",
                (guild, maker, _hash(given)),
            )
            return {key_of[key]: np.frombuffer(row, np.float32) for key, row in found if key in key_of}

        return self._try(read, {})

    def remember(self, guild: GuildId, maker: str, rows: Mapping[str, Row], given: str = "") -> None:
        values = [
            (guild, maker, _hash(text), _hash(given), row.astype(np.float32).tobytes())
            for text, row in rows.items()
        ]

        def write(connection: sqlite3.Connection) -> None:
            connection.executemany("INSERT OR REPLACE INTO learned VALUES (?, ?, ?, ?, ?)", values)

        self._try(write, None)

    def keep_only(self, guild: GuildId, texts: Collection[str]) -> None:
        """Forget what was worked out for any other text of the guild."""
        kept = {_hash(text) for text in texts}

        def forget(connection: sqlite3.Connection) -> None:
            known = connection.execute("SELECT DISTINCT text FROM learned WHERE guild = ?", (guild,))
            gone = [(guild, key) for (key,) in known if key not in kept]
            connection.executemany("DELETE FROM learned WHERE guild = ? AND text = ?", gone)

        self._try(forget, None)

    def _try(self, use: Callable[[sqlite3.Connection], _T], otherwise: _T) -> _T:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with closing(sqlite3.connect(self._path, timeout=_BUSY_SECONDS)) as connection, connection:
                connection.execute("PRAGMA secure_delete = ON")
                connection.execute(_SCHEMA)
                return use(connection)
        except (OSError, sqlite3.Error) as error:
            _log.warning("Routing works without its memory %s: %s", self._path, error)
            return otherwise


def _hash(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
