"""`/export`: what the guild holds as a file, as far as the admin may read it."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Final

import discord
from discord import app_commands
from discord.ext import commands

from agent.contracts import EpisodeId, GuildId
from agent.language.counts import Count
from bot.administering import OFFERED_TO, audit
from bot.errors import say
from bot.exporting import Export as Exported
from bot.exporting import Exporter, TooLargeError, Viewer
from bot.powers import require_power
from bot.state.config import Power
from bot.translating import described
from bot.visibility import may_see

if TYPE_CHECKING:
    from bot.client import Lorekeeper

_FILE: Final = "lorekeeper-export.zip"
_MEGABYTE: Final = 2**20


class Export(commands.Cog):
    """Makes the file in memory, no larger than Discord takes it."""

    def __init__(self, bot: Lorekeeper) -> None:
        self.bot = bot

    @app_commands.command(description=described("export"))
    @app_commands.guild_only()
    @app_commands.default_permissions(OFFERED_TO)
    async def export(self, interaction: discord.Interaction[Lorekeeper]) -> None:
        """Send the file, or say what to do where it is too large."""
        guild, texts = await require_power(self.bot, interaction, Power.ADMINISTER)
        await interaction.response.defer(ephemeral=True, thinking=True)
        limit = limit_of(interaction)
        try:
            made = await self._made(interaction, guild, limit)
        except TooLargeError as error:
            size, most = (f"{each / _MEGABYTE:.1f}" for each in (error.size, limit))
            await say(interaction, texts.admin.too_large.format(size=size, limit=most))
            return
        await audit(interaction, guild, "export", dict(made.counts))
        files = ", ".join(f"{count} `{name}`" for name, count in made.counts.items())
        said = texts.admin.exported.format(files=files)
        if made.left_out:
            said += f" {texts.admin.left_out.format(count=Count(made.left_out))}"
        await interaction.followup.send(
            said,
            file=discord.File(io.BytesIO(made.archive), _FILE),
            ephemeral=True,
        )

    async def _made(
        self, interaction: discord.Interaction[Lorekeeper], guild: GuildId, limit: int
    ) -> Exported:
        member, home = interaction.user, interaction.guild
        assert isinstance(member, discord.Member)
        assert home is not None
        channels = await self.bot.state.channels_of_answers(guild)

        def readable(episode: EpisodeId) -> bool:
            place = home.get_channel_or_thread(channels.get(episode, 0))
            return place is not None and place.permissions_for(member).read_message_history

        viewer = Viewer(visible=may_see(member, None), readable=readable)
        stores = self.bot.installation.stores
        exporter = Exporter(stores, guild, viewer, now=self.bot.now(), limit=limit)
        return await exporter.make()


def limit_of(interaction: discord.Interaction[Lorekeeper]) -> int:
    """The most bytes that a file may have here: Discord says so with each interaction."""
    return interaction.filesize_limit
