"""Decisions in the database, in the order of the journal's count. Raises `StoreError`, `UsageError`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeAlias

from pydantic import TypeAdapter
from sqlalchemy import RowMapping, select
from sqlalchemy.ext.asyncio import AsyncConnection

from agent.contracts import GuildId
from agent.database import tables
from agent.database.engine import Database
from agent.database.reading import read_as
from agent.errors import UsageError
from agent.journal.positions import next_position
from tuning.labels.decisions import Act, Decision, standing_decisions

_TABLE: Final = tables.decisions
_DECISION: Final = TypeAdapter(Decision)
_COLUMNS: Final = frozenset({"guild", "id", "item", "episode", "member", "at", "act"})

Follows: TypeAlias = Callable[[AsyncConnection], Awaitable[None]]
"""Writes what follows from a decision, in the transaction of the decision."""


class DecidedMeanwhileError(UsageError):
    """Somebody else decided it while the reviewer was looking at it."""


class DecisionStore:
    """Append-only: what is undone stays, and the undoing stands beside it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def all(self, guild: GuildId) -> tuple[Decision, ...]:
        """Every decision in the order in which they were stored, undone ones and undoings included."""
        async with self._database.read() as connection:
            return await _all(connection, guild)

    async def add(self, decision: Decision, *, wanted: int = 1, follows: Follows | None = None) -> None:
        """Durable when it returns, with all that `follows`. The same id again changes nothing.

        `wanted` is how many people it is asked of. Raises `DecidedMeanwhileError` when as many others have
        decided the question and their decisions are not among what the reviewer knew.
        """
        body = _DECISION.dump_python(decision, mode="json", exclude=set(_COLUMNS))
        row = {name: getattr(decision, name) for name in _COLUMNS} | {"body": body}
        async with self._database.write() as connection:
            row["position"] = await next_position(self._database, connection, decision.guild)
            if decision.act is not Act.UNDO:
                _require_open(decision, await _all(connection, decision.guild), wanted)
            await connection.execute(self._database.upsert(_TABLE), row)
            if follows is not None:
                await follows(connection)


def _require_open(decision: Decision, before: tuple[Decision, ...], wanted: int) -> None:
    others = {
        each.member
        for each in standing_decisions(before)
        if each.item == decision.item and each.member != decision.member and each.id not in decision.seen
    }
    if len(others) >= wanted:
        raise DecidedMeanwhileError("Somebody else has just decided this.", "Here is the next one.")


async def _all(connection: AsyncConnection, guild: GuildId) -> tuple[Decision, ...]:
    query = select(_TABLE).where(_TABLE.c.guild == guild).order_by(_TABLE.c.position)
    return tuple(map(_decision, (await connection.execute(query)).mappings()))


def _decision(row: RowMapping) -> Decision:
    values: dict[str, Any] = row["body"] | {name: row[name] for name in _COLUMNS}
    return read_as(_DECISION, values, f"Decision {row['id']}")
