"""Who may do what, checked when it is done: what Discord lets through is a default that others can change."""

from __future__ import annotations

from typing import TYPE_CHECKING

import discord

from agent.contracts import GuildId, Role
from bot.errors import NotAllowedError
from bot.state.config import GuildConfig, Power
from bot.texts import Texts, texts_for

if TYPE_CHECKING:
    from bot.client import Lorekeeper


def has_power(config: GuildConfig, author: discord.abc.User, power: Power) -> bool:
    """In direct messages the member is not known as one; the guild they turn out to mean is asked then."""
    if not isinstance(author, discord.Member):
        return True
    roles = frozenset(role.id for role in author.roles)
    return config.has(power, roles, manages=author.guild_permissions.manage_guild)


def role_of(config: GuildConfig, author: discord.abc.User) -> Role:
    """In which capacity somebody gives feedback: an admin's or reviewer's correction counts alone."""
    if not isinstance(author, discord.Member):
        return Role.MEMBER
    if has_power(config, author, Power.ADMINISTER):
        return Role.ADMIN
    return Role.REVIEWER if has_power(config, author, Power.REVIEW) else Role.MEMBER


async def require_power(
    bot: Lorekeeper, interaction: discord.Interaction[Lorekeeper], power: Power
) -> tuple[GuildId, Texts]:
    """Return whose knowledge a command is about, and the member's texts. Raises `NotAllowedError`."""
    texts = texts_for(interaction.locale.value)
    if interaction.guild_id is None:
        raise NotAllowedError(texts.guild_only)
    guild = bot.guild_id(interaction.guild_id)
    if not has_power(await bot.state.config(guild), interaction.user, power):
        raise NotAllowedError(texts.not_allowed.format(what=texts.powers[power]))
    return guild, texts
