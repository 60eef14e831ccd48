"""Threads that the bot opens under questions, where an admin chose that. Such a thread has the id of its
question, which stands in the channel above it.
"""

from __future__ import annotations

import logging
import re
from typing import Final

import discord

from agent.answering.display import one_line
from bot.delivery import may_pass, persistently

_log = logging.getLogger(__name__)

_MOST: Final = 100
"""Discord's limit for a name."""
_ADDRESSED: Final = re.compile(r"<(?:@[!&]?|#|a?:\w+:)\d+>|@(?=everyone|here)|https?://\S+")
"""What would be read as an address, or say nothing to people in a title."""
_OPENED_BEFORE: Final = 160004
_ARCHIVED: Final = 50083
UNKNOWN_CHANNEL: Final = 10003
_LOCKED: Final = 160005


def thread_title(question: str) -> str:
    """Return a name for the thread of a question: one line, cut between words; empty when nothing is left."""
    title = " ".join(_ADDRESSED.sub("", one_line(question)).split())
    if len(title) <= _MOST:
        return title
    cut = title[: _MOST - 1]
    return f"{cut.rpartition(' ')[0] or cut}…"


async def open_thread(question: discord.Message, title: str) -> discord.abc.Messageable | None:
    """Open a thread under a question, or return the one that was; None where that may not be."""
    try:
        return await persistently(lambda: question.create_thread(name=title))
    except discord.HTTPException as error:
        if error.code == _OPENED_BEFORE and question.guild is not None:
            thread = question.guild.get_thread(question.id)
            return thread or await _fetched(question.guild, question.id)
        _log.info("no thread can be opened under %s: %s", question.id, error)
        return None


async def reopened(guild: discord.Guild | None, thread: int, error: discord.HTTPException) -> bool:
    """Open a thread again whose archiving made an edit fail; False for one that a moderator locked too."""
    if error.code != _ARCHIVED or guild is None:
        return False
    found = await _fetched(guild, thread)
    if found is None or found.locked:
        return False
    try:
        await found.edit(archived=False)
    except discord.HTTPException as refused:
        if may_pass(refused):
            raise
        return False
    return True


def is_closed(error: discord.HTTPException) -> bool:
    """Whether a refusal says that a thread takes nothing more."""
    return error.code in (UNKNOWN_CHANNEL, _LOCKED, _ARCHIVED)


def place_of_question(answered_in: discord.abc.Messageable, question: int) -> discord.abc.Messageable:
    """Where the question of an answer stands: above the thread that was opened under it, else beside it. The
    first message of a forum post has its thread's id too, but stands in it.
    """
    if isinstance(answered_in, discord.Thread) and answered_in.id == question:
        parent = answered_in.parent
        return parent if isinstance(parent, discord.TextChannel) else answered_in
    return answered_in


async def _fetched(guild: discord.Guild, thread: int) -> discord.Thread | None:
    """A thread as it is now: discord.py forgets those that are archived."""
    try:
        found = await guild.fetch_channel(thread)
    except (discord.NotFound, discord.Forbidden):
        return None
    return found if isinstance(found, discord.Thread) else None
