"""What a copy remembers beside its target's data, so that it can go on after kill -9: that it began, which
sources it took over, and, once it is done, what it left in the target.

By it a copy tells its own unfinished target from one that already holds something else.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from filelock import FileLock, Timeout
from pydantic import BaseModel, ConfigDict, ValidationError

from agent.contracts import GuildId, SourceId
from agent.errors import StoreBusyError, StoreError
from agent.files import write_atomically, write_error
from agent.moving.verify import Digest, Digests

FOLDER = "moves"
"""In the data folder."""

SourceKey = tuple[GuildId, SourceId]


class PartDigest(BaseModel):
    """The digest of one table of one guild, as a file holds it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    guild: str
    table: str
    rows: int
    sha256: str


def as_parts(digests: Digests) -> tuple[PartDigest, ...]:
    return tuple(
        PartDigest(guild=guild, table=table, rows=digest.rows, sha256=digest.sha256)
        for (guild, table), digest in sorted(digests.items())
    )


def as_digests(parts: Iterable[PartDigest]) -> dict[tuple[str, str], Digest]:
    return {(part.guild, part.table): Digest(rows=part.rows, sha256=part.sha256) for part in parts}


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal[1] = 1
    source: str
    target: str
    begun: datetime
    finished: tuple[PartDigest, ...] | None = None


class MoveRecord:
    """The memory of one copy, from one place to another. Made by `open_record`."""

    def __init__(self, folder: Path, source: str, target: str) -> None:
        self.folder = folder
        self._file = folder / "record.json"
        self._sources_file = folder / "sources.jsonl"
        self._source = source
        self._target = target

    @property
    def begun(self) -> bool:
        return self._file.exists()

    def begin(self) -> None:
        """Say so before anything is written to the target."""
        self._write(None)

    def finish(self, digests: Digests) -> None:
        self._write(as_parts(digests))

    def finished(self) -> dict[tuple[str, str], Digest] | None:
        """Return what the target held when the copy was done; None while it is not."""
        try:
            record = _Record.model_validate_json(self._file.read_bytes())
        except (OSError, ValidationError) as error:
            raise StoreError(
                f"{self._file} cannot be read.", "Empty the target, delete this file and begin again."
            ) from error
        return None if record.finished is None else as_digests(record.finished)

    def sources(self) -> set[SourceKey]:
        """Return every source that was put into the target."""
        if not self._sources_file.exists():
            return set()
        lines = self._sources_file.read_text("utf-8").split("\n")
        return {source for source in map(_source_of, lines) if source is not None}

    def add_source(self, source: SourceKey) -> None:
        """Remember a source before it is put."""
        try:
            with self._sources_file.open("a", encoding="utf-8") as file:
                # A line begins with its end mark, so that one which a kill cut short spoils no other.
                file.write("\n" + json.dumps(source))
        except OSError as error:
            raise write_error(self._sources_file, error) from error

    def forget(self) -> None:
        """Leave nothing: the copy is done, and never goes on."""
        shutil.rmtree(self.folder)
        if not any(self.folder.parent.iterdir()):
            self.folder.parent.rmdir()

    def _write(self, finished: tuple[PartDigest, ...] | None) -> None:
        record = _Record(source=self._source, target=self._target, begun=datetime.now(UTC), finished=finished)
        write_atomically(self._file, record.model_dump_json(indent=1).encode())


def _source_of(line: str) -> SourceKey | None:
    """None for a line that was cut short: what it names was not put yet."""
    try:
        guild, source = json.loads(line)
    except ValueError:
        return None
    return GuildId(guild), SourceId(source)


@contextmanager
def open_record(data_dir: Path, source: str, target: str) -> Iterator[MoveRecord]:
    """Give the memory of a copy from `source` to `target`. Raises `StoreBusyError` while it runs already."""
    key = hashlib.sha256(json.dumps([source, target]).encode()).hexdigest()[:16]
    folder = data_dir / FOLDER / key
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / "lock", timeout=0)
        lock.acquire()
    except Timeout:
        raise StoreBusyError(f"This copy to {target} is running already.", "Wait for it to end.") from None
    except OSError as error:
        raise write_error(folder, error) from error
    try:
        yield MoveRecord(folder, source, target)
    finally:
        lock.release()
