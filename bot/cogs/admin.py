"""What admins steer: channels, roles, categories; and why the bot answered, or did not.

Discord offers these commands to who manages the guild, and each checks again when it runs: Discord's own
settings can be changed by others, and a role may have been given the power here. Every change is in the
audit log. All answers are the admin's alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

import discord
from discord import app_commands
from discord.ext import commands

from agent.contracts import Episode, GuildId, MemberId, Slug
from agent.errors import UsageError
from bot.categories import add_category, remove_category
from bot.choosing import topic_choices
from bot.errors import say
from bot.incoming import decide, resolve_channel
from bot.powers import require_power
from bot.rendering import neutral_line, neutralise
from bot.splitter import split
from bot.state.config import ChannelConfig, GuildConfig, Power
from bot.texts import Texts
from bot.translating import described, options

if TYPE_CHECKING:
    from bot.client import Lorekeeper

_MESSAGE_LINK: Final = re.compile(r"https?://[^/\s]+/channels/(?:\d+|@me)/(\d+)/(\d+)")
_Configurable = discord.TextChannel | discord.ForumChannel | discord.VoiceChannel | discord.Thread


class Admin(commands.Cog):
    """Slash commands for who administers a guild."""

    channel = app_commands.Group(
        name="channel",
        description=described("channel"),
        guild_only=True,
        default_permissions=discord.Permissions(manage_guild=True),
    )
    roles = app_commands.Group(
        name="roles",
        description=described("roles"),
        guild_only=True,
        default_permissions=discord.Permissions(manage_guild=True),
    )
    category = app_commands.Group(
        name="category",
        description=described("category"),
        guild_only=True,
        default_permissions=discord.Permissions(manage_guild=True),
    )

    def __init__(self, bot: Lorekeeper) -> None:
        self.bot = bot

    @channel.command(name="set", description=described("channel.set"))
    @options("channel.set", "channel", "auto", "silenced", "topic")
    async def set_channel(
        self,
        interaction: discord.Interaction[Lorekeeper],
        channel: _Configurable | None = None,
        auto: bool | None = None,
        silenced: bool | None = None,
        topic: str | None = None,
    ) -> None:
        """Choose what the bot does in a channel; what is not named stays as it is."""
        guild, texts = await require_power(self.bot, interaction, Power.ADMINISTER)
        place = channel or interaction.channel
        assert place is not None
        if topic:
            await self._require_category(guild, Slug(topic))
        chosen = (await self.bot.state.config(guild)).channel(place.id)
        changed = ChannelConfig(
            auto=chosen.auto if auto is None else auto,
            silenced=chosen.silenced if silenced is None else silenced,
            category=Slug(topic) if topic else chosen.category,
        )
        await self._change(
            interaction,
            guild,
            lambda config: config.with_channel(place.id, changed),
            "channel set",
            {"channel": place.id, "auto": changed.auto, "silenced": changed.silenced, "topic": topic or ""},
        )
        await say(interaction, await self._channel_line(guild, place.id, changed, texts))

    @channel.command(name="reset", description=described("channel.reset"))
    @options("channel.reset", "channel")
    async def reset_channel(
        self, interaction: discord.Interaction[Lorekeeper], channel: _Configurable | None = None
    ) -> None:
        """Forget what was chosen for a channel."""
        guild, texts = await require_power(self.bot, interaction, Power.ADMINISTER)
        place = channel or interaction.channel
        assert place is not None
        await self._change(
            interaction,
            guild,
            lambda config: config.with_channel(place.id, ChannelConfig()),
            "channel reset",
            {"channel": place.id},
        )
        await say(interaction, await self._channel_line(guild, place.id, ChannelConfig(), texts))

    @channel.command(name="list", description=described("channel.list"))
    async def list_channels(self, interaction: discord.Interaction[Lorekeeper]) -> None:
        """Every channel for which anything was chosen."""
        guild, texts = await require_power(self.bot, interaction, Power.ADMINISTER)
        config = await self.bot.state.config(guild)
        lines = [
            await self._channel_line(guild, id_, chosen, texts) for id_, chosen in config.channels.items()
        ]
        await say(interaction, split("\n".join(lines) or texts.no_channels)[0])

    @roles.command(name="give", description=described("roles.give"))
    @options("roles.give", "power", "role")
    async def give_role(
        self, interaction: discord.Interaction[Lorekeeper], power: Power, role: discord.Role
    ) -> None:
        """Give a power to a role."""
        await self._set_role(interaction, power, role, given=True)

    @roles.command(name="take", description=described("roles.take"))
    @options("roles.take", "power", "role")
    async def take_role(
        self, interaction: discord.Interaction[Lorekeeper], power: Power, role: discord.Role
    ) -> None:
        """Take a power from a role."""
        await self._set_role(interaction, power, role, given=False)

    @roles.command(name="list", description=described("roles.list"))
    async def list_roles(self, interaction: discord.Interaction[Lorekeeper]) -> None:
        """Who may do what."""
        guild, texts = await require_power(self.bot, interaction, Power.ADMINISTER)
        config = await self.bot.state.config(guild)
        await say(interaction, "\n".join(_power_line(config, power, texts) for power in Power))

    @category.command(name="add", description=described("category.add"))
    @options("category.add", "name", "about")
    async def add_category(
        self,
        interaction: discord.Interaction[Lorekeeper],
        name: app_commands.Range[str, 1, 60],
        about: app_commands.Range[str, 1, 500],
    ) -> None:
        """Add a topic."""
        guild, texts = await require_power(self.bot, interaction, Power.ADMINISTER)
        added = await add_category(self.bot.installation.stores, guild, name, about)
        await self._audit(interaction, guild, "category add", {"slug": added.slug})
        await say(interaction, texts.category_added.format(name=neutral_line(added.name)))

    @category.command(name="remove", description=described("category.remove"))
    @options("category.remove", "topic")
    async def remove_category(self, interaction: discord.Interaction[Lorekeeper], topic: str) -> None:
        """Remove a topic; what was kept under it stays, without one."""
        guild, texts = await require_power(self.bot, interaction, Power.ADMINISTER)
        await interaction.response.defer(ephemeral=True)
        kept = await remove_category(self.bot.installation.stores, guild, topic)
        await self._audit(interaction, guild, "category remove", {"slug": topic})
        await say(interaction, texts.category_removed.format(name=neutral_line(topic), count=kept))

    @category.command(name="list", description=described("category.list"))
    async def list_categories(self, interaction: discord.Interaction[Lorekeeper]) -> None:
        """Every topic with what it is about."""
        guild, texts = await require_power(self.bot, interaction, Power.ADMINISTER)
        categories = await self.bot.installation.stores.catalog.categories(guild)
        lines = [f"**{neutral_line(each.name)}**: {neutral_line(each.description)}" for each in categories]
        await say(interaction, split("\n".join(lines) or texts.no_topics)[0])

    @app_commands.command(description=described("diagnose"))
    @options("diagnose", "message")
    @app_commands.guild_only()
    @app_commands.default_permissions(manage_guild=True)
    async def diagnose(self, interaction: discord.Interaction[Lorekeeper], message: str) -> None:
        """Why the bot answered a message so, or not at all."""
        guild, texts = await require_power(self.bot, interaction, Power.ADMINISTER)
        await interaction.response.defer(ephemeral=True)
        found = await self._linked_message(interaction, message, texts)
        answer = await self.bot.state.answer(found.id)
        answers = (answer,) if answer else await self.bot.state.answers_to(guild, found.id)
        if answers and answers[0].guild == guild:
            episode = await self.bot.agent.parts.journal.episode(guild, answers[0].episode)
            if episode is not None:
                await say(interaction, split(explain(episode, texts))[0])
                return
        await resolve_channel(self.bot, found)
        decision = await decide(self.bot, found, await self.bot.state.config(guild))
        said = texts.would_answer if decision.respond else texts.would_not_answer
        await say(interaction, said.format(reason=texts.decisions[decision.reason], name=decision.reason))

    @set_channel.autocomplete("topic")
    @remove_category.autocomplete("topic")
    async def _topics(
        self, interaction: discord.Interaction[Lorekeeper], current: str
    ) -> list[app_commands.Choice[str]]:
        return await topic_choices(interaction, current)

    async def _require_category(self, guild: GuildId, slug: Slug) -> None:
        categories = await self.bot.installation.stores.catalog.categories(guild)
        if slug not in {each.slug for each in categories}:
            raise UsageError(f"There is no topic {slug}.", "`/category list` shows them.")

    async def _set_role(
        self, interaction: discord.Interaction[Lorekeeper], power: Power, role: discord.Role, *, given: bool
    ) -> None:
        guild, texts = await require_power(self.bot, interaction, Power.ADMINISTER)

        def change(config: GuildConfig) -> GuildConfig:
            roles = config.roles.get(power, frozenset())
            return config.with_roles(power, roles | {role.id} if given else roles - {role.id})

        detail = {"power": power.value, "role": role.id}
        config = await self._change(
            interaction, guild, change, f"roles {'give' if given else 'take'}", detail
        )
        await say(interaction, _power_line(config, power, texts))

    async def _change(
        self,
        interaction: discord.Interaction[Lorekeeper],
        guild: GuildId,
        change: Callable[[GuildConfig], GuildConfig],
        action: str,
        detail: Mapping[str, Any],
    ) -> GuildConfig:
        by = MemberId(str(interaction.user.id))
        return await self.bot.state.change_config(guild, change, by=by, action=action, detail=detail)

    async def _audit(
        self,
        interaction: discord.Interaction[Lorekeeper],
        guild: GuildId,
        action: str,
        detail: dict[str, Any],
    ) -> None:
        by = MemberId(str(interaction.user.id))
        await self.bot.state.audit(guild, by=by, action=action, detail=detail)

    async def _channel_line(self, guild: GuildId, id_: int, chosen: ChannelConfig, texts: Texts) -> str:
        parts = [texts.channel_auto if chosen.auto else texts.channel_asked]
        if chosen.silenced:
            parts = [texts.channel_silenced]
        if chosen.category:
            categories = await self.bot.installation.stores.catalog.categories(guild)
            names = {each.slug: each.name for each in categories}
            name = neutral_line(names.get(chosen.category, chosen.category))
            parts.append(texts.topic.format(names=name))
        return f"<#{id_}>: {'; '.join(parts)}"

    async def _linked_message(
        self, interaction: discord.Interaction[Lorekeeper], link: str, texts: Texts
    ) -> discord.Message:
        """The message of a link, in this guild and in a channel that the admin can read."""
        match = _MESSAGE_LINK.search(link)
        channel = (
            interaction.guild.get_channel_or_thread(int(match[1])) if match and interaction.guild else None
        )
        if match is None or channel is None or not isinstance(channel, discord.abc.Messageable):
            raise UsageError(texts.no_such_message)
        assert isinstance(interaction.user, discord.Member)
        if not channel.permissions_for(interaction.user).read_message_history:
            raise UsageError(texts.no_such_message)
        try:
            return await channel.fetch_message(int(match[2]))
        except (discord.NotFound, discord.Forbidden):
            raise UsageError(texts.no_such_message) from None


def explain(episode: Episode, texts: Texts) -> str:
    """How an answer came about: the route, what was searched and found, the models and the time."""
    lines = [f"**{neutral_line(episode.question)}**"]
    if route := episode.route:
        scores = ", ".join(f"{each.category} {each.probability:.0%}" for each in route.scores[:3])
        lines.append(f"route: {route.decision.value} ({route.reason}); {scores}")
        lines.append(f"out of scope {route.out_of_scope:.0%}")
    if searched := episode.searched:
        lines.append(f"searched: {', '.join(searched.categories) or '*'} ({searched.index_version})")
    lines += [f"evidence: {score:.3f} `{passage}`" for passage, score in episode.evidence[:5]]
    if episode.answer is not None:
        lines.append(f"answer: {episode.answer.kind.value} {episode.answer.reason}".rstrip())
    if episode.error:
        lines.append(f"error: {episode.error} ({episode.error_id})")
    lines += [f"model: {model.name} `{model.digest[:12]}` {model.adapter}" for model in episode.models]
    lines.append(f"{episode.timings.get('total', 0.0):.0f} ms; episode `{episode.id}`")
    return neutralise("\n".join(lines))


def _power_line(config: GuildConfig, power: Power, texts: Texts) -> str:
    named = config.roles.get(power, frozenset())
    nobody = texts.power_everybody if config.has(power, frozenset(), manages=False) else texts.power_managers
    return f"**{texts.powers[power]}**: {', '.join(f'<@&{role}>' for role in sorted(named)) or nobody}"
