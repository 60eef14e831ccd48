"""What is kept: lists, files, addresses and the history of channels, for admins."""

from __future__ import annotations

import logging
import re
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

import discord
from discord import app_commands
from discord.ext import commands

from agent.contracts import GuildId, MemberId, Source, SourceId, SourceKind
from agent.errors import UsageError
from agent.files import write_error
from agent.ingest.report import IngestReport, Outcome
from agent.language.counts import Count
from bot.administering import audit
from bot.choosing import MOST_OPTIONS, require_topic, topic_choices
from bot.cogs.sync import SyncChannels
from bot.errors import say
from bot.history.reading import Root
from bot.powers import require_power
from bot.rendering import neutral_line, neutralise
from bot.splitter import split
from bot.state.config import Power
from bot.state.records import SyncState
from bot.texts import Texts
from bot.translating import described, options
from bot.visibility import may_see

if TYPE_CHECKING:
    from bot.client import Lorekeeper

_ID: Final = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_ROUTED: Final = "-"
"""The choice that leaves the topic to the router."""
_MOST_TOPICS: Final = 24
_PREVIEW: Final = 500
_log = logging.getLogger(__name__)

_LISTED: Final = 40
_CHANNEL: Final = "channel:"
"""How the choice of a whole channel begins; no id of a source has a colon."""
_CONVERSATIONS: Final = frozenset({SourceKind.CHANNEL, SourceKind.THREAD})
_REFRESHED: Final = frozenset({SourceKind.FILE, SourceKind.URL})
"""What is read again by itself; conversations are read with their channel."""
_SAFE_NAME: Final = re.compile(r"[^\w.-]+")


