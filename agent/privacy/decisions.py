"""What reviewers decided: of each member the decisions they made, and what was decided of their questions.

A decision also goes when the passages that it rests on are the member's words: its answer says them again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import RowMapping, delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from agent.database import tables
from agent.database.engine import Database
from agent.privacy.protocol import Removed, Subject, Traces

_TABLE: Final = tables.decisions


class DecisionsHolder:
    """Forgets before the journal does: by the episodes there it knows whose questions were decided."""

    tables = frozenset({_TABLE.name})

    def __init__(self, database: Database) -> None:
        self._database = database

    async def export(self, who: Subject, traces: Traces) -> Mapping[str, Sequence[object]]:
        columns = _TABLE.c
        query = select(_TABLE).where(columns.guild == who.guild, columns.member == who.member)
        async with self._database.read() as connection:
            rows = (await connection.execute(query.order_by(columns.position))).mappings().all()
        return {"decisions": [_shown(row) for row in rows]}

    async def forget(self, who: Subject, traces: Traces) -> Removed:
        columns, episodes = _TABLE.c, tables.episodes.c
        asked = select(episodes.id).where(episodes.guild == who.guild, episodes.member == who.member)
        theirs = (columns.member == who.member) | columns.episode.in_(asked)
        async with self._database.write() as connection:
            quoting = await _quoting(connection, who, traces)
            gone = await connection.execute(
                delete(_TABLE).where(columns.guild == who.guild, theirs | columns.id.in_(quoting))
            )
        return {"decisions": gone.rowcount}


async def _quoting(connection: AsyncConnection, who: Subject, traces: Traces) -> list[str]:
    """The decisions whose evidence is the member's words."""
    rows = await connection.execute(select(_TABLE.c.id, _TABLE.c.body).where(_TABLE.c.guild == who.guild))
    return [
        row.id
        for row in rows
        if any(
            each["passage"] in traces.passages or each["source"] in traces.sources
            for each in row.body["evidence"]
        )
    ]


def _shown(row: RowMapping) -> dict[str, Any]:
    """Without the ids of other people's feedback."""
    hidden = {"seen", "evidence"}
    said = {name: value for name, value in row["body"].items() if name not in hidden}
    return {name: row[name] for name in ("at", "act", "item", "episode")} | said
