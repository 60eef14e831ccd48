"""The history of channels: read when an admin says so, gone on with after a restart, and followed.

A guild's channels are read one at a time. What is edited or deleted in a channel that was read changes its
sources at once, and what is new is looked for every quarter of an hour; what was edited or deleted while the
bot was away is found at the next sync. /knowledge has the commands.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections import defaultdict
from collections.abc import Collection
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any, Final, Self

import discord
from discord import ui
from discord.ext import commands, tasks

from agent.contracts import GuildId
from agent.errors import LorekeeperError, StoreError, UsageError
from agent.ids import new_id
from agent.language.counts import Count
from agent.privacy.consents import Consents
from bot.administering import audit
from bot.deletions import hear_deletions
from bot.errors import NotAllowedError, telling_errors
from bot.history.attached import attached_text, text_files
from bot.history.building import Builder
from bot.history.following import EVERY, Following, Home
from bot.history.place_reader import PAGE_SECONDS, Terms, UnreadableError
from bot.history.reading import Root, kept_words, may_read
from bot.history.reporting import Report, told
from bot.history.said import Heard, left_out
from bot.history.syncing import PASSING, SyncCancelledError, Syncing
from bot.missed import newest_in
from bot.powers import require_power
from bot.rendering import neutralise
from bot.rounds import Rounds
from bot.state.config import Power
from bot.state.history import HistoryState
from bot.state.records import Sync, SyncState
from bot.texts import Texts
from bot.views import BaseView, bot_of

if TYPE_CHECKING:
    from bot.client import Lorekeeper

_log = logging.getLogger(__name__)

_FIRST_LOOK: Final = timedelta(minutes=2)
_REMAKE_SECONDS: Final = 30
"""How long what could not be made anew waits until it is tried again."""


class CancelButton(ui.DynamicItem[ui.Button[ui.View]], template=r"lk:y:(?P<channel>\d+)"):
    """Stops the sync of a channel."""

    def __init__(self, channel: int, label: str | None = None) -> None:
        super().__init__(ui.Button(label=label, emoji="⏹️", custom_id=f"lk:y:{channel}"))
        self.channel = channel

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction, item: ui.Item[Any], match: re.Match[str], /
    ) -> Self:
        return cls(int(match["channel"]))

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        cog = bot_of(interaction).get_cog(SyncChannels.__name__)
        assert isinstance(cog, SyncChannels)
        await telling_errors(interaction, cog.cancel(interaction, self.channel))


class SyncChannels(commands.Cog):
    """Reads channels and follows them."""

    def __init__(self, bot: Lorekeeper) -> None:
        self.bot = bot
        self.history = HistoryState(bot.installation.stores.database)
        self._consents = Consents(bot.installation.stores.database, bot.settings)
        self._builder = Builder(bot.installation.ingestor, self.history, bot.settings.zone)
        self._running: dict[tuple[GuildId, int], Syncing] = {}
        self._turns = defaultdict[GuildId, asyncio.Lock](asyncio.Lock)
        self._beginning = asyncio.Lock()
        """Held from the moment a sync is written down until it runs, so that nothing begins it twice."""
        self._deleted = defaultdict[GuildId, set[int]](set)
        """Messages to be looked for once more: the store was away, or their page was on its way."""
        self._edited = defaultdict[GuildId, dict[int, str]](dict)
        """What messages say now whose page was on its way."""
        self.page_seconds = PAGE_SECONDS
        """Between two pages of a history."""
        self.following = Following(
            self.history,
            self._builder,
            terms=self._terms,
            is_answering=self._is_answering,
            reading=self._reading,
        )
        self.looked: dict[GuildId, datetime] = {}
        """When each guild was looked at last."""
        self._looks = Rounds(bot, self.look, what="new messages", every=EVERY, first=_FIRST_LOOK)

    async def cog_load(self) -> None:
        self.bot.add_dynamic_items(CancelButton)
        hear_deletions(self.bot, self._forget)
        self._remake.start()
        self._looks.start()

    async def cog_unload(self) -> None:
        self._looks.stop()
        self._remake.cancel()

    @commands.Cog.listener()
    async def on_ready(self) -> None:
        """Go on with what the last process was reading."""
        self.following.was_away()
        await self._remake()

    @commands.Cog.listener()
    async def on_thread_update(self, before: discord.Thread, after: discord.Thread) -> None:
        if after.archived:
            self.following.thread_closed(after)

    async def look(self, guild: discord.Guild) -> None:
        """Take in what is new in the channels that were read. Raises `StoreError`."""
        id_ = self.bot.guild_id(guild.id)
        await self.following.look(Home(id=id_, discord=guild))
        self.looked[id_] = self.bot.now()

    async def start(
        self, interaction: discord.Interaction[Lorekeeper], channel: Root | None, since: str | None
    ) -> None:
        """Read a channel, as an admin commands it. Raises `UsageError`, `NotAllowedError`."""
        guild_id, texts = await require_power(self.bot, interaction, Power.ADMINISTER)
        root = _readable(interaction, channel or interaction.channel, texts)
        if (guild_id, root.id) in self._running:
            raise UsageError(texts.sync.is_running.format(channel=root.mention))
        before = await self.history.sync(guild_id, root.id)
        asked = _since(since, texts) if since else None
        earlier = before.since if before else 0
        texts_here = await self.bot.texts_of(root.guild)
        sync = Sync(
            guild=guild_id,
            channel=root.id,
            run=new_id(),
            since=earlier if asked is None else asked,
            report_channel=interaction.channel_id or 0,
            followed=newest_in(root.guild),
        )
        async with self._beginning:
            await self.history.put_sync(sync)
            await audit(interaction, guild_id, "knowledge sync", {"channel": root.id, "since": since or ""})
            text = texts_here.sync.running.format(channel=root.mention, read=Count(0), made=Count(0))
            await interaction.response.send_message(text, view=_view(root.id, texts_here))
            shown = await interaction.original_response()
            await self.history.set_report(guild_id, root.id, shown.id)
            self._begin(replace(sync, report_message=shown.id), root.guild, texts_here)

    async def cancel(self, interaction: discord.Interaction[Lorekeeper], channel: int) -> None:
        """Stop a sync, as an admin says by its button. Raises `UsageError`."""
        guild, texts = await require_power(self.bot, interaction, Power.ADMINISTER)
        running = self._running.get((guild, channel))
        if running is None:
            raise UsageError(texts.sync.not_running)
        running.cancel()
        await interaction.response.defer()

    async def remove(self, guild: GuildId, place: int) -> bool:
        """Remove what is kept of a channel with its threads, or of a thread; False for one never read."""
        if (running := self._running.get((guild, place))) is not None:
            running.cancel()
        async with self.following.no_look(guild):
            known = await self.history.remove_place(guild, place)
        if known:
            self.bot.in_background(self._make_stale(guild))
        return known

    @commands.Cog.listener()
    async def on_raw_message_edit(self, payload: discord.RawMessageUpdateEvent) -> None:
        """Keep what the message says now; it goes when that is nothing that is kept."""
        if payload.guild_id is None or payload.message.author.id == self.bot.me_id:
            return
        guild, message = self.bot.guild_id(payload.guild_id), payload.message
        try:
            words = kept_words(message, self.bot.me_id, await self._attached(guild, message))
        except PASSING as error:
            _log.warning("message %s is as it was until its channel is read again: %s", message.id, error)
            return
        if left_out(Heard(words=words, from_bot=message.author.bot)) is not None:
            await self._forget(guild, {message.id})
        elif (key := await self.history.edit(guild, message.id, words)) is not None:
            self._edited[guild].pop(message.id, None)
            await self._make_stale(guild, {key})
        elif self._is_reading(guild):
            self._edited[guild][message.id] = words

    async def _attached(self, guild: GuildId, message: discord.Message) -> str:
        """What stands in its files; nothing where nothing is kept."""
        kept = bool(text_files(message)) and await self.history.place(guild, message.channel.id) is not None
        return await attached_text(message) if kept else ""

    @commands.Cog.listener()
    async def on_raw_thread_delete(self, payload: discord.RawThreadDeleteEvent) -> None:
        await self.remove(self.bot.guild_id(payload.guild_id), payload.thread_id)

    @commands.Cog.listener()
    async def on_guild_channel_delete(self, channel: discord.abc.GuildChannel) -> None:
        await self.remove(self.bot.guild_id(channel.guild.id), channel.id)

    @tasks.loop(seconds=_REMAKE_SECONDS)
    async def _remake(self) -> None:
        """Go on with what stands still, and make anew what a store that was away, a stop or a member who was
        forgotten left stale.
        """
        try:
            await self._go_on()
            for guild in await self.history.guilds():
                busy = self._is_reading(guild)
                await self.history.remove_members(guild, await self._consents.refused(guild))
                await self.history.remove(guild, self._deleted[guild])
                if not busy:
                    self._deleted.pop(guild, None)
                    await self._edit_later(guild)
                    await self._make_stale(guild)
        except LorekeeperError as error:
            _log.warning("conversations cannot be made anew: %s", error)

    async def _edit_later(self, guild: GuildId) -> None:
        """Bring messages up to date that were edited while their page was on its way."""
        edited = self._edited[guild]
        for message in tuple(edited):
            await self.history.edit(guild, message, edited[message])
            edited.pop(message, None)

    async def _go_on(self) -> None:
        """Begin again with every sync that is neither done nor running."""
        async with self._beginning:
            for sync in await self.history.syncs():
                guild = self.bot.guild_of(sync.guild)
                if sync.state is SyncState.RUNNING and guild is not None:
                    self._begin(sync, guild, await self.bot.texts_of(guild))

    async def _forget(self, guild: GuildId, messages: set[int]) -> None:
        """Remove messages now, and once more where that may not have been all of them."""
        if self._is_reading(guild):
            self._deleted[guild] |= messages
        try:
            keys = await self.history.remove(guild, messages)
        except StoreError as error:
            self._deleted[guild] |= messages
            _log.warning("deleted messages of guild %s are removed later: %s", guild, error)
            return
        if keys:
            await self._make_stale(guild, keys)

    def _is_reading(self, guild: GuildId) -> bool:
        return bool(self._reading(guild)) or self.following.is_looking(guild)

    def _reading(self, guild: GuildId) -> frozenset[int]:
        """The channels that syncs read, or wait for."""
        return frozenset(channel for home, channel in self._running if home == guild)

    def _is_answering(self) -> bool:
        return self.bot.desk.running > 0

    async def _make_stale(self, guild: GuildId, among: Collection[int] | None = None) -> None:
        """Bring sources up to date that are not. What fails stays as it is, and is tried again."""
        home = self.bot.guild_of(guild)
        try:
            while home is not None and (found := await self.history.stale(guild, among=among)):
                for each in found:
                    await self._builder.make(each, home.id)
        except LorekeeperError as error:
            _log.warning("a conversation of guild %s cannot be made anew yet: %s", guild, error)

    def _begin(self, sync: Sync, guild: discord.Guild, texts: Texts) -> None:
        """Read in the background, and show how far it is."""
        report = Report(
            self.bot.pacing,
            self._report_message(sync),
            sync.channel,
            texts.sync,
            view=lambda: _view(sync.channel, texts),
            moved=lambda message: self.history.set_report(sync.guild, sync.channel, message),
        )
        syncing = Syncing(
            sync,
            self.history,
            self._builder,
            root=lambda: self._root(guild, sync.channel),
            terms=lambda: self._terms(sync.guild, guild),
            is_answering=self._is_answering,
            tell=report.show,
            page_seconds=self.page_seconds,
        )
        if (sync.guild, sync.channel) in self._running:
            return
        self._running[sync.guild, sync.channel] = syncing
        self.bot.in_background(self._read(syncing, report, texts))

    async def _read(self, syncing: Syncing, report: Report, texts: Texts) -> None:
        """A guild's syncs, one after the other; a stop of the process leaves them to the next one."""
        sync = syncing.sync
        turn = self._turns[sync.guild]
        if turn.locked():
            report.wait()
        try:
            async with turn:
                # A look that began before this sync was known may be reading the same.
                async with self.following.no_look(sync.guild):
                    pass
                state, text = await _outcome(syncing, texts)
            removed = await self.history.sync(sync.guild, sync.channel) is None
            if removed:
                text = f"⏹️ {texts.source_removed.format(name=f'<#{sync.channel}>')}"
            if removed or text == texts.sync.gone:
                # Also what a page has brought in that was on its way.
                await self.history.remove_place(sync.guild, sync.channel)
            await self.history.end_sync(sync.guild, sync.channel, state)
            await report.finish(text)
        finally:
            del self._running[sync.guild, sync.channel]
        await self._remake()

    def _report_message(self, sync: Sync) -> discord.PartialMessage | None:
        if sync.report_message is None:
            return None
        channel = self.bot.get_partial_messageable(sync.report_channel)
        return channel.get_partial_message(sync.report_message)

    async def _root(self, guild: discord.Guild, channel: int) -> Root:
        """Raises `discord.NotFound`, `discord.Forbidden`, `UnreadableError`."""
        found = guild.get_channel_or_thread(channel) or await self.bot.fetch_channel(channel)
        if not isinstance(found, discord.TextChannel | discord.ForumChannel | discord.Thread):
            raise UnreadableError
        return found

    async def _terms(self, guild_id: GuildId, guild: discord.Guild) -> Terms:
        return Terms(
            discord_guild=guild.id,
            me=self.bot.me_id,
            config=await self.bot.state.config(guild_id),
            categories=await self.bot.installation.stores.catalog.categories(guild_id),
            refused=await self._consents.refused(guild_id),
        )


