"""Votes by reaction: 👍 and 👎 added, switched and removed by anyone who can see the answer.

A member has one vote on an answer however it was given, the newest; a vote that is given twice counts once.
Discord does not tell later of reactions that nobody listened to: after an absence they are read off the
answers themselves.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Iterable, Mapping, Set
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Final

import discord
from discord.ext import commands

from agent.contracts import Feedback, FeedbackKind, MemberId
from agent.journal.feedback import voting_events
from agent.privacy.privacy import ACTION as FORGOT
from bot.delivery import DiscordAwayError, persistently
from bot.state.store import AnswerMessage

if TYPE_CHECKING:
    from bot.client import Lorekeeper

_log = logging.getLogger(__name__)

_VOTES: Final = {"👍": 1, "👎": -1}
_ROW_SECONDS: Final = (0.0, 0.2, 0.6, 1.5)
"""A reaction may be quicker than the row of the message that it is on."""
_MISSED: Final = timedelta(hours=24)
"""How old an answer may be whose reactions are read after an absence."""
_MISSED_MESSAGES: Final = 500
"""Read of each channel after an absence."""
_PAUSE_SECONDS: Final = 0.1
"""Between those reads: Discord allows 50 calls a second, which answers need more."""


class Reactions(commands.Cog):
    """Listens to raw events: discord.py's own know only messages that it has in memory."""

    def __init__(self, bot: Lorekeeper) -> None:
        self.bot = bot
        self._catching_up = asyncio.Lock()

    @commands.Cog.listener()
    async def on_raw_reaction_add(self, payload: discord.RawReactionActionEvent) -> None:
        vote = _VOTES.get(_plain(payload.emoji))
        # Discord need not say whose message it is.
        others = payload.message_author_id not in (None, self.bot.me_id)
        if vote is None or others or not self._counts(payload):
            return
        if answer := await self._answer_of(payload.message_id):
            await give_vote(self.bot, answer, MemberId(str(payload.user_id)), vote, shown=True)

    @commands.Cog.listener()
    async def on_raw_reaction_remove(self, payload: discord.RawReactionActionEvent) -> None:
        vote = _VOTES.get(_plain(payload.emoji))
        if vote is None or not self._counts(payload):
            return
        answer = await self.bot.state.answer(payload.message_id)
        member = MemberId(str(payload.user_id))
        if answer is None or await _standing(self.bot, answer, member) != vote:
            return
        other = -vote if await self._reacted(payload, -vote) else 0
        await give_vote(self.bot, answer, member, other, shown=True)

    @commands.Cog.listener()
    async def on_raw_reaction_clear(self, payload: discord.RawReactionClearEvent) -> None:
        await self._clear(payload.message_id, {1, -1})

    @commands.Cog.listener()
    async def on_raw_reaction_clear_emoji(self, payload: discord.RawReactionClearEmojiEvent) -> None:
        if (vote := _VOTES.get(_plain(payload.emoji))) is not None:
            await self._clear(payload.message_id, {vote})

    @commands.Cog.listener()
    async def on_ready(self) -> None:
        self.bot.in_background(self._catch_up())

    def _counts(self, payload: discord.RawReactionActionEvent) -> bool:
        """Not the bot's own, and not another bot's as far as Discord says who it was."""
        return payload.user_id != self.bot.me_id and not (payload.member and payload.member.bot)

    async def _answer_of(self, message: int) -> AnswerMessage | None:
        """The answer that a message belongs to, with patience for a message that is quicker than its row."""
        for seconds in _ROW_SECONDS:
            await asyncio.sleep(seconds)
            if (answer := await self.bot.state.answer(message)) is not None:
                return answer
        return None

    async def _reacted(self, payload: discord.RawReactionActionEvent, vote: int) -> bool:
        """Whether the member's other thumb still stands there."""
        channel = self.bot.get_partial_messageable(payload.channel_id)
        try:
            message = await persistently(lambda: channel.fetch_message(payload.message_id))
            for reaction in message.reactions:
                if _VOTES.get(_plain(reaction.emoji)) == vote:
                    before = discord.Object(payload.user_id - 1)
                    found = [user.id async for user in reaction.users(limit=1, after=before)]
                    return found == [payload.user_id]
        except discord.NotFound:
            _log.info("the message %s of a vote is gone", payload.message_id)
        return False

    async def _catch_up(self) -> None:
        """Count the thumbs that were given and taken away while nobody listened; one absence after the
        other.
        """
        async with self._catching_up:
            await self._count_all_missed()

    async def _count_all_missed(self) -> None:
        since = discord.utils.time_snowflake(self.bot.now() - _MISSED)
        for guild, channel, oldest in await self.bot.state.answered_since(since):
            if self.bot.guild_of(guild) is None:
                continue
            # Whoever was forgotten left their thumbs standing, and nobody knows any more whose they are.
            forgot = await self.bot.state.last_change(guild, FORGOT)
            after = max(oldest - 1, discord.utils.time_snowflake(forgot) if forgot else 0)
            await asyncio.sleep(_PAUSE_SECONDS)
            try:
                await persistently(partial(self._read, channel, after))
            except (discord.NotFound, discord.Forbidden, DiscordAwayError) as error:
                _log.warning("reactions in channel %s cannot be read: %s", channel, error)

    async def _read(self, channel: int, after: int) -> None:
        """Count what is missed on the answers of a channel; doing it twice counts nothing twice."""
        begun = self.bot.now()
        thumbs: dict[int, Mapping[MemberId, Set[int]]] = {}
        history = self.bot.get_partial_messageable(channel).history(
            limit=_MISSED_MESSAGES, after=discord.Object(after), oldest_first=False
        )
        async for message in history:
            if message.author.id == self.bot.me_id:
                thumbs[message.id] = await _shown(message)
        for message_id, shown in thumbs.items():
            if shown:
                await self._count_missed(message_id, shown)
        for message_id in thumbs:
            await self._count_taken(message_id, thumbs, begun)

    async def _count_taken(
        self, message: int, thumbs: Mapping[int, Mapping[MemberId, Set[int]]], begun: datetime
    ) -> None:
        """Take votes back whose thumbs stand on none of an answer's messages any more; nothing where not all
        of them were read.
        """
        answer = await self.bot.state.answer(message)
        if answer is None:
            return
        those = [each.message for each in await self.bot.state.messages_of(answer.guild, answer.episode)]
        if message != those[0] or not thumbs.keys() >= set(those):
            return
        shown = defaultdict[MemberId, set[int]](set)
        for each in those:
            for member, votes in thumbs[each].items():
                shown[member] |= votes
        events = await self.bot.agent.parts.journal.feedback(answer.guild, episode=answer.episode)
        for member in taken_away(shown, events, begun):
            await give_vote(self.bot, answer, member, 0)

    async def _count_missed(self, message: int, shown: Mapping[MemberId, Set[int]]) -> None:
        answer = await self.bot.state.answer(message)
        if answer is None:
            return
        journal = self.bot.agent.parts.journal
        given = defaultdict[MemberId, set[int]](set)
        for event in await journal.feedback(answer.guild, episode=answer.episode):
            if event.kind is FeedbackKind.VOTE:
                given[event.member].add(event.value["vote"])
        standing = await journal.votes(answer.guild, answer.episode)
        for member, votes in shown.items():
            vote = missed_vote(votes, standing.get(member, 0), given[member])
            if vote is not None:
                await give_vote(self.bot, answer, member, vote, shown=True)

    async def _clear(self, message: int, votes: Set[int]) -> None:
        """A moderator took thumbs away: those votes no longer stand."""
        answer = await self.bot.state.answer(message)
        if answer is None:
            return
        standing = await self.bot.agent.parts.journal.votes(answer.guild, answer.episode)
        for member, vote in standing.items():
            if vote in votes:
                await give_vote(self.bot, answer, member, 0)


