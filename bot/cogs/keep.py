"""Keeping a message by its menu, with a preview; taking it back; entries that stand and fall with messages.

A message that was added changes its entry when it is edited; deleted, it takes along its entry and what it
had the bot remember.
"""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING, Any, Final, Self

import discord
from discord import app_commands, ui
from discord.ext import commands

from agent.contracts import GUILD_WIDE, GuildId, MemberId, Slug, Source, SourceId
from agent.errors import UsageError
from bot.choosing import likeliest_first, page_chosen, require_topic, topic_options
from bot.conversation import words_of
from bot.deletions import hear_deletions
from bot.errors import NotAllowedError, telling_errors
from bot.powers import has_power, require_power
from bot.rendering import neutral_line
from bot.state.config import Power
from bot.texts import Texts, texts_for
from bot.translating import described
from bot.views import BaseView, bot_of
from bot.visibility import visibility_of_entry

if TYPE_CHECKING:
    from bot.client import Lorekeeper

_log = logging.getLogger(__name__)

_ID: Final = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_ROUTED: Final = "-"
"""The choice that leaves the topic to the router."""
_PREVIEW: Final = 500


class UndoButton(ui.DynamicItem[ui.Button[ui.View]], template=rf"lk:u:(?P<entry>{_ID}):(?P<member>\w+)"):
    """Takes an entry back; `member` is who had it kept."""

    def __init__(self, entry: SourceId, member: MemberId, label: str | None = None) -> None:
        super().__init__(ui.Button(label=label, emoji="↩️", custom_id=f"lk:u:{entry}:{member}"))
        self.entry = entry
        self.member = member

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction, item: ui.Item[Any], match: re.Match[str], /
    ) -> Self:
        return cls(SourceId(match["entry"]), MemberId(match["member"]))

    async def callback(self, interaction: discord.Interaction) -> None:
        await telling_errors(interaction, _of(interaction).undo(interaction, self.entry, self.member))


class KeepSelect(ui.DynamicItem[ui.Select[ui.View]], template=r"lk:k:(?P<channel>\d+):(?P<message>\d+)"):
    """The topics under a preview; choosing one keeps the message."""

    def __init__(
        self,
        channel: int,
        message: int,
        choices: list[discord.SelectOption] | None = None,
        placeholder: str | None = None,
    ) -> None:
        super().__init__(
            ui.Select(custom_id=f"lk:k:{channel}:{message}", options=choices or [], placeholder=placeholder)
        )
        self.channel = channel
        self.message = message

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction, item: ui.Item[Any], match: re.Match[str], /
    ) -> Self:
        return cls(int(match["channel"]), int(match["message"]))

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        chosen = self.item.values[0]
        await telling_errors(
            interaction, _of(interaction).choose(interaction, self.channel, self.message, chosen)
        )


