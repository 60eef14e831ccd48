"""Rows to write and read where a test is about the database and not about what is kept in it."""

from sqlalchemy import insert, select

from agent.database.engine import Database
from agent.database.tables import guilds


async def put_guild(database: Database, guild: str) -> None:
    async with database.write() as connection:
        await connection.execute(insert(guilds).values(id=guild, revision=0))


async def guilds_in(database: Database) -> set[str]:
    async with database.read() as connection:
        return set(await connection.scalars(select(guilds.c.id)))