class Knowledge(commands.Cog):
    """Takes knowledge in and out."""

    knowledge = app_commands.Group(
        name="knowledge",
        description=described("knowledge"),
        guild_only=True,
        default_permissions=discord.Permissions(manage_guild=True),
    )

    def __init__(self, bot: Lorekeeper) -> None:
        self.bot = bot

    @knowledge.command(name="list", description=described("knowledge.list"))
    async def list_sources(self, interaction: discord.Interaction[Lorekeeper]) -> None:
        """What is kept, as far as the admin may read it."""
        guild, texts = await require_power(self.bot, interaction, Power.ADMINISTER)
        counts = await self._history.history.conversations(guild)
        lines = [
            texts.sync.listed.format(
                channel=channel.mention, count=Count(counts.get(channel.id, 0)), state=state
            )
            for channel, state in await self._synced(interaction, guild, texts)
        ]
        found = await self._readable(interaction, guild)
        sources = [each for each in found if each.kind not in _CONVERSATIONS]
        lines += [
            f"{_titled(each)} ({each.kind.value}, {each.category or '-'})" for each in sources[:_LISTED]
        ]
        if len(sources) > _LISTED:
            lines.append(texts.and_more.format(count=len(sources) - _LISTED))
        await say(interaction, split("\n".join(lines) or texts.nothing_kept)[0])

    @knowledge.command(name="add", description=described("knowledge.add"))
    @options("knowledge.add", "address", "file", "topic")
    async def add_source(
        self,
        interaction: discord.Interaction[Lorekeeper],
        address: str | None = None,
        file: discord.Attachment | None = None,
        topic: str | None = None,
    ) -> None:
        """Take in a file or a web page."""
        guild, texts = await require_power(self.bot, interaction, Power.ADMINISTER)
        if (address is None) == (file is None):
            raise UsageError(texts.address_or_file)
        category = (await require_topic(self.bot, guild, topic, texts)).slug if topic else None
        await interaction.response.defer(ephemeral=True, thinking=True)
        target: str | Path = await self._saved(guild, file) if file else address or ""
        report = await self.bot.installation.ingestor.ingest(
            guild, [target], category=category, author=MemberId(str(interaction.user.id))
        )
        by = MemberId(str(interaction.user.id))
        detail = {"target": address or (file.filename if file else "")}
        await self.bot.state.audit(guild, by=by, action="knowledge add", detail=detail)
        lines = [f"⚠️ {report.stopped} {report.hint}"] if report.stopped else []
        for each in report.targets:
            said = (
                f"{each.reason} {each.hint}"
                if each.reason
                else texts.passages.format(count=Count(each.added))
            )
            lines.append(f"{each.outcome.value}: {each.title or Path(each.uri).name}. {said}")
        await say(interaction, split(neutralise("\n".join(lines)))[0])

    @knowledge.command(name="remove", description=described("knowledge.remove"))
    @options("knowledge.remove", "source")
    async def remove_source(self, interaction: discord.Interaction[Lorekeeper], source: str) -> None:
        """Remove a source with all that is kept of it."""
        guild, texts = await require_power(self.bot, interaction, Power.ADMINISTER)
        if source.startswith(_CHANNEL):
            await self._remove_channel(interaction, guild, source, texts)
            return
        found = {each.id: each for each in await self._readable(interaction, guild)}.get(SourceId(source))
        if found is None:
            raise UsageError(texts.no_such_source)
        await interaction.response.defer(ephemeral=True, thinking=True)
        await self.bot.installation.ingestor.remove(guild, [found.id])
        await self.bot.state.remove_entry(guild, found.id)
        await self._history.history.remove_conversation(guild, found.id)
        by = MemberId(str(interaction.user.id))
        # Not its title: that of an entry is a member's words, which could not be found here to be forgotten.
        await self.bot.state.audit(guild, by=by, action="knowledge remove", detail={"source": found.id})
        await say(interaction, texts.source_removed.format(name=_titled(found)))

    @knowledge.command(name="sync", description=described("knowledge.sync"))
    @options("knowledge.sync", "channel", "since")
    async def sync_channel(
        self,
        interaction: discord.Interaction[Lorekeeper],
        channel: discord.TextChannel | discord.ForumChannel | discord.Thread | None = None,
        since: str | None = None,
    ) -> None:
        """Take in what was said in a channel, and follow it from now on."""
        await self._history.start(interaction, channel, since)

    @knowledge.command(name="refresh", description=described("knowledge.refresh"))
    @options("knowledge.refresh", "source")
    async def refresh(self, interaction: discord.Interaction[Lorekeeper], source: str | None = None) -> None:
        """Read again what changed where it came from."""
        guild, texts = await require_power(self.bot, interaction, Power.ADMINISTER)
        if source is not None and source.startswith(_CHANNEL):
            await self._history.start(
                interaction, await self._channel(interaction, guild, source, texts), None
            )
            return
        found = await self._readable(interaction, guild)
        wanted = [
            each.id for each in found if each.kind in _REFRESHED and (source is None or each.id == source)
        ]
        if not wanted:
            raise UsageError(texts.sync.nothing_to_refresh)
        await interaction.response.defer(ephemeral=True, thinking=True)
        report = await self.bot.installation.ingestor.refresh(guild, wanted)
        await audit(interaction, guild, "knowledge refresh", {"sources": len(wanted)})
        if interaction.is_expired():
            _log.info("files and pages were read again for longer than Discord lets a command be answered")
            return
        await say(interaction, split(neutralise(_refreshed(report, texts)))[0])

    @add_source.autocomplete("topic")
    async def _topics(
        self, interaction: discord.Interaction[Lorekeeper], current: str
    ) -> list[app_commands.Choice[str]]:
        return await topic_choices(interaction, current)

    @remove_source.autocomplete("source")
    async def _sources(
        self, interaction: discord.Interaction[Lorekeeper], current: str
    ) -> list[app_commands.Choice[str]]:
        return await self._choices(interaction, current, frozenset(SourceKind))

    @refresh.autocomplete("source")
    async def _refreshable(
        self, interaction: discord.Interaction[Lorekeeper], current: str
    ) -> list[app_commands.Choice[str]]:
        return await self._choices(interaction, current, _REFRESHED)

    async def _choices(
        self, interaction: discord.Interaction[Lorekeeper], current: str, kinds: frozenset[SourceKind]
    ) -> list[app_commands.Choice[str]]:
        """Whole channels first, then single sources of these kinds, by what was typed."""
        guild, texts = await require_power(self.bot, interaction, Power.ADMINISTER)
        wanted = current.casefold()
        channels = [
            (texts.sync.all_of.format(channel=f"#{neutral_line(each.name)}"), f"{_CHANNEL}{each.id}")
            for each, _ in await self._synced(interaction, guild, texts)
            if wanted in each.name.casefold()
        ]
        sources = [
            (_titled(each), each.id)
            for each in await self._readable(interaction, guild)
            if each.kind in kinds and wanted in f"{each.title} {each.uri}".casefold()
        ]
        found = [*channels, *sources][:MOST_OPTIONS]
        return [app_commands.Choice(name=name[:100], value=value) for name, value in found]

    async def _remove_channel(
        self, interaction: discord.Interaction[Lorekeeper], guild: GuildId, source: str, texts: Texts
    ) -> None:
        """Remove all that was said in a channel, and follow it no longer."""
        channel = await self._channel(interaction, guild, source, texts)
        await interaction.response.defer(ephemeral=True, thinking=True)
        await self._history.remove(guild, channel.id)
        await audit(interaction, guild, "knowledge remove", {"channel": channel.id})
        await say(interaction, texts.source_removed.format(name=channel.mention))

    async def _channel(
        self, interaction: discord.Interaction[Lorekeeper], guild: GuildId, source: str, texts: Texts
    ) -> Root:
        """The channel that a choice stands for. Raises `UsageError`."""
        for channel, _ in await self._synced(interaction, guild, texts):
            if source == f"{_CHANNEL}{channel.id}":
                return channel
        raise UsageError(texts.no_such_source)

    async def _synced(
        self, interaction: discord.Interaction[Lorekeeper], guild: GuildId, texts: Texts
    ) -> list[tuple[Root, str]]:
        """The channels whose history is kept, as far as the admin may read them, and how each is followed."""
        home, member = interaction.guild, interaction.user
        assert home is not None
        assert isinstance(member, discord.Member)
        looked = self._history.looked.get(guild)
        syncs = await self._history.history.syncs(guild)
        found = [(home.get_channel_or_thread(sync.channel), sync) for sync in syncs]
        return [
            (root, _state(sync.state, looked, texts))
            for root, sync in found
            if isinstance(root, Root) and root.permissions_for(member).read_message_history
        ]

    @property
    def _history(self) -> SyncChannels:
        cog = self.bot.get_cog(SyncChannels.__name__)
        assert isinstance(cog, SyncChannels)
        return cog

    async def _readable(self, interaction: discord.Interaction[Lorekeeper], guild: GuildId) -> list[Source]:
        assert isinstance(interaction.user, discord.Member)
        seen = may_see(interaction.user, None)
        sources = await self.bot.installation.stores.catalog.sources(guild)
        return [source for source in sources if source.visibility in seen]

    async def _saved(self, guild: GuildId, file: discord.Attachment) -> Path:
        """Keep the file in the data folder, to be read again. Raises `UsageError`, `StoreError`."""
        if file.size > self.bot.settings.ingest_file_mb * 2**20:
            raise UsageError(f"{file.filename} is larger than {self.bot.settings.ingest_file_mb:g} MB.")
        folder = self.bot.settings.data_dir / "attachments" / guild
        path = folder / (_SAFE_NAME.sub("_", file.filename).lstrip(".") or "file.txt")
        try:
            folder.mkdir(parents=True, exist_ok=True)
            path.write_bytes(await file.read())
        except OSError as error:
            raise write_error(path, error) from error
        return path


