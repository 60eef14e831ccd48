"""Messages that are deleted, however Discord tells of it: one by one, or many at once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import discord

from agent.contracts import GuildId

if TYPE_CHECKING:
    from bot.client import Lorekeeper


def hear_deletions(bot: Lorekeeper, forget: Callable[[GuildId, set[int]], Awaitable[None]]) -> None:
    """Have `forget` told of the messages of guilds that are deleted, as long as the bot runs."""

    async def one(payload: discord.RawMessageDeleteEvent) -> None:
        if payload.guild_id is not None:
            await forget(bot.guild_id(payload.guild_id), {payload.message_id})

    async def many(payload: discord.RawBulkMessageDeleteEvent) -> None:
        if payload.guild_id is not None:
            await forget(bot.guild_id(payload.guild_id), payload.message_ids)

    bot.add_listener(one, "on_raw_message_delete")
    bot.add_listener(many, "on_raw_bulk_message_delete")
