"""What is offered while a name is typed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from discord import Interaction, app_commands

if TYPE_CHECKING:
    from bot.client import Lorekeeper

_MOST = 25
"""Discord shows no more."""


async def topic_choices(interaction: Interaction[Lorekeeper], current: str) -> list[app_commands.Choice[str]]:
    """The guild's categories whose name or slug holds what was typed."""
    if interaction.guild_id is None:
        return []
    bot = interaction.client
    categories = await bot.installation.stores.catalog.categories(bot.guild_id(interaction.guild_id))
    wanted = current.casefold()
    found = [each for each in categories if wanted in each.name.casefold() or wanted in each.slug]
    return [app_commands.Choice(name=each.name[:100], value=each.slug) for each in found[:_MOST]]
