"""`/stats`: how members are served, as a picture and as the same in words."""

from __future__ import annotations

import io
import logging
from typing import TYPE_CHECKING, Final

import discord
from discord import app_commands
from discord.ext import commands

from bot.administering import OFFERED_TO
from bot.figures import picture_of, statistics_of, words_of
from bot.powers import require_power
from bot.rendering import neutralise
from bot.state.config import Power
from bot.statistics import MOST_DAYS
from bot.translating import described, options
from tuning.pictures import PictureError, draw

if TYPE_CHECKING:
    from bot.client import Lorekeeper

_log = logging.getLogger(__name__)

_MOST_ALT_TEXT: Final = 1024
"""Discord's limit for the description of a file."""


class Stats(commands.Cog):
    """Reads the journal; changes nothing."""

    def __init__(self, bot: Lorekeeper) -> None:
        self.bot = bot

    @app_commands.command(description=described("stats"))
    @options("stats", "days")
    @app_commands.guild_only()
    @app_commands.default_permissions(OFFERED_TO)
    async def stats(
        self, interaction: discord.Interaction[Lorekeeper], days: app_commands.Range[int, 1, MOST_DAYS] = 30
    ) -> None:
        """The words stand in the message and beside the picture, for who cannot see it."""
        guild, texts = await require_power(self.bot, interaction, Power.ADMINISTER)
        await interaction.response.defer(ephemeral=True, thinking=True)
        stores = self.bot.installation.stores
        statistics = await statistics_of(stores, guild, now=self.bot.now(), days=days)
        names = {each.slug: each.name for each in await stores.catalog.categories(guild)}
        words = words_of(statistics, names, texts.stats)
        try:
            png = await draw(picture_of(statistics, names, texts.stats))
        except PictureError as error:
            _log.warning("statistics are told without their picture: %s", error)
            await interaction.followup.send(neutralise(words), ephemeral=True)
            return
        picture = discord.File(io.BytesIO(png), "statistics.png", description=words[:_MOST_ALT_TEXT])
        await interaction.followup.send(neutralise(words), file=picture, ephemeral=True)
