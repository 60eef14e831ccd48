"""What the bot keeps of members beside the journal: who asked what where, and what admins changed.

What an admin changed stays, since it is about the guild; who it was is taken out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import RowMapping, Table, delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from agent.contracts import MemberId
from agent.database import tables
from agent.database.engine import Database
from agent.privacy.protocol import FORGOTTEN, Removed, Subject, Traces

_OF_MEMBERS: Mapping[str, Table] = {
    "answers": tables.bot_answers,
    "questions": tables.bot_questions,
    "commands": tables.bot_commands,
    "home": tables.bot_homes,
}
"""Tables whose rows are a member's, by their section of the export."""


class BotHolder:
    tables = frozenset(
        {"bot_answers", "bot_questions", "bot_commands", "bot_homes", "bot_entries", "bot_audit"}
    )

    def __init__(self, database: Database) -> None:
        self._database = database

    async def export(self, who: Subject, traces: Traces) -> Mapping[str, Sequence[object]]:
        async with self._database.read() as connection:
            found: dict[str, Sequence[object]] = {
                section: await _rows(connection, table, _theirs(table, who))
                for section, table in _OF_MEMBERS.items()
            }
            entries = await _rows(connection, tables.bot_entries, _entries(who, traces))
            changes = await self._changes(connection, who)
        shown = [{name: row[name] for name in ("at", "action", "detail")} for row in changes]
        return found | {"entries": entries, "changes": shown}

    async def forget(self, who: Subject, traces: Traces) -> Removed:
        removed = 0
        async with self._database.write() as connection:
            for table in _OF_MEMBERS.values():
                removed += (await connection.execute(delete(table).where(_theirs(table, who)))).rowcount
            entries = await connection.execute(delete(tables.bot_entries).where(_entries(who, traces)))
            changes = await self._changes(connection, who)
            await _rewrite(connection, who, changes)
        return {"messages": removed + entries.rowcount, "changes made nobody's": len(changes)}

    async def _changes(self, connection: AsyncConnection, who: Subject) -> list[RowMapping]:
        """What the member changed, and what others changed about them."""
        table = tables.bot_audit
        rows = (await connection.execute(select(table).where(table.c.guild == who.guild))).mappings().all()
        return [
            row
            for row in rows
            if row["member"] == who.member or without(row["detail"], who.member) != row["detail"]
        ]


def without(value: Any, member: MemberId) -> Any:
    """A JSON value in which a member's id, as text or as a number, is nobody's."""
    if isinstance(value, dict):
        return {key: without(each, member) for key, each in value.items()}
    if isinstance(value, list):
        return [without(each, member) for each in value]
    is_id = not isinstance(value, bool) and isinstance(value, str | int) and str(value) == member
    return FORGOTTEN if is_id else value


async def _rewrite(connection: AsyncConnection, who: Subject, changes: Sequence[RowMapping]) -> None:
    """The log refuses to be updated, so a row goes and comes back under its id."""
    table = tables.bot_audit
    for row in changes:
        by = FORGOTTEN if row["member"] == who.member else row["member"]
        clean = dict(row) | {"member": by, "detail": without(row["detail"], who.member)}
        await connection.execute(delete(table).where(table.c.guild == who.guild, table.c.id == row["id"]))
        await connection.execute(insert(table), clean)


def _theirs(table: Table, who: Subject) -> Any:
    return (table.c.guild == who.guild) & (table.c.member == who.member)


def _entries(who: Subject, traces: Traces) -> Any:
    columns = tables.bot_entries.c
    return (columns.guild == who.guild) & columns.entry.in_(sorted(traces.sources))


async def _rows(connection: AsyncConnection, table: Table, where: Any) -> list[dict[str, Any]]:
    """Without tokens: who holds one speaks as the bot."""
    columns = [column for column in table.c if column.name != "token"]
    return [dict(row) for row in (await connection.execute(select(*columns).where(where))).mappings()]
