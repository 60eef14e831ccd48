"""Questions that came by command and have no answer yet, as they are kept for the next start. A row goes with
its answer: unlike a message, a command cannot come twice.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

from sqlalchemy import delete, insert, select, update

from agent.contracts import GuildId, Intent, MemberId, Slug
from agent.database import tables
from agent.database.engine import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingCommand:
    guild: GuildId
    interaction: int
    """Its id."""
    channel: int
    member: MemberId
    token: str
    """What Discord lets the bot answer with, for fifteen minutes."""
    private: bool
    placeholder: int | None
    """The message that will become the answer."""
    text: str
    category: Slug | None
    intent: Intent | None
    locale: str


class PendingCommands:
    """One for the process. Every call raises `StoreError` only."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def begin(self, command: PendingCommand) -> None:
        async with self._database.write() as connection:
            await connection.execute(insert(tables.bot_commands), asdict(command))

    async def set_placeholder(self, guild: GuildId, interaction: int, placeholder: int) -> None:
        columns = tables.bot_commands.c
        async with self._database.write() as connection:
            await connection.execute(
                update(tables.bot_commands)
                .where(columns.guild == guild, columns.interaction == interaction)
                .values(placeholder=placeholder)
            )

    async def end(self, guild: GuildId, interaction: int) -> None:
        """The command is answered, or never will be."""
        columns = tables.bot_commands.c
        async with self._database.write() as connection:
            await connection.execute(
                delete(tables.bot_commands).where(columns.guild == guild, columns.interaction == interaction)
            )

    async def unfinished(self) -> tuple[PendingCommand, ...]:
        """Oldest first."""
        query = select(tables.bot_commands).order_by(tables.bot_commands.c.interaction)
        async with self._database.read() as connection:
            rows = (await connection.execute(query)).mappings().all()
        return tuple(
            PendingCommand(**{**row, "intent": Intent(row["intent"]) if row["intent"] else None})
            for row in rows
        )
