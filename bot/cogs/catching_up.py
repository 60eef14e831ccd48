"""After an absence: what the last process left unfinished is gone on with, and what was asked while nobody
listened is answered, once.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

import aiohttp
import discord
from discord.ext import commands, tasks

from agent.contracts import GuildId
from agent.errors import StoreError
from bot.cogs.ask import Ask
from bot.missed import Channel, missed_after, newest_in, with_news
from bot.state.commands import PendingCommand
from bot.state.store import Pending
from bot.surfaces import CommandSurface
from bot.threads import UNKNOWN_CHANNEL

if TYPE_CHECKING:
    from bot.client import Lorekeeper

_log = logging.getLogger(__name__)

_MISSED_MESSAGES: Final = 500
"""Read of each channel after an absence."""
_FLUSH_SECONDS: Final = 10
_CATCH_UP_SECONDS: Final = (0.5, 2.0, 5.0, 15.0, 60.0, 180.0, 600.0)
"""After these, what could not be read of an absence is tried again."""


class CatchingUp(commands.Cog):
    """Knows how far was read, and reads from there."""

    def __init__(self, bot: Lorekeeper) -> None:
        self.bot = bot
        self._seen: dict[int, int] = {}
        """The last message of each place: a guild, or a direct channel."""
        self._unwritten: set[int] = set()
        """Places whose last message is not written down yet."""
        self._before: dict[int, int] = {}
        """Where each place stood when the connection was lost, until that is caught up with."""
        self._resumable: set[int] = set()
        """Places of `_before` that Discord sends again by itself if the session goes on."""
        self._losses = 0
        """How often the connection was lost."""
        self._away: set[int] = set()
        """Shards without a connection now."""
        self._catching_up = asyncio.Lock()
        self._unfinished: tuple[Pending, ...] = ()
        self._commands: tuple[PendingCommand, ...] = ()

    async def cog_load(self) -> None:
        """Read what the last process left, before this one adds to it."""
        self._seen = await self.bot.state.seen()
        self._before = dict(self._seen)
        self._unfinished = await self.bot.state.pending()
        self._commands = await self.bot.state.commands.unfinished()
        self._flush.start()

    async def cog_unload(self) -> None:
        self._flush.cancel()
        await self._write_seen()

    @commands.Cog.listener()
    async def on_shard_disconnect(self, shard: int) -> None:
        self._losses += 1
        self._away.add(shard)
        for place, last in self._seen.items():
            if place not in self._before and self._shard_of(place) == shard:
                self._before[place] = last
                self._resumable.add(place)

    @commands.Cog.listener()
    async def on_shard_connect(self, shard: int) -> None:
        """A new session knows nothing of what was missed before it."""
        self._away.discard(shard)
        self._resumable -= {place for place in self._resumable if self._shard_of(place) == shard}

    @commands.Cog.listener()
    async def on_shard_resumed(self, shard: int) -> None:
        """Discord sends again what this loss missed, but not what an earlier one or the start did."""
        self._away.discard(shard)
        for place in [each for each in self._resumable if self._shard_of(each) == shard]:
            self._resumable.remove(place)
            self._before.pop(place, None)

    @commands.Cog.listener()
    async def on_ready(self) -> None:
        self._know(self.bot.guilds)
        self.bot.in_background(self._catch_up())

    @commands.Cog.listener()
    async def on_guild_join(self, guild: discord.Guild) -> None:
        self._know([guild])

    @commands.Cog.listener()
    async def on_message_taken(self, message: discord.Message) -> None:
        """Everything up to this message was decided on, and is written down if it is answered."""
        place = message.guild.id if message.guild else message.channel.id
        if message.id > self._seen.get(place, 0):
            self._seen[place] = message.id
            self._unwritten.add(place)

    def _shard_of(self, place: int) -> int:
        """Direct messages come to the first one."""
        guild = self.bot.get_guild(place)
        return guild.shard_id if guild is not None else 0

    def _know(self, guilds: Iterable[discord.Guild]) -> None:
        """From now on nothing is missed in these, also where nothing was said yet."""
        for guild in guilds:
            if guild.id not in self._seen:
                self._seen[guild.id] = newest_in(guild)
                self._unwritten.add(guild.id)

    @property
    def _ask(self) -> Ask:
        cog = self.bot.get_cog(Ask.__name__)
        assert isinstance(cog, Ask)
        return cog

    async def _catch_up(self) -> None:
        """Go on with what was left unfinished, and take what was asked while nobody listened. What Discord
        does not give now is asked for again.
        """
        async with self._catching_up:
            for seconds in (*_CATCH_UP_SECONDS, None):
                if await self._caught_up() or seconds is None:
                    break
                await asyncio.sleep(seconds)
        await self._write_seen()

    async def _caught_up(self) -> bool:
        """Go once over all that was missed; False when something of it is left."""
        losses, away = self._losses, frozenset(self._away)
        self._commands = tuple([each for each in self._commands if not await self._resumed(each)])
        self._unfinished = tuple([each for each in self._unfinished if not await self._went_on(each)])
        for place, last in tuple(self._before.items()):
            complete = await self._took_missed(place, last) and self._shard_of(place) not in away
            # Without a connection, and after another loss, more is missed there than was read now.
            if complete and losses == self._losses:
                self._before.pop(place, None)
        return not (self._commands or self._unfinished or self._before)

    async def _resumed(self, command: PendingCommand) -> bool:
        """Answer a command that the last process began, where it stands; False when Discord does not say now
        who gave it.
        """
        guild = self.bot.guild_of(command.guild)
        if guild is None:
            return True
        try:
            member = await self.bot.member_of(guild, int(command.member))
            place = guild.get_channel_or_thread(command.channel) or await guild.fetch_channel(command.channel)
        except (discord.NotFound, discord.Forbidden) as error:
            _log.info("the channel of command %s is gone: %s", command.interaction, error)
            member = None
        except (discord.HTTPException, aiohttp.ClientError, OSError) as error:
            _log.warning("command %s has to wait: %s", command.interaction, error)
            return False
        if member is None:
            await self.bot.state.commands.end(command.guild, command.interaction)
            return True
        webhook = discord.Webhook.partial(self.bot.application_id or 0, command.token, client=self.bot)
        webhook.type = discord.WebhookType.application
        surface = CommandSurface(
            self.bot.pacing,
            self.bot.get_partial_messageable(command.channel),
            webhook,
            member,
            private=command.private,
            message=command.placeholder,
        )
        self._ask.answer_command(command, member, place, surface)
        return True

    async def _went_on(self, pending: Pending) -> bool:
        """Answer what the last process began, in the placeholder that it left; False when Discord does not
        give it now.
        """
        try:
            channel = await self._channel(pending.channel)
            guild = await self._own_guild(pending.guild, channel)
            if guild is None:
                return True
            message = await channel.fetch_message(pending.question)
            member = await self.bot.member_of(guild, int(pending.member))
            stands = await self._stands(pending)
            begun = await self._begun(message, pending.placeholder) if pending.placeholder else None
        except (discord.NotFound, discord.Forbidden) as error:
            _log.info("question %s is gone: %s", pending.question, error)
            guild, member, stands, begun = None, None, False, None
        except (discord.HTTPException, aiohttp.ClientError, OSError, StoreError) as error:
            _log.warning("question %s has to wait: %s", pending.question, error)
            return False
        if guild is None or member is None or stands:
            await self.bot.state.end(pending.guild, pending.question)
            return True
        placed = await self._ask.placed(message, guild, member)
        await self._ask.answer(placed, await self.bot.texts_of(guild), pending, begun)
        return True

    async def _begun(self, message: discord.Message, placeholder: int) -> discord.PartialMessage | None:
        """What the last process left: in the thread under a question, which has its id, or beside it. None
        when that thread was deleted.
        """
        if message.flags.has_thread and message.channel.id != message.id:
            thread = self.bot.get_partial_messageable(message.id)
            try:
                await thread.fetch_message(placeholder)
            except discord.NotFound as error:
                if error.code == UNKNOWN_CHANNEL:
                    return None
            else:
                return thread.get_partial_message(placeholder)
        channel = self.bot.get_partial_messageable(message.channel.id)
        return channel.get_partial_message(placeholder)

    async def _stands(self, pending: Pending) -> bool:
        """Whether the last process showed the whole answer, and only could not cross the question out: it may
        have votes already, which another answer in its place would lose. The buttons come last.
        """
        shown = await self.bot.state.answers_to(pending.guild, pending.question)
        if not shown:
            return False
        place = self.bot.get_partial_messageable(shown[-1].channel)
        return bool((await place.fetch_message(shown[-1].message)).components)

    async def _took_missed(self, place: int, last: int) -> bool:
        """Take every message that came to a place since the last one that was seen there; False when Discord
        does not give them all now.
        """
        guild = self.bot.get_guild(place)
        if guild is not None:
            after = missed_after(last, newest_in(guild))
            return all([await self._took_missed_in(channel, after) for channel in with_news(guild, after)])
        if not self.bot.serves_direct or place in await self._guilds():
            return True
        return await self._took_missed_in(place, last)

    async def _took_missed_in(self, channel: Channel | int, after: int) -> bool:
        try:
            found = await self._channel(channel) if isinstance(channel, int) else channel
            if isinstance(found, discord.DMChannel):
                newest = [message.id async for message in found.history(limit=1)]
                after = missed_after(after, max(newest, default=after))
            history = found.history(limit=_MISSED_MESSAGES, after=discord.Object(after), oldest_first=True)
            async for message in history:
                await self._ask.on_message(message)
        except (discord.NotFound, discord.Forbidden) as error:
            _log.info("what was said in %s meanwhile is not for the bot: %s", channel, error)
        except (discord.HTTPException, aiohttp.ClientError, OSError) as error:
            _log.warning("what was said in %s meanwhile cannot be read yet: %s", channel, error)
            return False
        return True

    async def _own_guild(self, guild: GuildId, channel: discord.abc.Messageable) -> discord.Guild | None:
        """The guild that a question is about, when it is for this process to answer: direct messages come to
        the one that serves the first shard, whatever guild they are about.
        """
        if isinstance(channel, discord.DMChannel):
            return await self.bot.reach_guild(guild) if self.bot.serves_direct else None
        return self.bot.guild_of(guild)

    async def _guilds(self) -> frozenset[int]:
        """Every guild that is known, also those of other processes."""
        known = await self.bot.installation.stores.catalog.guilds()
        return frozenset(int(guild) for guild in known if guild.isdecimal()) | {
            self.bot.settings.discord_local_guild
        }

    async def _channel(self, id_: int) -> discord.abc.Messageable:
        """Raises `NotFound` for one that is gone, or that is none."""
        channel = self.bot.get_channel(id_) or await self.bot.fetch_channel(id_)
        assert isinstance(channel, discord.abc.Messageable)
        return channel

    @tasks.loop(seconds=_FLUSH_SECONDS)
    async def _flush(self) -> None:
        await self._write_seen()

    async def _write_seen(self) -> None:
        """Write down how far was read, but not before what happened during an absence is known."""
        if self._before:
            return
        written = {place: self._seen[place] for place in self._unwritten}
        try:
            await self.bot.state.set_seen(written)
        except StoreError as error:
            _log.warning("how far was read is not written down: %s", error)
            return
        self._unwritten = {place for place in self._unwritten if self._seen[place] != written.get(place)}
