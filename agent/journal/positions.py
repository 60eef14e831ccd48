"""The count by which everything that is said in a guild has an order, whatever the clocks say."""

from __future__ import annotations

from typing import Final

from sqlalchemy import bindparam, update
from sqlalchemy.ext.asyncio import AsyncConnection

from agent.contracts import GuildId
from agent.database import tables
from agent.database.engine import Database

_POSITIONS: Final = tables.journal_positions
_RAISED: Final = (
    update(_POSITIONS)
    .where(_POSITIONS.c.guild == bindparam("of"))
    .values(last=_POSITIONS.c.last + 1)
    .returning(_POSITIONS.c.last)
)


async def next_position(database: Database, connection: AsyncConnection, guild: GuildId) -> int:
    """Raise the guild's count and return it. Its row is held until the transaction of `connection` ends, so
    that nobody else writes in between.
    """
    position: int | None = await connection.scalar(_RAISED, {"of": guild})
    if position is None:
        await connection.execute(database.upsert(_POSITIONS), {"guild": guild, "last": 0})
        position = (await connection.execute(_RAISED, {"of": guild})).scalar_one()
    return position