async def _outcome(syncing: Syncing, texts: Texts) -> tuple[SyncState, str]:
    """How a sync ended, and the words for it."""
    channel = f"<#{syncing.sync.channel}>"
    try:
        progress = await syncing.run()
    except SyncCancelledError:
        return SyncState.CANCELLED, texts.sync.cancelled.format(channel=channel)
    except discord.NotFound:
        return SyncState.FAILED, texts.sync.gone
    except (UnreadableError, discord.Forbidden):
        return SyncState.FAILED, texts.sync.lost.format(channel=channel)
    except LorekeeperError as error:
        return SyncState.FAILED, neutralise(f"⚠️ {error} {error.hint}")
    return SyncState.DONE, told(progress, channel, texts.sync)


def _readable(interaction: discord.Interaction[Lorekeeper], root: object, texts: Texts) -> Root:
    """The channel, when both the admin and the bot may read it. Raises `UsageError`, `NotAllowedError`."""
    if not isinstance(root, discord.TextChannel | discord.ForumChannel | discord.Thread):
        raise UsageError(texts.sync.cannot)
    assert isinstance(interaction.user, discord.Member)
    theirs = root.permissions_for(interaction.user)
    if not (theirs.view_channel and theirs.read_message_history):
        raise NotAllowedError(texts.sync.you_may_not_read.format(channel=root.mention))
    if not may_read(root):
        raise UsageError(texts.sync.may_not_read.format(channel=root.mention))
    return root


def _since(text: str, texts: Texts) -> int:
    """The position at which a day begins, in UTC. Raises `UsageError`."""
    try:
        day = date.fromisoformat(text.strip())
        return max(0, discord.utils.time_snowflake(datetime.combine(day, time(), UTC)))
    except (ValueError, OverflowError):
        raise UsageError(texts.sync.bad_since.format(text=text)) from None


def _view(channel: int, texts: Texts) -> BaseView:
    view = BaseView()
    view.add_item(CancelButton(channel, texts.sync.button_cancel))
    return view
