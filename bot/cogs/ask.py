"""Asking: by mention, reply, thread, direct message or automatically, and by `/ask`; also what was asked
while the bot was away.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import aiohttp
import discord
from discord import app_commands
from discord.ext import commands, tasks

from agent.contracts import Asker, GuildId, Intent, MemberId, Question, Slug
from agent.errors import StoreError
from agent.understanding.intent import pick_intent
from bot.choosing import topic_choices
from bot.conversation import words_of
from bot.desk import Request
from bot.errors import NotAllowedError
from bot.fairness import allowance_of
from bot.incoming import Placed, asked_words, decide, question_of, resolve_channel
from bot.missed import Channel, missed_after, newest_in, with_news
from bot.policy import Reason
from bot.powers import has_power
from bot.state.commands import PendingCommand
from bot.state.config import GuildConfig, Power
from bot.state.store import Pending
from bot.surfaces import CommandSurface, InteractionSurface, MessageSurface, reply_once
from bot.texts import Texts, texts_for
from bot.threads import UNKNOWN_CHANNEL, thread_title
from bot.translating import described, options
from bot.visibility import Place, may_see

if TYPE_CHECKING:
    from bot.client import Lorekeeper

_log = logging.getLogger(__name__)

_MISSED_MESSAGES: Final = 500
"""Read of each channel after an absence."""
_FLUSH_SECONDS: Final = 10
_CATCH_UP_SECONDS: Final = (0.5, 2.0, 5.0, 15.0, 60.0, 180.0, 600.0)
"""After these, what could not be read of an absence is tried again."""


class Ask(commands.Cog):
    """Takes questions to the desk."""

    def __init__(self, bot: Lorekeeper) -> None:
        self.bot = bot
        self._seen: dict[int, int] = {}
        """The last message of each place: a guild, or a direct channel."""
        self._unwritten: set[int] = set()
        """Places whose last message is not written down yet."""
        self._before: dict[int, int] = {}
        """Where each place stood when the connection was lost, until that is caught up with."""
        self._losses = 0
        """How often the connection was lost."""
        self._catching_up = asyncio.Lock()
        self._unfinished: tuple[Pending, ...] = ()
        self._commands: tuple[PendingCommand, ...] = ()
        self._menu = app_commands.ContextMenu(name=described("menu.suggest"), callback=self.suggest)
        self._menu.guild_only = True

    async def cog_load(self) -> None:
        """Read what the last process left, before this one adds to it."""
        self._seen = await self.bot.state.seen()
        self._before = dict(self._seen)
        self._unfinished = await self.bot.state.pending()
        self._commands = await self.bot.state.commands.unfinished()
        self._flush.start()
        self.bot.tree.add_command(self._menu)

    async def cog_unload(self) -> None:
        self._flush.cancel()
        await self._write_seen()

    @commands.Cog.listener()
    async def on_message(self, message: discord.Message) -> None:
        if self.bot.stopping:
            return
        try:
            await self._take(message)
        except StoreError as error:
            await self._tell_store_is_away(message, error)
            return
        self._saw(message)

    @commands.Cog.listener()
    async def on_disconnect(self) -> None:
        self._losses += 1
        for place, last in self._seen.items():
            self._before.setdefault(place, last)

    @commands.Cog.listener()
    async def on_resumed(self) -> None:
        """Discord sends again what was missed; only a connection made anew has to ask for it."""
        if not self._unfinished and not self._catching_up.locked():
            self._before = {}

    @commands.Cog.listener()
    async def on_ready(self) -> None:
        self._know(self.bot.guilds)
        self.bot.in_background(self._catch_up())

    @commands.Cog.listener()
    async def on_guild_join(self, guild: discord.Guild) -> None:
        self._know([guild])

    def _know(self, guilds: Iterable[discord.Guild]) -> None:
        """From now on nothing is missed in these, also where nothing was said yet."""
        for guild in guilds:
            if guild.id not in self._seen:
                self._seen[guild.id] = newest_in(guild)
                self._unwritten.add(guild.id)

    @app_commands.command(description=described("ask"))
    @options("ask", "question", "topic", "private")
    @app_commands.guild_only()
    async def ask(
        self,
        interaction: discord.Interaction[Lorekeeper],
        question: app_commands.Range[str, 1, 2000],
        topic: str | None = None,
        private: bool = False,
    ) -> None:
        """Ask by command; the answer's visibility is that of the channel, or the member's own if private."""
        wanted = Question(text=question, category=Slug(topic) if topic else None)
        await self._take_command(interaction, wanted, private=private)

    async def suggest(self, interaction: discord.Interaction[Lorekeeper], message: discord.Message) -> None:
        """Draft a reply to a message, for whoever asked for it alone."""
        wanted = Question(text=words_of(message, self.bot.me_id), intent=Intent.SUGGEST)
        await self._take_command(interaction, wanted, private=True)

    async def _take_command(
        self, interaction: discord.Interaction[Lorekeeper], wanted: Question, *, private: bool
    ) -> None:
        """Take what a command asks to the desk, as its member and in its place."""
        member, guild, place = interaction.user, interaction.guild, interaction.channel
        assert isinstance(member, discord.Member)
        assert guild is not None
        assert isinstance(place, discord.abc.GuildChannel | discord.Thread)
        guild_id, author = self.bot.guild_id(guild.id), MemberId(str(member.id))
        config = await self.bot.state.config(guild_id)
        texts = texts_for(interaction.locale.value, config.language)
        self._require_may_ask(config, member, texts)

        command = PendingCommand(
            guild=guild_id,
            interaction=interaction.id,
            channel=place.id,
            member=author,
            token=interaction.token,
            private=private,
            placeholder=None,
            text=wanted.text,
            category=wanted.category,
            intent=wanted.intent,
            locale=texts.language,
        )
        try:
            await self.bot.state.commands.begin(command)
        except StoreError as error:
            # The agent will meet the same store, and is tried again until it is back.
            _log.warning("a command is not written down: %s", error)
        surface = InteractionSurface(self.bot.pacing, interaction, private=private)
        self._answer_command(command, member, place, surface)

    def _answer_command(
        self, command: PendingCommand, member: discord.Member, place: Place, surface: CommandSurface
    ) -> None:
        """Take what a command asks, now or before a restart, to the desk."""

        async def build() -> Question:
            seen = may_see(member, None if command.private else place)
            return Question(
                text=command.text,
                guild=command.guild,
                asker=Asker(member=command.member, name=member.display_name, may_see=seen),
                intent=command.intent,
                category=command.category,
                language=command.locale,
            )

        request = Request(
            guild=command.guild,
            member=command.member,
            channel=command.channel,
            message=None,
            command=command.interaction,
            texts=texts_for(command.locale),
            question=build,
        )
        self.bot.desk.take(request, surface)

    @ask.autocomplete("topic")
    async def _topics(
        self, interaction: discord.Interaction[Lorekeeper], current: str
    ) -> list[app_commands.Choice[str]]:
        return await topic_choices(interaction, current)

    def _require_may_ask(self, config: GuildConfig, member: discord.Member, texts: Texts) -> None:
        if self.bot.stopping:
            raise NotAllowedError(texts.ask_again)
        if not has_power(config, member, Power.ASK):
            raise NotAllowedError(texts.may_not_ask)
        if wait := self._cooldown(config, member):
            raise NotAllowedError(texts.cooldown.format(at=int(time.time() + wait) + 1))

    def _cooldown(self, config: GuildConfig, member: discord.Member) -> float:
        """Count a question; return the seconds to wait if it is one too many."""
        if member.guild_permissions.manage_guild:
            return 0.0
        roles = frozenset(role.id for role in member.roles)
        allowance = allowance_of(roles, config.allowances, config.allowance)
        guild = self.bot.guild_id(member.guild.id)
        return self.bot.cooldowns.take(guild, MemberId(str(member.id)), allowance)

    async def _take(self, message: discord.Message) -> None:
        """Answer a message if it is for the bot."""
        await resolve_channel(self.bot, message)
        config = GuildConfig()
        if message.guild is not None:
            config = await self.bot.state.config(self.bot.guild_id(message.guild.id))
        decision = await decide(self.bot, message, config)
        # Who may not ask is told so when they speak to the bot, not at every word in an automatic channel.
        told = decision.reason is Reason.MAY_NOT_ASK and self.bot.user in message.mentions
        if decision.respond or told:
            await self._respond(message)
        _log.debug("message %s: %s", message.id, decision.reason)

    async def _respond(self, message: discord.Message) -> None:
        placed = await self._place(message)
        if placed is None:
            await self._say(message, texts_for(self.bot.settings.language).which_guild)
            return
        pending = Pending(
            guild=placed.guild_id,
            question=message.id,
            channel=message.channel.id,
            member=MemberId(str(placed.member.id)),
            placeholder=None,
            asked_at=datetime.now(UTC),
        )
        if not await self.bot.state.begin(pending):
            return
        texts = await self.bot.texts_of(placed.guild)
        if refusal := self._refusal(placed, await asked_words(self.bot, message), texts):
            await self._say(message, refusal)
            await self.bot.state.end(placed.guild_id, message.id)
            return
        await self._answer(placed, texts, pending)
        if isinstance(message.channel, discord.Thread) and message.channel.me is None:
            await self._join(message.channel)

    async def _join(self, thread: discord.Thread) -> None:
        """Whoever mentioned the bot in a thread invited it: from now on no mention is needed there."""
        try:
            await thread.join()
        except discord.HTTPException as error:
            _log.info("thread %s cannot be joined: %s", thread.id, error)

    def _refusal(self, placed: Placed, words: str, texts: Texts) -> str:
        """Why this question is answered with a word at once; empty when it is really asked."""
        if not has_power(placed.config, placed.member, Power.ASK):
            return texts.may_not_ask
        if not words:
            return texts.hello
        remembers = pick_intent(words, texts.language).intent is Intent.REMEMBER
        if remembers and not has_power(placed.config, placed.member, Power.TEACH):
            return texts.may_not_teach
        wait = self._cooldown(placed.config, placed.member)
        return texts.cooldown.format(at=int(time.time() + wait) + 1) if wait else ""

    async def _answer(self, placed: Placed, texts: Texts, pending: Pending) -> None:
        """Take a question that is written down to the desk."""
        message = placed.message
        request = Request(
            guild=pending.guild,
            member=pending.member,
            channel=pending.channel,
            message=message.id,
            texts=texts,
            question=lambda: question_of(self.bot, placed),
        )
        begun = await self._begun(message, pending.placeholder) if pending.placeholder else None
        title = thread_title(await asked_words(self.bot, message)) if _opens_thread(placed) else ""
        self.bot.desk.take(request, MessageSurface(self.bot.pacing, message, begun, thread_title=title))

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

    async def _place(self, message: discord.Message) -> Placed | None:
        """Find whose knowledge a message asks for, and who its author is there. A direct message is about the
        guild where its author asked last, as long as they are in it, or about the only one there is.
        """
        author = MemberId(str(message.author.id))
        guild = message.guild
        if guild is None:
            home = await self.bot.state.home(author)
            guild = await self.bot.reach_guild(home) if home else None
            if guild is None and len(self.bot.guilds) == 1:
                guild = self.bot.guilds[0]
        if guild is None:
            return None
        known = message.author if isinstance(message.author, discord.Member) else None
        member = known or await self.bot.member_of(guild, message.author.id)
        if member is None:
            return None
        if message.guild is not None:
            await self.bot.state.set_home(author, self.bot.guild_id(guild.id))
        return await self._placed(message, guild, member)

    async def _placed(self, message: discord.Message, guild: discord.Guild, member: discord.Member) -> Placed:
        guild_id = self.bot.guild_id(guild.id)
        config = await self.bot.state.config(guild_id)
        return Placed(message=message, guild=guild, guild_id=guild_id, member=member, config=config)

    async def _say(self, message: discord.Message, text: str) -> None:
        try:
            await reply_once(message, text)
        except discord.HTTPException as error:
            _log.info("a reply was refused: %s", error)

    async def _tell_store_is_away(self, message: discord.Message, error: StoreError) -> None:
        """Without its store the bot cannot even know the rules of a channel: it answers who names it."""
        _log.error("message %s cannot be taken: %s", message.id, error)
        if message.author.bot or not (message.guild is None or self.bot.user in message.mentions):
            return
        await self._say(message, f"⚠️ {error} {error.hint}")

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
        losses = self._losses
        self._commands = tuple([each for each in self._commands if not await self._resumed(each)])
        self._unfinished = tuple([each for each in self._unfinished if not await self._went_on(each)])
        for place, last in tuple(self._before.items()):
            # After another loss more may be missed there than was read now.
            if await self._took_missed(place, last) and losses == self._losses:
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
        self._answer_command(command, member, place, surface)
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
        except (discord.NotFound, discord.Forbidden) as error:
            _log.info("question %s is gone: %s", pending.question, error)
            guild, member, stands = None, None, False
        except (discord.HTTPException, aiohttp.ClientError, OSError, StoreError) as error:
            _log.warning("question %s has to wait: %s", pending.question, error)
            return False
        if guild is None or member is None or stands:
            await self.bot.state.end(pending.guild, pending.question)
            return True
        placed = await self._placed(message, guild, member)
        await self._answer(placed, await self.bot.texts_of(guild), pending)
        return True

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
                await self.on_message(message)
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

    def _saw(self, message: discord.Message) -> None:
        place = message.guild.id if message.guild else message.channel.id
        if message.id > self._seen.get(place, 0):
            self._seen[place] = message.id
            self._unwritten.add(place)

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


def _opens_thread(placed: Placed) -> bool:
    """Whether an admin chose that a question of this place is answered in a thread under it."""
    channel = placed.message.channel
    if not isinstance(channel, discord.TextChannel):
        return False
    return placed.config.channel(channel.id, channel.category_id).threads
