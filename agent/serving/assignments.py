"""Who serves each task of each guild: one row each, read for every question. Answers about one category may
have a row of their own, which goes before the guild's.

What was read is remembered for two seconds, so that a promotion in another process is seen as soon. A change
through the same object is seen at once.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Final, TypeAlias

from pydantic import TypeAdapter, ValidationError
from sqlalchemy import RowMapping, select
from sqlalchemy.ext.asyncio import AsyncConnection

from agent.contracts import GuildId, Slug
from agent.database import tables
from agent.database.engine import Database
from agent.errors import StoreError, UsageError
from agent.serving.served import Assignment, Task

REMEMBERED_SECONDS: Final = 2.0

Place: TypeAlias = tuple[GuildId, Task, Slug | None]
"""Where an adapter serves: a task of a guild, for one category or, with None, wherever nothing else does."""

_BODY: Final = TypeAdapter(Assignment)


class Assignments:
    """Raises `StoreError`. Share one object in a process: what it remembers is its own."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._remembered: dict[Place, tuple[float, Assignment]] = {}
        self._changes = 0

    async def get(self, guild: GuildId, task: Task, category: Slug | None = None) -> Assignment:
        """Return who serves there; nobody where nothing was assigned."""
        place = guild, task, category
        read_at, remembered = self._remembered.get(place, (float("-inf"), Assignment()))
        if time.monotonic() - read_at < REMEMBERED_SECONDS:
            return remembered
        changes, now = self._changes, time.monotonic()
        async with self._database.read() as connection:
            found = await read_assignment(connection, guild, task, category)
        # What changed while it was being read must not be hidden by what was read.
        if changes == self._changes:
            self._remembered[place] = now, found
        return found

    async def all(self) -> Mapping[Place, Assignment]:
        """Return every assignment, as it is kept at this moment."""
        async with self._database.read() as connection:
            rows = (await connection.execute(select(tables.serving))).mappings().all()
        return {_place(row): _assignment(row["body"]) for row in rows}

    async def put(
        self, guild: GuildId, task: Task, assignment: Assignment, category: Slug | None = None
    ) -> None:
        """Let these serve from the next question on. Raises `UsageError` for a share outside of 0 to 1."""
        async with self._database.write() as connection:
            await self.put_within(connection, guild, task, assignment, category)
        self.forget(guild, task, category)

    async def put_within(
        self,
        connection: AsyncConnection,
        guild: GuildId,
        task: Task,
        assignment: Assignment,
        category: Slug | None = None,
    ) -> None:
        """The same within the caller's transaction; call `forget` when that has ended well."""
        if not 0 <= assignment.share <= 1:
            raise UsageError(f"A challenger's share is between 0 and 1, not {assignment.share:g}.")
        row = {"guild": guild, "task": task.value, "category": category or "", "body": asdict(assignment)}
        await connection.execute(self._database.upsert(tables.serving, ("body",)), row)

    def forget(self, guild: GuildId, task: Task, category: Slug | None = None) -> None:
        """Read anew at the next question."""
        self._changes += 1
        self._remembered.pop((guild, task, category), None)


async def read_assignment(
    connection: AsyncConnection, guild: GuildId, task: Task, category: Slug | None = None
) -> Assignment:
    """Read within the caller's transaction. Raises `StoreError`."""
    columns = tables.serving.c
    there = (columns.guild == guild) & (columns.task == task.value) & (columns.category == (category or ""))
    body = await connection.scalar(select(columns.body).where(there))
    return Assignment() if body is None else _assignment(body)


def _place(row: RowMapping) -> Place:
    return GuildId(row["guild"]), Task(row["task"]), Slug(row["category"]) if row["category"] else None


def _assignment(body: Any) -> Assignment:
    try:
        return _BODY.validate_python(body)
    except ValidationError as error:
        raise StoreError(
            "What the database says of the adapters in service cannot be read.",
            "It may be of a newer Lorekeeper; `lorekeeper doctor` says which version runs.",
        ) from error
