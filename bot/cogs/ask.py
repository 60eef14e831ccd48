"""Asking: by mention, reply, thread, direct message or automatically, and by `/ask`."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import discord
from discord import app_commands
from discord.ext import commands

from agent.contracts import Asker, GuildId, Intent, MemberId, Question, Slug
from agent.errors import StoreError
from agent.understanding.intent import pick_intent
from bot.choosing import require_topic, topic_choices
from bot.conversation import words_of
from bot.desk import Request
from bot.errors import NotAllowedError
from bot.fairness import allowance_of
from bot.incoming import Placed, asked_words, decide, question_of, resolve_channel
from bot.policy import Reason
from bot.powers import has_power
from bot.state.commands import PendingCommand
from bot.state.config import GuildConfig, Power
from bot.state.store import Pending
from bot.surfaces import CommandSurface, InteractionSurface, MessageSurface, reply_once
from bot.texts import Texts, texts_for
from bot.threads import thread_title
from bot.translating import described, options
from bot.visibility import Place, may_see

if TYPE_CHECKING:
    from bot.client import Lorekeeper

_log = logging.getLogger(__name__)


class Ask(commands.Cog):
    """Takes questions to the desk."""

    def __init__(self, bot: Lorekeeper) -> None:
        self.bot = bot
        self._menu = app_commands.ContextMenu(name=described("menu.suggest"), callback=self.suggest)
        self._menu.guild_only = True

    async def cog_load(self) -> None:
        self.bot.tree.add_command(self._menu)

    @commands.Cog.listener()
    async def on_message(self, message: discord.Message) -> None:
        if self.bot.stopping:
            return
        try:
            await self._take(message)
        except StoreError as error:
            await self._tell_store_is_away(message, error)
            return
        self.bot.dispatch("message_taken", message)

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
        with self.bot.desk.arrivals.one():
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
        category = await self._topic(guild_id, wanted.category, texts) if wanted.category else None

        command = PendingCommand(
            guild=guild_id,
            interaction=interaction.id,
            channel=place.id,
            member=author,
            token=interaction.token,
            private=private,
            placeholder=None,
            text=wanted.text,
            category=category,
            intent=wanted.intent,
            locale=texts.language,
        )
        try:
            await self.bot.state.commands.begin(command)
        except StoreError as error:
            # The agent will meet the same store, and is tried again until it is back.
            _log.warning("a command is not written down: %s", error)
        surface = InteractionSurface(self.bot.pacing, interaction, private=private)
        self.answer_command(command, member, place, surface)

    async def _topic(self, guild: GuildId, given: str, texts: Texts) -> Slug:
        """The topic that a member names. Raises `UsageError` in their language."""
        try:
            return (await require_topic(self.bot, guild, given, texts)).slug
        except StoreError as error:
            # The agent will meet the same store, and is tried again until it is back.
            _log.warning("the topic of a command is not checked: %s", error)
            return Slug(given)

    def answer_command(
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
            raise NotAllowedError(texts.cooldown.format(at=self._at(wait)))

    def _cooldown(self, config: GuildConfig, member: discord.Member) -> float:
        """Count a question; return the seconds to wait if it is one too many."""
        if member.guild_permissions.manage_guild:
            return 0.0
        roles = frozenset(role.id for role in member.roles)
        allowance = allowance_of(roles, config.allowances, config.allowance)
        guild = self.bot.guild_id(member.guild.id)
        return self.bot.cooldowns.take(guild, MemberId(str(member.id)), allowance)

    def _at(self, wait: float) -> int:
        """When so many seconds will have passed, as Discord's marks of time have it."""
        return int(self.bot.now().timestamp() + wait) + 1

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
            with self.bot.desk.arrivals.one():
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
            asked_at=self.bot.now(),
        )
        if not await self.bot.state.begin(pending, home=not placed.direct):
            return
        texts = await self.bot.texts_of(placed.guild)
        if refusal := self._refusal(placed, await asked_words(self.bot, message), texts):
            await self._say(message, refusal)
            await self.bot.state.end(placed.guild_id, message.id)
            return
        await self.answer(placed, texts, pending)
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
        return texts.cooldown.format(at=self._at(wait)) if wait else ""

    async def answer(
        self,
        placed: Placed,
        texts: Texts,
        pending: Pending,
        begun: discord.PartialMessage | None = None,
    ) -> None:
        """Take a question that is written down to the desk; `begun` is its placeholder, when there is one."""
        message = placed.message
        request = Request(
            guild=pending.guild,
            member=pending.member,
            channel=pending.channel,
            message=message.id,
            texts=texts,
            question=lambda: question_of(self.bot, placed),
        )
        title = thread_title(await asked_words(self.bot, message)) if _opens_thread(placed) else ""
        self.bot.desk.take(request, MessageSurface(self.bot.pacing, message, begun, thread_title=title))

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
        return await self.placed(message, guild, member)

    async def placed(self, message: discord.Message, guild: discord.Guild, member: discord.Member) -> Placed:
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


def _opens_thread(placed: Placed) -> bool:
    """Whether an admin chose that a question of this place is answered in a thread under it."""
    channel = placed.message.channel
    if not isinstance(channel, discord.TextChannel):
        return False
    return placed.config.channel(channel.id, channel.category_id).threads
