"""`/diagnose`: why the bot answered a message so, or not at all. Every reason has a name."""

from __future__ import annotations

import re
from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import discord
from discord import app_commands
from discord.ext import commands

from agent.contracts import Episode, EpisodeId, GuildId, MemberId
from agent.errors import UsageError
from bot.administering import OFFERED_TO, tell
from bot.diagnosis import explain
from bot.incoming import asked_words, decide, resolve_channel
from bot.policy import Decision
from bot.powers import require_power
from bot.state.config import Power
from bot.state.store import AnswerMessage, Pending
from bot.texts import Texts
from bot.threads import place_of_question
from bot.translating import described, options
from bot.visibility import may_see

if TYPE_CHECKING:
    from bot.client import Lorekeeper

_LINK: Final = re.compile(r"https?://[^/\s]+/channels/(?:\d+|@me)/(\d+)/(\d+)")
_TRIED: Final = timedelta(hours=1)
"""How long after it was asked a question may still end in an error: it is tried again for a while."""


class Diagnose(commands.Cog):
    """Reads the journal and the bot's own state; changes nothing."""

    def __init__(self, bot: Lorekeeper) -> None:
        self.bot = bot

    @app_commands.command(description=described("diagnose"))
    @options("diagnose", "message")
    @app_commands.guild_only()
    @app_commands.default_permissions(OFFERED_TO)
    async def diagnose(
        self, interaction: discord.Interaction[Lorekeeper], message: str | None = None
    ) -> None:
        """Explain a message by its link, or what was asked last in this channel."""
        guild, texts = await require_power(self.bot, interaction, Power.ADMINISTER)
        await interaction.response.defer(ephemeral=True)
        if message is None:
            await tell(interaction, await self._last(interaction, guild, texts))
            return
        found = await self._linked(interaction, message, texts)
        recorded = await self._recorded(interaction, guild, found.id, texts)
        await tell(interaction, recorded or _decided(await self._decision(guild, found), texts))

    async def _last(self, interaction: discord.Interaction[Lorekeeper], guild: GuildId, texts: Texts) -> str:
        assert interaction.channel_id is not None
        by = MemberId(str(interaction.user.id))
        last = await self.bot.state.last_asked(guild, interaction.channel_id, by)
        recorded = await self._recorded(interaction, guild, last, texts) if last else None
        return recorded or texts.diagnosis.nothing_asked

    async def _recorded(
        self, interaction: discord.Interaction[Lorekeeper], guild: GuildId, message: int, texts: Texts
    ) -> str | None:
        """What is on record of a message, be it an answer or a question; None when nothing is."""
        answer = await self.bot.state.answer(message)
        answers = (answer,) if answer else await self.bot.state.answers_to(guild, message)
        # An answer that was given again has the later episode in the messages that both used.
        if answers and answers[0].guild == guild:
            return await self._answered(interaction, answers[0], texts)
        taken = await self.bot.state.taken(guild, message)
        if taken is None:
            return None
        if not taken.done:
            return texts.diagnosis.pending
        failed = await self._failed(taken)
        return await self._explained(interaction, failed, texts) if failed else texts.diagnosis.ended

    async def _answered(
        self, interaction: discord.Interaction[Lorekeeper], answer: AnswerMessage, texts: Texts
    ) -> str:
        episode = await self._episode(answer.guild, answer.episode)
        if episode is None:
            return texts.diagnosis.already_gone
        why = await self._why(answer, texts)
        return "\n".join([*why, await self._explained(interaction, episode, texts)])

    async def _why(self, answer: AnswerMessage, texts: Texts) -> list[str]:
        """Why the question was answered, by the rules of now; nothing when its message or rule is gone."""
        if answer.question is None:
            return [texts.diagnosis.by_command]
        asked = await self._message(answer.channel, answer.question)
        decision = await self._decision(answer.guild, asked) if asked else None
        if decision is None or not decision.respond:
            return []
        reason = texts.decisions[decision.reason]
        return [texts.diagnosis.answered_because.format(reason=reason, name=decision.reason)]

    async def _explained(
        self, interaction: discord.Interaction[Lorekeeper], episode: Episode, texts: Texts
    ) -> str:
        assert isinstance(interaction.user, discord.Member)
        parts = self.bot.agent.parts
        seen = may_see(interaction.user, None)
        passages = await parts.store.get(episode.guild, [id_ for id_, _ in episode.evidence])
        readable = {each.id: each for each in passages if each.visibility in seen}
        votes = Counter((await parts.journal.votes(episode.guild, episode.id)).values())
        names = {each.slug: each.name for each in await parts.catalog.categories(episode.guild)}
        return explain(episode, readable, votes, names, texts)

    async def _failed(self, taken: Pending) -> Episode | None:
        """The last episode in which a question ended in an error; the journal knows members, no messages."""
        message = await self._message(taken.channel, taken.question)
        words = await asked_words(self.bot, message) if message else ""
        episodes = await self.bot.agent.parts.journal.episodes(taken.guild, since=taken.asked_at)
        theirs = [
            each
            for each in episodes
            if each.member == taken.member
            and each.error
            and each.question == words
            and each.asked_at - taken.asked_at < _TRIED
        ]
        return theirs[-1] if theirs else None

    async def _episode(self, guild: GuildId, episode: EpisodeId) -> Episode | None:
        return await self.bot.agent.parts.journal.episode(guild, episode)

    async def _decision(self, guild: GuildId, message: discord.Message) -> Decision:
        await resolve_channel(self.bot, message)
        return await decide(self.bot, message, await self.bot.state.config(guild))

    async def _message(self, channel_id: int, message: int) -> discord.Message | None:
        channel = self.bot.get_channel(channel_id)
        if not isinstance(channel, discord.abc.Messageable):
            return None
        try:
            return await place_of_question(channel, message).fetch_message(message)
        except (discord.NotFound, discord.Forbidden):
            return None

    async def _linked(
        self, interaction: discord.Interaction[Lorekeeper], link: str, texts: Texts
    ) -> discord.Message:
        """The message of a link, in this guild and in a channel that the admin can read."""
        match = _LINK.search(link)
        home = interaction.guild
        channel = home.get_channel_or_thread(int(match[1])) if match and home else None
        assert isinstance(interaction.user, discord.Member)
        if match is None or channel is None:
            raise UsageError(texts.no_such_message)
        if not channel.permissions_for(interaction.user).read_message_history:
            raise UsageError(texts.no_such_message)
        message = await self._message(channel.id, int(match[2]))
        if message is None:
            raise UsageError(texts.no_such_message)
        return message


def _decided(decision: Decision, texts: Texts) -> str:
    said = texts.would_answer if decision.respond else texts.would_not_answer
    return said.format(reason=texts.decisions[decision.reason], name=decision.reason)
