"""`/language`: the language of a guild, which is that of its channels; commands speak their member's."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Literal

import discord
from discord import app_commands
from discord.ext import commands

from bot.administering import OFFERED_TO, change_config
from bot.errors import say
from bot.powers import require_power
from bot.state.config import Power
from bot.translating import described, options

if TYPE_CHECKING:
    from bot.client import Lorekeeper


class Language(commands.Cog):
    """What is chosen here is also chosen on the first page of `/setup`."""

    def __init__(self, bot: Lorekeeper) -> None:
        self.bot = bot

    @app_commands.command(description=described("language"))
    @options("language", "language")
    @app_commands.guild_only()
    @app_commands.default_permissions(OFFERED_TO)
    async def language(
        self,
        interaction: discord.Interaction[Lorekeeper],
        language: Literal["en", "es", "server"] | None = None,
    ) -> None:
        """Speak a language from now on, or that which the guild told Discord; without a choice, say which."""
        guild, texts = await require_power(self.bot, interaction, Power.ADMINISTER)
        if language is not None:
            chosen = "" if language == "server" else language
            await change_config(
                interaction,
                guild,
                lambda config: replace(config, language=chosen),
                "language",
                {"language": chosen},
            )
        assert interaction.guild is not None
        spoken = texts.admin.languages[(await self.bot.texts_of(interaction.guild)).language]
        fixed = (await self.bot.state.config(guild)).language
        named = spoken if fixed else texts.admin.language_automatic.format(language=spoken)
        await say(interaction, texts.admin.language_is.format(language=named))
