"""The registry: adapters that were trained, each with its file, and what was done with them.

A file lies in the data folder under its own sha256, so two guilds that came to the same bytes share it, and
none is ever written over. The row comes after the file: what a kill leaves behind is a file that no row
names, which `remove_unreferenced` finds.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from pydantic import TypeAdapter
from sqlalchemy import RowMapping, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from agent.contracts import GuildId, MemberId
from agent.database import tables
from agent.database.engine import Database
from agent.database.reading import read_as
from agent.errors import ModelBrokenError, ModelMissingError, UsageError
from agent.files import made_atomically, write_error
from agent.serving.served import ADAPTERS_FOLDER, Task, adapter_file
from tuning.registry.adapter import Adapter
from tuning.registry.events import Act, AdapterEvent, read_events, write_event

_TABLE: Final = tables.adapters
_VERSIONS: Final = tables.dataset_versions
_ADAPTER: Final = TypeAdapter(Adapter)
_COLUMNS: Final = frozenset({"guild", "id", "task", "made_at"})


class Registry:
    """Of every guild. Raises `StoreError`, and `UsageError` for an adapter that is not there."""

    def __init__(self, database: Database, data_dir: Path) -> None:
        self._database = database
        self._data_dir = data_dir

    def file_of(self, adapter: Adapter) -> Path:
        return self._data_dir / adapter_file(adapter.digest)

    async def add(self, adapter: Adapter, file: Path) -> None:
        """Take an adapter in and move its file into the data folder; the same again changes nothing.

        Raises `ModelMissingError`, and `ModelBrokenError` when the file is not what the adapter says.
        """
        await asyncio.to_thread(_take, file, self.file_of(adapter), adapter)
        async with self._database.write() as connection:
            where = (_TABLE.c.guild == adapter.guild) & (_TABLE.c.id == adapter.id)
            if (await connection.execute(select(_TABLE.c.id).where(where))).first() is not None:
                return
            await connection.execute(insert(_TABLE), _row(adapter))
            await write_event(connection, adapter.guild, adapter.id, Act.ADDED, at=adapter.made_at)
            known = (_VERSIONS.c.guild == adapter.guild) & (_VERSIONS.c.id == adapter.dataset)
            version = (await connection.execute(select(_VERSIONS.c.body).where(known))).first()
            if version is not None and (left := version.body["replaced_by"]):
                # Somebody was forgotten while it was being trained.
                detail = {"left": left}
                await write_event(
                    connection,
                    adapter.guild,
                    adapter.id,
                    Act.HOLDS_FORGOTTEN,
                    at=adapter.made_at,
                    detail=detail,
                )

    async def get(self, guild: GuildId, id_: str) -> Adapter:
        """An adapter by its id, or by the end of it where no other ends so: ids of one day begin alike."""
        found = [each for each in await self.all(guild) if each.id.endswith(id_)]
        exact = [each for each in found if each.id == id_] or found
        if len(exact) != 1 or not id_:
            raise UsageError(
                f"There is no one adapter {id_}.", "`lorekeeper tune adapters` lists them with their ids."
            )
        return exact[0]

    async def all(self, guild: GuildId, task: Task | None = None) -> tuple[Adapter, ...]:
        """Oldest first."""
        where = _TABLE.c.guild == guild
        if task is not None:
            where &= _TABLE.c.task == task.value
        async with self._database.read() as connection:
            rows = await connection.execute(select(_TABLE).where(where).order_by(_TABLE.c.id))
            return tuple(map(_adapter, rows.mappings()))

    async def log(
        self,
        guild: GuildId,
        adapter: str,
        act: Act,
        *,
        at: datetime,
        member: MemberId | None = None,
        detail: Mapping[str, Any] | None = None,
    ) -> None:
        """Write down what was done with an adapter. Who serves is changed by `Promotion` only."""
        async with self._database.write() as connection:
            await write_event(connection, guild, adapter, act, at=at, member=member, detail=detail)

    async def events(self, guild: GuildId, adapter: str | None = None) -> tuple[AdapterEvent, ...]:
        """Oldest first; of one adapter, or of all."""
        async with self._database.read() as connection:
            return await read_events(connection, guild, adapter)

    async def remove_unreferenced(self) -> int:
        """Delete the files that no adapter of any guild names; return how many. Not while one is added."""
        async with self._database.read() as connection:
            rows = (await connection.execute(select(_TABLE))).mappings().all()
        named = {self.file_of(_adapter(row)) for row in rows}
        return await asyncio.to_thread(_remove_others, self._data_dir / ADAPTERS_FOLDER, named)


async def read_adapter(connection: AsyncConnection, guild: GuildId, id_: str) -> Adapter:
    """An adapter that is there, within the caller's transaction."""
    where = (_TABLE.c.guild == guild) & (_TABLE.c.id == id_)
    return _adapter((await connection.execute(select(_TABLE).where(where))).mappings().one())


def _take(file: Path, place: Path, adapter: Adapter) -> None:
    if not file.is_file() and place.is_file():
        file = place  # a run that was killed after the move
    try:
        digest = _sha256(file)
        if digest != adapter.digest:
            raise ModelBrokenError(
                f"{file} is not the adapter that was made: its sha256 is {digest[:12]}…, "
                f"not {adapter.digest[:12]}….",
                "Train again; the adapter in service is not touched.",
            )
        if file != place:
            _move(file, place)
    except FileNotFoundError as error:
        raise ModelMissingError(f"There is no adapter at {file}.", "Train again.") from error
    except OSError as error:
        raise write_error(place, error) from error


def _move(file: Path, place: Path) -> None:
    """Through a copy where they are on different disks; the file goes once its place is durable."""
    with made_atomically(place) as part, file.open("rb") as source, part.open("wb") as target:
        while block := source.read(1 << 20):
            target.write(block)
        target.flush()
        os.fsync(target.fileno())
    file.unlink()


def _sha256(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _remove_others(folder: Path, named: set[Path]) -> int:
    others = [path for path in folder.glob("*.gguf") if path not in named]
    for path in others:
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise write_error(path, error) from error
    return len(others)


def _row(adapter: Adapter) -> dict[str, Any]:
    body = _ADAPTER.dump_python(adapter, mode="json", exclude=set(_COLUMNS))
    columns = {"guild": adapter.guild, "id": adapter.id, "task": adapter.task.value}
    return columns | {"made_at": adapter.made_at, "body": body}


def _adapter(row: RowMapping) -> Adapter:
    values = row["body"] | {name: row[name] for name in _COLUMNS}
    return read_as(_ADAPTER, values, f"Adapter {row['id']}")
