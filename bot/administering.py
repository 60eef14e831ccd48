"""What all commands of admins share: who is offered them, the audit log, and answers of any length."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

import discord
from discord import app_commands

from agent.contracts import GuildId, MemberId
from bot.errors import say
from bot.splitter import split
from bot.state.config import GuildConfig
from bot.translating import described

if TYPE_CHECKING:
    from bot.client import Lorekeeper

OFFERED_TO: Final = discord.Permissions(manage_guild=True)
"""Discord's own default, which others can change: each command checks again with `require_power`."""


def admin_group(name: str) -> app_commands.Group:
    """A group of commands that Discord offers to who manages the guild."""
    return app_commands.Group(
        name=name, description=described(name), guild_only=True, default_permissions=OFFERED_TO
    )


async def change_config(
    interaction: discord.Interaction[Lorekeeper],
    guild: GuildId,
    change: Callable[[GuildConfig], GuildConfig],
    action: str,
    detail: Mapping[str, Any],
) -> GuildConfig:
    """Change what the guild's admins chose, and write down who did."""
    by = MemberId(str(interaction.user.id))
    return await interaction.client.state.change_config(guild, change, by=by, action=action, detail=detail)


async def audit(
    interaction: discord.Interaction[Lorekeeper], guild: GuildId, action: str, detail: Mapping[str, Any]
) -> None:
    """Write down what was changed elsewhere than in the configuration."""
    by = MemberId(str(interaction.user.id))
    await interaction.client.state.audit(guild, by=by, action=action, detail=detail)


async def tell(interaction: discord.Interaction[Any], text: str) -> None:
    """Tell the admin alone, in as many messages as it takes."""
    for part in split(text):
        await say(interaction, part)