def missed_vote(shown: Set[int], standing: int, given: Set[int]) -> int | None:
    """Return the vote that a member gave by reaction while nobody listened; None when there is none.

    `shown` are their thumbs on the answer now, `standing` is the vote that counts, 0 for none, and `given`
    are all that the journal has of them. A thumb that was heard does not outdo a button pressed after it, and
    of two thumbs that nobody heard nobody knows which came last.
    """
    unheard = shown - given if standing else shown
    return next(iter(unheard)) if len(unheard) == 1 else None


def taken_away(
    shown: Mapping[MemberId, Set[int]], events: Iterable[Feedback], before: datetime
) -> list[MemberId]:
    """Return the members whose vote stood as a thumb on an answer and no longer does.

    `shown` are the thumbs of each member there, `events` the feedback on the answer. A vote that was given by
    a button leaves no thumb, and one given after the thumbs began to be read, `before`, may be newer than
    what was read: both stay.
    """
    return [
        member
        for member, event in voting_events(events).items()
        if event.value.get("shown") and event.at < before and event.value["vote"] not in shown.get(member, ())
    ]


async def _shown(message: discord.Message) -> Mapping[MemberId, Set[int]]:
    """The thumbs of each member on a message."""
    shown = defaultdict[MemberId, set[int]](set)
    for reaction in message.reactions:
        if (vote := _VOTES.get(_plain(reaction.emoji))) is not None:
            await asyncio.sleep(_PAUSE_SECONDS)
            async for user in reaction.users():
                if not user.bot:
                    shown[MemberId(str(user.id))].add(vote)
    return shown


async def give_vote(
    bot: Lorekeeper, answer: AnswerMessage, member: MemberId, vote: int, *, shown: bool = False
) -> None:
    """Let this be the member's vote; 0 takes it back. The vote that stands already is not given again.
    `shown` says that it stands as a reaction.
    """
    if await _standing(bot, answer, member) != vote:
        value = {"vote": vote, "shown": True} if shown and vote else {"vote": vote}
        await bot.agent.give_feedback(answer.guild, answer.episode, member, FeedbackKind.VOTE, value)


async def _standing(bot: Lorekeeper, answer: AnswerMessage, member: MemberId) -> int:
    votes = await bot.agent.parts.journal.votes(answer.guild, answer.episode)
    return votes.get(member, 0)


def _plain(emoji: discord.PartialEmoji | discord.Emoji | str) -> str:
    """A thumb of any skin tone is a thumb."""
    return str(emoji)[:1]