def _state(state: SyncState, looked: datetime | None, texts: Texts) -> str:
    """Whether a channel is followed, in words; `looked` is when its guild was looked at last."""
    if state is SyncState.RUNNING:
        return texts.sync.reading
    if state is not SyncState.DONE:
        return texts.sync.not_followed
    if looked is None:
        return texts.sync.to_follow
    return texts.sync.followed.format(at=discord.utils.format_dt(looked, "R"))


def _refreshed(report: IngestReport, texts: Texts) -> str:
    """What became of each source, and how many there were of each kind."""
    words = texts.sync
    said = {
        Outcome.UNCHANGED: words.unchanged,
        Outcome.CHANGED: words.changed,
        Outcome.ADDED: words.changed,
        Outcome.REMOVED: words.vanished,
    }
    lines = [f"⚠️ {report.stopped} {report.hint}"] if report.stopped else []
    counts = Counter(each.outcome for each in report.targets)
    lines.append(
        words.refresh_done.format(
            unchanged=counts[Outcome.UNCHANGED],
            changed=Count(counts[Outcome.CHANGED] + counts[Outcome.ADDED]),
            removed=Count(counts[Outcome.REMOVED]),
            failed=counts[Outcome.FAILED],
        )
    )
    for each in report.targets:
        name = each.title or Path(each.uri).name
        line = said.get(each.outcome, "⚠️ {name}: ").format(name=name)
        lines.append(f"{line}{each.reason} {each.hint}" if each.outcome is Outcome.FAILED else line)
    return "\n".join(lines)


def _titled(source: Source) -> str:
    return neutral_line(source.title or source.uri)
