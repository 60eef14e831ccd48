"""`/reload`: what was changed outside of Discord is read again without a restart.

The guild's choices, its topics and what they taught the router are read anew; settings are put in force
where that is possible, and the others are named; Discord is told of the commands when they changed.
Texts and prompts are part of the program: a new version of it needs a restart, which loses no question.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import fields
from typing import TYPE_CHECKING

import discord
from discord import app_commands
from discord.ext import commands

from agent.contracts import GuildId
from agent.errors import ConfigurationError
from agent.language.counts import Count
from agent.settings import load_settings, variable
from bot.administering import OFFERED_TO, audit, tell
from bot.powers import require_power
from bot.reloading import put_in_force
from bot.state.config import GuildConfig, Power
from bot.texts import Texts
from bot.translating import described

if TYPE_CHECKING:
    from bot.client import Lorekeeper


_log = logging.getLogger(__name__)


class Reload(commands.Cog):
    """Says what it found changed."""

    def __init__(self, bot: Lorekeeper) -> None:
        self.bot = bot

    @app_commands.command(description=described("reload"))
    @app_commands.guild_only()
    @app_commands.default_permissions(OFFERED_TO)
    async def reload(self, interaction: discord.Interaction[Lorekeeper]) -> None:
        """Read everything again that can be."""
        guild, texts = await require_power(self.bot, interaction, Power.ADMINISTER)
        await interaction.response.defer(ephemeral=True, thinking=True)
        lines = [
            await self._choices(guild, texts),
            await self._topics(guild, texts),
            *await self._settings(texts),
            await self._commands(texts),
        ]
        await audit(interaction, guild, "reload", {})
        await tell(interaction, "\n".join(lines))

    async def _choices(self, guild: GuildId, texts: Texts) -> str:
        before = await self.bot.state.config(guild)
        self.bot.state.read_again(guild)
        changed = _changed(before, await self.bot.state.config(guild))
        if not changed:
            return texts.admin.config_same
        return texts.admin.config_changed.format(names=", ".join(f"`{name}`" for name in changed))

    async def _topics(self, guild: GuildId, texts: Texts) -> str:
        self.bot.installation.router.read_again(guild)
        self.bot.agent.parts.views.read_again(guild)
        catalog = self.bot.installation.stores.catalog
        topics, examples = await catalog.categories(guild), await catalog.examples(guild)
        return texts.admin.topics_read.format(topics=Count(len(topics)), examples=Count(len(examples)))

    async def _settings(self, texts: Texts) -> list[str]:
        try:
            read = await asyncio.to_thread(load_settings)
        except ConfigurationError as error:
            _log.warning("the settings cannot be read again: %s %s", error, error.hint)
            return [texts.admin.settings_refused]
        changes = put_in_force(self.bot, read)
        said = {
            texts.admin.settings_changed: changes.live,
            texts.admin.settings_restart: changes.waiting,
        }
        return [
            line.format(names=", ".join(f"`{variable(name)}`" for name in names))
            for line, names in said.items()
            if names
        ]

    async def _commands(self, texts: Texts) -> str:
        told = await self.bot.sync_commands()
        return texts.admin.commands_told if told else texts.admin.commands_same


def _changed(before: GuildConfig, after: GuildConfig) -> list[str]:
    """The choices that are others now, by their names in the configuration."""
    return [
        each.name for each in fields(GuildConfig) if getattr(before, each.name) != getattr(after, each.name)
    ]
