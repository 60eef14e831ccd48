"""Votes by reaction: 👍 and 👎 added, switched and removed by anyone who can see the answer.

A member has one vote on an answer however it was given, the newest; a vote that is given twice counts once.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Set
from typing import TYPE_CHECKING, Final

import discord
from discord.ext import commands

from agent.contracts import FeedbackKind, MemberId
from bot.state.store import AnswerMessage

if TYPE_CHECKING:
    from bot.client import Lorekeeper

_log = logging.getLogger(__name__)

_VOTES: Final = {"👍": 1, "👎": -1}
_ROW_SECONDS: Final = (0.0, 0.2, 0.6, 1.5)
"""A reaction may be quicker than the row of the message that it is on."""


class Reactions(commands.Cog):
    """Listens to raw events: discord.py's own know only messages that it has in memory."""

    def __init__(self, bot: Lorekeeper) -> None:
        self.bot = bot

    @commands.Cog.listener()
    async def on_raw_reaction_add(self, payload: discord.RawReactionActionEvent) -> None:
        vote = _VOTES.get(_plain(payload.emoji))
        if vote is None or not self._counts(payload) or payload.message_author_id != self.bot.me_id:
            return
        if answer := await self._answer_of(payload.message_id):
            await give_vote(self.bot, answer, MemberId(str(payload.user_id)), vote)

    @commands.Cog.listener()
    async def on_raw_reaction_remove(self, payload: discord.RawReactionActionEvent) -> None:
        vote = _VOTES.get(_plain(payload.emoji))
        if vote is None or not self._counts(payload):
            return
        answer = await self.bot.state.answer(payload.message_id)
        member = MemberId(str(payload.user_id))
        if answer is None or await _standing(self.bot, answer, member) != vote:
            return
        await give_vote(self.bot, answer, member, -vote if await self._reacted(payload, -vote) else 0)

    @commands.Cog.listener()
    async def on_raw_reaction_clear(self, payload: discord.RawReactionClearEvent) -> None:
        await self._clear(payload.message_id, {1, -1})

    @commands.Cog.listener()
    async def on_raw_reaction_clear_emoji(self, payload: discord.RawReactionClearEmojiEvent) -> None:
        if (vote := _VOTES.get(_plain(payload.emoji))) is not None:
            await self._clear(payload.message_id, {vote})

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
            message = await channel.fetch_message(payload.message_id)
            for reaction in message.reactions:
                if _VOTES.get(_plain(reaction.emoji)) == vote:
                    before = discord.Object(payload.user_id - 1)
                    found = [user.id async for user in reaction.users(limit=1, after=before)]
                    return found == [payload.user_id]
        except discord.NotFound:
            _log.info("the message %s of a vote is gone", payload.message_id)
        return False

    async def _clear(self, message: int, votes: Set[int]) -> None:
        """A moderator took thumbs away: those votes no longer stand."""
        answer = await self.bot.state.answer(message)
        if answer is None:
            return
        standing = await self.bot.agent.parts.journal.votes(answer.guild, answer.episode)
        for member, vote in standing.items():
            if vote in votes:
                await give_vote(self.bot, answer, member, 0)


async def give_vote(bot: Lorekeeper, answer: AnswerMessage, member: MemberId, vote: int) -> None:
    """Let this be the member's vote; 0 takes it back. The vote that stands already is not given again."""
    if await _standing(bot, answer, member) != vote:
        await bot.agent.give_feedback(answer.guild, answer.episode, member, FeedbackKind.VOTE, {"vote": vote})


async def _standing(bot: Lorekeeper, answer: AnswerMessage, member: MemberId) -> int:
    votes = await bot.agent.parts.journal.votes(answer.guild, answer.episode)
    return votes.get(member, 0)


def _plain(emoji: discord.PartialEmoji | discord.Emoji | str) -> str:
    """A thumb of any skin tone is a thumb."""
    return str(emoji)[:1]