class Keep(commands.Cog):
    """Takes messages in, and lets them go."""

    def __init__(self, bot: Lorekeeper) -> None:
        self.bot = bot
        self._menu = app_commands.ContextMenu(name=described("menu.keep"), callback=self.preview)
        self._menu.guild_only = True

    async def cog_load(self) -> None:
        self.bot.add_dynamic_items(UndoButton, KeepSelect)
        self.bot.tree.add_command(self._menu)
        hear_deletions(self.bot, self._forget)

    async def preview(self, interaction: discord.Interaction[Lorekeeper], message: discord.Message) -> None:
        """Show what would be kept, for whom, and ask for the topic."""
        guild, texts = await require_power(self.bot, interaction, Power.TEACH)
        words = words_of(message, self.bot.me_id)
        if not words or message.author.id == self.bot.me_id:
            raise UsageError(texts.nothing_to_keep)
        if await self.bot.state.entry_of(guild, message.id) is not None:
            raise UsageError(texts.already_kept)
        view = await self._topics_page(guild, message.channel.id, message.id, 0, texts)
        shown = neutral_line(words if len(words) <= _PREVIEW else f"{words[:_PREVIEW]} …")
        text = texts.keep_preview.format(text=shown, who=_readers(interaction.channel, texts))
        await interaction.response.send_message(text, view=view, ephemeral=True)

    async def choose(
        self, interaction: discord.Interaction[Lorekeeper], channel: int, message: int, chosen: str
    ) -> None:
        """Turn the list over, or keep the message under what was chosen."""
        guild, texts = await require_power(self.bot, interaction, Power.TEACH)
        page = page_chosen(chosen)
        if page is not None:
            view = await self._topics_page(guild, channel, message, page, texts)
            await interaction.response.edit_message(view=view)
            return
        topic = None if chosen == _ROUTED else (await require_topic(self.bot, guild, chosen, texts)).slug
        await self.keep(interaction, channel, message, topic)

    async def _topics_page(
        self, guild: GuildId, channel: int, message: int, page: int, texts: Texts
    ) -> ui.View:
        categories = await self.bot.installation.stores.catalog.categories(guild)
        routed = discord.SelectOption(label=texts.let_me_choose, value=_ROUTED)
        choices = topic_options(likeliest_first(categories, None), page, texts, (routed,))
        view = BaseView()
        view.add_item(KeepSelect(channel, message, choices, texts.choose_topic_to_keep))
        return view

    async def keep(
        self,
        interaction: discord.Interaction[Lorekeeper],
        channel_id: int,
        message_id: int,
        topic: Slug | None,
    ) -> None:
        """Keep the message as it is now; once, however often it is chosen."""
        guild, texts = await require_power(self.bot, interaction, Power.TEACH)
        await interaction.response.defer()
        if await self.bot.state.entry_of(guild, message_id) is not None:
            raise UsageError(texts.already_kept)
        # With the guild, or the link to the message would lead to direct messages.
        channel = self.bot.get_partial_messageable(channel_id, guild_id=interaction.guild_id)
        try:
            message = await channel.fetch_message(message_id)
        except (discord.NotFound, discord.Forbidden):
            raise UsageError(texts.message_is_gone) from None
        place = interaction.channel
        assert isinstance(place, discord.abc.GuildChannel | discord.Thread)
        entry = await self._remember(guild, message, topic, visibility_of_entry(place))
        by = MemberId(str(interaction.user.id))
        await self.bot.state.audit(guild, by=by, action="keep message", detail={"message": message_id})
        view = BaseView()
        view.add_item(UndoButton(entry.id, by, texts.button_undo))
        categories = await self.bot.installation.stores.catalog.categories(guild)
        name = {each.slug: each.name for each in categories}.get(entry.category or Slug(""), "")
        said = texts.kept_under.format(name=neutral_line(name)) if name else texts.kept
        await interaction.edit_original_response(content=said, view=view)

    async def undo(self, interaction: discord.Interaction, entry: SourceId, keeper: MemberId) -> None:
        """Take an entry back: whoever had it kept may, and who reviews."""
        texts = texts_for(interaction.locale.value)
        member = MemberId(str(interaction.user.id))
        home = await self.bot.state.home(member)
        guild = self.bot.guild_id(interaction.guild_id) if interaction.guild_id else home
        if guild is None:
            raise NotAllowedError(texts.guild_only)
        config = await self.bot.state.config(guild)
        if member != keeper and not has_power(config, interaction.user, Power.REVIEW):
            raise NotAllowedError(texts.only_the_asker)
        await interaction.response.defer()
        gone = await self.bot.agent.forget_entry(guild, entry)
        await self.bot.state.remove_entry(guild, entry)
        await interaction.edit_original_response(
            content=texts.forgotten if gone else texts.already_forgotten, view=None
        )

    @commands.Cog.listener()
    async def on_raw_message_edit(self, payload: discord.RawMessageUpdateEvent) -> None:
        """Keep what the message says now, under the same topic and for the same readers."""
        if payload.guild_id is None or payload.message.author.id == self.bot.me_id:
            return
        guild, message = self.bot.guild_id(payload.guild_id), payload.message
        before = await self.bot.state.entry_of(guild, message.id)
        source = await self._source(guild, before) if before else None
        if before is None or source is None:
            return
        words = words_of(message, self.bot.me_id)
        if words == await self.bot.installation.stores.catalog.source_text(guild, before):
            return
        # The new entry first: killed in between, what the message says is kept twice rather than not at all.
        if words:
            await self._remember(guild, message, source.category, source.visibility)
        await self.bot.agent.forget_entry(guild, before)
        await self.bot.state.remove_entry(guild, before)

    async def _remember(
        self, guild: GuildId, message: discord.Message, topic: Slug | None, visibility: str
    ) -> Source:
        entry = await self.bot.installation.ingestor.remember(
            guild,
            words_of(message, self.bot.me_id),
            on=message.created_at.astimezone(self.bot.settings.zone).date(),
            author=MemberId(str(message.author.id)),
            author_name=message.author.display_name,
            category=topic,
            visibility=visibility,
            link=message.jump_url,
        )
        await self.bot.state.put_entry(guild, message.id, entry.id)
        return entry

    async def _forget(self, guild: GuildId, messages: set[int]) -> None:
        for message in messages:
            for entry in await self._entries_of(guild, message):
                await self.bot.agent.forget_entry(guild, entry)
                await self.bot.state.remove_entry(guild, entry)
                _log.info("message %s was deleted, and its entry with it", message)

    async def _entries_of(self, guild: GuildId, message: int) -> list[SourceId]:
        """The entry that a message was added as, and the one that it had the bot remember."""
        kept = await self.bot.state.entry_of(guild, message)
        # An entry that was told has the id of its episode.
        told = {SourceId(each.episode) for each in await self.bot.state.answers_to(guild, message)}
        asked = [entry for entry in sorted(told) if await self._source(guild, entry)]
        return [kept, *asked] if kept else asked

    async def _source(self, guild: GuildId, entry: SourceId) -> Source | None:
        return await self.bot.installation.stores.catalog.source(guild, entry)


def _readers(place: object, texts: Texts) -> str:
    """Who may be shown an entry that is made here."""
    assert isinstance(place, discord.abc.GuildChannel | discord.Thread)
    if visibility_of_entry(place) == GUILD_WIDE:
        return texts.readers_all
    return texts.readers_of.format(channel=f"#{neutral_line(place.name)}")


def _of(interaction: discord.Interaction[Any]) -> Keep:
    cog = bot_of(interaction).get_cog(Keep.__name__)
    assert isinstance(cog, Keep)
    return cog
