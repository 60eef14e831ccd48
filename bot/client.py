"""The bot process's connection to Discord: what it asks for, what it loads, how it stops.

`setup_hook` runs once, before the socket; `on_ready` may fire many times. A stop takes nothing new in, lets
running answers end for a while, and leaves the rest written down for the next start.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
from collections.abc import Coroutine, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import discord
import yarl
from discord import app_commands
from discord.ext import commands

from agent.contracts import LOCAL_GUILD, GuildId
from agent.errors import StoreError
from bot.cogs.anomalies import Anomalies
from bot.cogs.ask import Ask
from bot.cogs.audit import Audit
from bot.cogs.catching_up import CatchingUp
from bot.cogs.category import Category
from bot.cogs.channel import Channel
from bot.cogs.diagnose import Diagnose
from bot.cogs.export import Export
from bot.cogs.feedback import Feedback, answer_view
from bot.cogs.keep import Keep
from bot.cogs.knowledge import Knowledge
from bot.cogs.language import Language
from bot.cogs.patterns import Patterns
from bot.cogs.privacy import Privacy
from bot.cogs.reactions import Reactions
from bot.cogs.reload import Reload
from bot.cogs.review import Review
from bot.cogs.roles import Roles
from bot.cogs.setup import Setup
from bot.cogs.stats import Stats
from bot.cogs.sync import SyncChannels
from bot.cogs.tuning import Tuning
from bot.delivery import GlobalPace, keep_pace
from bot.desk import LATE_SECONDS, Desk
from bot.errors import tell_error
from bot.fairness import Cooldowns
from bot.pacing import Pacing
from bot.state.store import BotState
from bot.texts import Texts, texts_for
from bot.translating import Translator

if TYPE_CHECKING:
    from agent.agent import Agent
    from agent.runtime import Installation

_log = logging.getLogger(__name__)

COGS: Final = (
    Ask,
    CatchingUp,
    Reactions,
    Feedback,
    Keep,
    Knowledge,
    SyncChannels,
    Privacy,
    Channel,
    Review,
    Roles,
    Category,
    Diagnose,
    Setup,
    Language,
    Audit,
    Export,
    Reload,
    Stats,
    Anomalies,
    Patterns,
    Tuning,
)
PERMISSIONS: Final = discord.Permissions(
    view_channel=True,
    send_messages=True,
    send_messages_in_threads=True,
    read_message_history=True,
    attach_files=True,
    create_public_threads=True,
)
"""What the invite link asks for."""
_COMMANDS: Final = "commands"
"""The value under which the hash of the commands is kept."""


def intents(*, message_content: bool) -> discord.Intents:
    """The least that works: no members, no presences, no typing."""
    return discord.Intents(
        guilds=True,
        guild_messages=True,
        dm_messages=True,
        guild_reactions=True,
        dm_reactions=True,
        message_content=message_content,
    )


def point_discord_at(api: str) -> None:
    """Let discord.py speak to another server than Discord, whose API is at `api`; its gateway and its files
    are at /gateway and /cdn of the same host. discord.py knows this as attributes of classes only.
    """
    parts = urlsplit(api)
    gateway = f"{'wss' if parts.scheme == 'https' else 'ws'}://{parts.netloc}/gateway"
    discord.http.Route.BASE = api.rstrip("/")
    discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(gateway)
    discord.asset.Asset.BASE = f"{parts.scheme}://{parts.netloc}/cdn"


class Tree(app_commands.CommandTree["Lorekeeper"]):
    """The commands; an error in one is told to whoever gave it."""

    async def on_error(
        self, interaction: discord.Interaction[Lorekeeper], error: app_commands.AppCommandError, /
    ) -> None:
        await tell_error(interaction, error)


class Lorekeeper(commands.AutoShardedBot):
    """One for the process; it may serve some of the shards of a bot that several processes serve."""

    def __init__(
        self, installation: Installation, *, late_seconds: Sequence[float] = LATE_SECONDS, **options: Any
    ) -> None:
        """`options` go to discord.py: `shard_ids`, `shard_count`, `guild_ready_timeout`."""
        self.installation = installation
        self.settings = installation.settings
        super().__init__(
            command_prefix=commands.when_mentioned,
            help_command=None,
            tree_cls=Tree,
            intents=intents(message_content=self.settings.discord_message_content),
            allowed_mentions=discord.AllowedMentions.none(),
            chunk_guilds_at_startup=False,
            **options,
        )
        keep_pace(self.http, GlobalPace())
        self.state = BotState(installation.stores.database, installation.stores.clock)
        self.pacing = Pacing(self.settings.discord_edit_seconds)
        self.cooldowns = Cooldowns()
        self.desk = Desk(
            self.agent,
            self.state,
            answer_view,
            slots=self.settings.discord_answers_at_once,
            capacity=self.settings.discord_queue,
            late_seconds=late_seconds,
        )
        self.stopping = False
        self._background: set[asyncio.Task[None]] = set()
        self._closing_soon: asyncio.Task[None] | None = None

    @property
    def agent(self) -> Agent:
        return self.installation.agent

    def now(self) -> datetime:
        """By the installation's clock, aware."""
        return self.installation.stores.clock()

    @property
    def me_id(self) -> int:
        """The bot's own user id; known after login."""
        assert self.user is not None
        return self.user.id

    async def setup_hook(self) -> None:
        await self.tree.set_translator(Translator())
        for cog in COGS:
            await self.add_cog(cog(self))
        if self.serves_direct:
            self.in_background(self._tell_commands())

    async def on_message(self, message: discord.Message, /) -> None:
        """Nothing: there are no prefix commands, and the cog `ask` listens for itself."""

    async def on_guild_available(self, guild: discord.Guild) -> None:
        await self.installation.stores.catalog.create_guild(self.guild_id(guild.id))

    async def on_guild_join(self, guild: discord.Guild) -> None:
        await self.on_guild_available(guild)

    async def close(self) -> None:
        """Stop taking questions in, let running answers end, and disconnect. May be called again."""
        if not self.stopping:
            self.stopping = True
            await self.desk.stop(self.settings.discord_stop_seconds)
            for task in self._background:
                task.cancel()
        await super().close()

    def stop_soon(self) -> None:
        """Close, from where nothing can be awaited. The second time running answers are not waited for."""
        self._closing_soon = asyncio.create_task(self.close())

    def in_background(self, work: Coroutine[Any, Any, None]) -> None:
        """Run a coroutine until it ends or the bot stops; an error in it is logged."""
        task = asyncio.create_task(work)
        self._background.add(task)
        task.add_done_callback(self._ended)

    def guild_id(self, discord_id: int) -> GuildId:
        """Whose knowledge a Discord guild has."""
        return LOCAL_GUILD if discord_id == self.settings.discord_local_guild else GuildId(str(discord_id))

    def guild_of(self, guild: GuildId) -> discord.Guild | None:
        """The Discord guild, when this process serves it."""
        if guild == LOCAL_GUILD:
            return self.get_guild(self.settings.discord_local_guild)
        return self.get_guild(int(guild)) if guild.isdecimal() else None

    @property
    def serves_direct(self) -> bool:
        """Whether Discord tells this process of direct messages: the one that serves the first shard."""
        return self.shard_ids is None or 0 in self.shard_ids

    async def reach_guild(self, guild: GuildId) -> discord.Guild | None:
        """The Discord guild, also when another process serves it: then as Discord describes it now, without
        its channels, and with what its admins chose meanwhile. For direct messages, which are about any.
        """
        own = self.guild_of(guild)
        id_ = self.settings.discord_local_guild if guild == LOCAL_GUILD else guild
        if own is not None or not str(id_).isdecimal():
            return own
        try:
            reached = await self.fetch_guild(int(id_), with_counts=False)
        except (discord.NotFound, discord.Forbidden):
            return None
        self.state.read_again(guild)
        return reached

    async def channels_of(self, guild: discord.Guild) -> Sequence[discord.abc.GuildChannel]:
        """The channels of a guild, also of one that was only reached."""
        return guild.channels if self.get_guild(guild.id) is guild else await guild.fetch_channels()

    async def texts_of(self, guild: discord.Guild) -> Texts:
        """The guild's language: what its admins chose, else what it told Discord. Raises `StoreError`."""
        config = await self.state.config(self.guild_id(guild.id))
        return texts_for(config.language, guild.preferred_locale.value, self.settings.language)

    async def member_of(self, guild: discord.Guild, user_id: int) -> discord.Member | None:
        """A member with their roles as they are now; None when they are not in the guild.

        discord.py's cache is not asked: without the members intent it never hears of a role taken away.
        """
        try:
            return await guild.fetch_member(user_id)
        except discord.NotFound:
            return None

    async def sync_commands(self) -> bool:
        """Tell Discord of the commands only when they changed, as it allows 200 such calls a day; return
        whether they did.
        """
        payload = [
            await command.get_translated_payload(self.tree, Translator())
            for command in self.tree.get_commands()
        ]
        said = json.dumps([self.application_id, payload], sort_keys=True, default=str)
        digest = hashlib.sha256(said.encode()).hexdigest()
        if await self.state.value(_COMMANDS) == digest:
            return False
        await self.tree.sync()
        await self.state.set_value(_COMMANDS, digest)
        return True

    async def _tell_commands(self) -> None:
        await self.sync_commands()

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._background.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            known = isinstance(error, StoreError | discord.HTTPException)
            _log.error("a task in the background failed: %s", error, exc_info=None if known else error)
