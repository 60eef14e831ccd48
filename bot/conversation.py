"""What a question follows: the reply chain, the thread or the direct messages before it, newest first until a
budget of tokens is spent. A deleted message is not there any more, so a chain ends at it.
"""

from __future__ import annotations

import logging
import re
from collections.abc import AsyncIterator, Sequence
from typing import Final

import discord

from agent.contracts import Turn
from bot.rendering import spoken_part

_log = logging.getLogger(__name__)

_MOST_MESSAGES: Final = 40
_CHARACTERS_PER_TOKEN: Final = 4
_USER, _ROLE = re.compile(r"<@!?(\d+)>"), re.compile(r"<@&(\d+)>")
_NUMBER = re.compile(r"\b(\d{1,3})\b")


async def conversation_before(message: discord.Message, me: int, tokens: int) -> tuple[Turn, ...]:
    """Return the turns before a message, oldest first. What cannot be read any more is left out."""
    if isinstance(message.channel, discord.Thread | discord.DMChannel):
        return await _collected(_history(message, _MOST_MESSAGES), me, tokens)
    return await _collected(_reply_chain(message), me, tokens)


async def messages_before(message: discord.Message, me: int, tokens: int, most: int) -> tuple[Turn, ...]:
    """Return the last turns of a channel, whoever they answer; for a summary."""
    return await _collected(_history(message, most), me, tokens)


def asked_number(text: str, default: int) -> int:
    """Read how many messages a summary is wanted of: "the last 30 messages"."""
    found = _NUMBER.search(text)
    return max(1, min(int(found[1]), 200)) if found else default


def words_of(message: discord.Message, me: int) -> str:
    """What a message says without the mention of the bot, with names in place of the other mentions."""
    names = {member.id: member.display_name for member in message.mentions}
    roles = {role.id: role.name for role in message.role_mentions}

    def named(match: re.Match[str]) -> str:
        id_ = int(match[1])
        return "" if id_ == me else f"@{names.get(id_, id_)}"

    def role_named(match: re.Match[str]) -> str:
        role = message.guild.get_role(int(match[1])) if message.guild else None
        managed_by_me = role is not None and role.is_bot_managed() and role.tags and role.tags.bot_id == me
        return "" if managed_by_me else f"@{roles.get(int(match[1]), match[1])}"

    return _ROLE.sub(role_named, _USER.sub(named, message.content)).strip()


def named_attachments(attachments: Sequence[discord.Attachment]) -> str:
    """Name what a message carries; nothing of it is opened."""
    kinds = ("image" if (each.content_type or "").startswith("image/") else "file" for each in attachments)
    return " ".join(f"[{kind}: {each.filename}]" for kind, each in zip(kinds, attachments, strict=True))


async def _collected(messages: AsyncIterator[discord.Message], me: int, tokens: int) -> tuple[Turn, ...]:
    turns: list[Turn] = []
    left = tokens * _CHARACTERS_PER_TOKEN
    try:
        async for message in messages:
            turn = _turn(message, me)
            left -= len(turn.text)
            if left < 0:
                break
            if turn.text:
                turns.append(turn)
    except discord.HTTPException as error:
        _log.info("the conversation before a question cannot be read: %s", error)
    return tuple(reversed(turns))


def _turn(message: discord.Message, me: int) -> Turn:
    from_me = message.author.id == me
    said = spoken_part(message.content) if from_me else words_of(message, me)
    text = f"{said} {named_attachments(message.attachments)}".strip()
    return Turn(text=text, author_name=message.author.display_name, from_bot=from_me, link=message.jump_url)


async def _history(message: discord.Message, most: int) -> AsyncIterator[discord.Message]:
    """Newest first; a thread that began at a message has that message as its oldest."""
    async for each in message.channel.history(limit=most, before=message):
        if each.type is discord.MessageType.thread_starter_message:
            if each.reference and isinstance(each.reference.resolved, discord.Message):
                yield each.reference.resolved
        elif each.type in (discord.MessageType.default, discord.MessageType.reply):
            yield each


async def _reply_chain(message: discord.Message) -> AsyncIterator[discord.Message]:
    for _ in range(_MOST_MESSAGES):
        replied = await replied_to(message)
        if replied is None:
            return
        yield replied
        message = replied


async def replied_to(message: discord.Message) -> discord.Message | None:
    """The message that this one answers; None when it answers none, or one that is gone.

    `resolved` is not asked: it is a copy from when the message came, and what it shows may be deleted since.
    discord.py's cache hears of deletions.
    """
    reference = message.reference
    if reference is None or reference.message_id is None or reference.channel_id != message.channel.id:
        return None
    if isinstance(reference.resolved, discord.DeletedReferencedMessage):
        return None
    if reference.cached_message is not None:
        return reference.cached_message
    try:
        return await message.channel.fetch_message(reference.message_id)
    except (discord.NotFound, discord.Forbidden):
        return None
