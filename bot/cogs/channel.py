"""`/channel`: where the bot answers without a mention, where it never answers, what questions are about."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, TypeAlias

import discord
from discord import app_commands
from discord.ext import commands

from agent.contracts import GuildId
from bot.administering import admin_group, change_config, tell
from bot.choosing import find_topic, require_topic, topic_choices
from bot.errors import say
from bot.powers import require_power
from bot.rendering import neutral_line
from bot.state.config import ChannelConfig, Power
from bot.texts import Texts
from bot.translating import described, options

if TYPE_CHECKING:
    from bot.client import Lorekeeper

_Configurable: TypeAlias = discord.TextChannel | discord.ForumChannel | discord.VoiceChannel | discord.Thread


class Channel(commands.Cog):
    """What an admin chose for a channel holds for its threads too."""

    channel = admin_group("channel")

    def __init__(self, bot: Lorekeeper) -> None:
        self.bot = bot

    @channel.command(name="set", description=described("channel.set"))
    @options("channel.set", "channel", "auto", "silenced", "threads", "topic")
    async def set_channel(
        self,
        interaction: discord.Interaction[Lorekeeper],
        channel: _Configurable | None = None,
        auto: bool | None = None,
        silenced: bool | None = None,
        threads: bool | None = None,
        topic: str | None = None,
    ) -> None:
        """Choose what the bot does in a channel; what is not named stays as it is."""
        guild, texts = await require_power(self.bot, interaction, Power.ADMINISTER)
        place = _place(interaction, channel)
        slug = (await require_topic(self.bot, guild, topic, texts)).slug if topic else None
        chosen = (await self.bot.state.config(guild)).channel(place)
        changed = ChannelConfig(
            auto=chosen.auto if auto is None else auto,
            silenced=chosen.silenced if silenced is None else silenced,
            threads=chosen.threads if threads is None else threads,
            category=slug or chosen.category,
        )
        await change_config(
            interaction,
            guild,
            lambda config: config.with_channel(place, changed),
            "channel set",
            {"channel": place, **asdict(changed), "category": changed.category or ""},
        )
        await say(interaction, await self._line(guild, place, changed, texts))

    @channel.command(name="reset", description=described("channel.reset"))
    @options("channel.reset", "channel")
    async def reset_channel(
        self, interaction: discord.Interaction[Lorekeeper], channel: _Configurable | None = None
    ) -> None:
        """Forget what was chosen for a channel."""
        guild, texts = await require_power(self.bot, interaction, Power.ADMINISTER)
        place = _place(interaction, channel)
        await change_config(
            interaction,
            guild,
            lambda config: config.with_channel(place, ChannelConfig()),
            "channel reset",
            {"channel": place},
        )
        await say(interaction, await self._line(guild, place, ChannelConfig(), texts))

    @channel.command(name="list", description=described("channel.list"))
    async def list_channels(self, interaction: discord.Interaction[Lorekeeper]) -> None:
        """Every channel for which anything was chosen."""
        guild, texts = await require_power(self.bot, interaction, Power.ADMINISTER)
        chosen = (await self.bot.state.config(guild)).channels
        lines = [await self._line(guild, place, each, texts) for place, each in chosen.items()]
        await tell(interaction, "\n".join(lines) or texts.no_channels)

    @set_channel.autocomplete("topic")
    async def _topics(
        self, interaction: discord.Interaction[Lorekeeper], current: str
    ) -> list[app_commands.Choice[str]]:
        return await topic_choices(interaction, current)

    async def _line(self, guild: GuildId, place: int, chosen: ChannelConfig, texts: Texts) -> str:
        parts = [texts.channel_auto if chosen.auto else texts.channel_asked]
        if chosen.silenced:
            parts = [texts.channel_silenced]
        elif chosen.threads:
            parts.append(texts.channel_threads)
        if chosen.category:
            catalog = self.bot.installation.stores.catalog
            categories, former = await catalog.categories(guild), await catalog.former_slugs(guild)
            found = find_topic(categories, former, chosen.category)
            parts.append(texts.topic.format(names=neutral_line(found.name if found else chosen.category)))
        return f"<#{place}>: {'; '.join(parts)}"


def _place(interaction: discord.Interaction[Lorekeeper], channel: _Configurable | None) -> int:
    """The channel that is meant: the one named, else the one where the command was given."""
    place = channel or interaction.channel
    assert place is not None
    return place.id
