"""Append-only tables of what became of something: a row an event, in the order in which they were stored."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, RowMapping, Table, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from agent.contracts import GuildId
from agent.database.engine import Database
from agent.ids import new_id


def event_row(
    guild: GuildId,
    *,
    at: datetime,
    state: str,
    detail: Mapping[str, Any],
    event: str = "",
    **about: str,
) -> dict[str, Any]:
    """A row, with an id of its own unless it is given; `about` is the column that names what it is about."""
    return {
        "guild": guild,
        "id": event or new_id(),
        "at": at,
        "state": state,
        "detail": dict(detail),
        **about,
    }


@dataclass(frozen=True, slots=True)
class EventTable:
    """Raises `StoreError`."""

    database: Database
    table: Table
    within: AsyncConnection | None = None
    """A write of the database that is under way, in which everything happens: what is added is durable when
    that write ends. Each call is a transaction of its own without.
    """

    async def add(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """All of them or none; durable when it returns."""
        if rows:
            async with self._writing() as connection:
                await connection.execute(insert(self.table), list(rows))

    async def rows(self, guild: GuildId, *where: ColumnElement[bool]) -> Sequence[RowMapping]:
        """Oldest first."""
        query = select(self.table).where(self.table.c.guild == guild, *where).order_by(self.table.c.id)
        async with self._reading() as connection:
            return (await connection.execute(query)).mappings().all()

    @asynccontextmanager
    async def _writing(self) -> AsyncIterator[AsyncConnection]:
        if self.within is not None:
            yield self.within
            return
        async with self.database.write() as connection:
            yield connection

    @asynccontextmanager
    async def _reading(self) -> AsyncIterator[AsyncConnection]:
        if self.within is not None:
            yield self.within
            return
        async with self.database.read() as connection:
            yield connection
