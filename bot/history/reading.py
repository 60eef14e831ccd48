"""The history as Discord has it: a page of messages, the threads of a channel, and what of it is kept."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Collection, Sequence
from typing import Final, TypeAlias

import discord

from agent.contracts import Category, GuildId, MemberId, Slug
from agent.ingest.categories import known_category
from agent.ingest.cleaning import clean_text
from bot.conversation import words_of
from bot.history.attached import attached_to
from bot.history.said import Heard, LeftOut, Said, left_out
from bot.state.config import GuildConfig
from bot.state.records import Place
from bot.visibility import visibility_of

Readable: TypeAlias = discord.TextChannel | discord.Thread
Root: TypeAlias = discord.TextChannel | discord.ForumChannel | discord.Thread
"""What an admin may name."""

PAGE: Final = 100
"""Discord gives no more messages at once."""
_HUMAN: Final = (discord.MessageType.default, discord.MessageType.reply)
_WITH_FILES: Final = frozenset({None, LeftOut.EMPTY})
"""Whose files are read: a message may say nothing but what stands in its file."""
_MENTIONED: Final = re.compile(r"<@!?(\d+)>")


def link_of(discord_guild: int, place: int, message: int) -> str:
    """The jump link of a message."""
    return f"https://discord.com/channels/{discord_guild}/{place}/{message}"


async def page_after(place: Readable, position: int) -> list[discord.Message]:
    """The next messages after a position, oldest first; one request."""
    history = place.history(limit=PAGE, after=discord.Object(position), oldest_first=True)
    return [message async for message in history]


async def threads_of(root: Root) -> AsyncIterator[discord.Thread]:
    """The threads or posts of a channel, those first that are open. Each list is asked for by pages."""
    if isinstance(root, discord.Thread):
        return
    for thread in root.threads:
        yield thread
    async for thread in root.archived_threads(limit=None):
        yield thread
    if isinstance(root, discord.TextChannel):
        async for thread in _private_archived(root):
            yield thread


async def closed_threads(root: Root, after: int) -> AsyncIterator[discord.Thread]:
    """Archived threads, those among them in which something was said after an id. The list of public ones
    begins with what was closed last, so the rest is not asked for; that of private ones is in no such order.
    """
    if isinstance(root, discord.Thread):
        return
    moment = discord.utils.snowflake_time(after)
    async for thread in root.archived_threads(limit=None):
        if thread.archive_timestamp < moment:
            break
        yield thread
    if isinstance(root, discord.TextChannel):
        async for thread in _private_archived(root):
            yield thread


def _private_archived(root: discord.TextChannel) -> AsyncIterator[discord.Thread]:
    """Without the permission to moderate, the bot is told only of private threads that it was added to."""
    joined = not root.permissions_for(root.guild.me).manage_threads
    return root.archived_threads(private=True, joined=joined, limit=None)


def may_read(place: Root) -> bool:
    """Whether the bot may read a place now. Where it may not read the history, Discord shows an empty one."""
    permissions = place.permissions_for(place.guild.me)
    return permissions.view_channel and permissions.read_message_history


async def said_on(page: Sequence[discord.Message], me: int, refused: Collection[MemberId]) -> list[Said]:
    """What is kept of a page. Raises what `attached_text` does."""
    kept = [message for message in page if _why_left_out(message, me, refused) in _WITH_FILES]
    attached = await attached_to(kept)
    heard = (said_of(message, me, refused, attached.get(message.id, "")) for message in page)
    return [said for said in heard if said is not None]


def said_of(
    message: discord.Message, me: int, refused: Collection[MemberId], attached: str = ""
) -> Said | None:
    """What is kept of a message with what stands in its files; None when it is left out."""
    if _why_left_out(message, me, refused, attached) is not None:
        return None
    return Said(
        message=message.id,
        member=MemberId(str(message.author.id)),
        name=message.author.display_name,
        words=kept_words(message, me, attached),
        answers=message.reference.message_id if message.reference else None,
        mentions=frozenset(MemberId(str(each)) for each in _named(message)),
    )


def kept_words(message: discord.Message, me: int, attached: str = "") -> str:
    """What a message says, and what stands in its files."""
    return clean_text("\n\n".join(filter(None, [words_of(message, me), attached]))).strip()


def _why_left_out(
    message: discord.Message, me: int, refused: Collection[MemberId], attached: str = ""
) -> LeftOut | None:
    answered = message.reference.resolved if message.reference else None
    answers_me = isinstance(answered, discord.Message) and answered.author.id == me
    heard = Heard(
        words=kept_words(message, me, attached),
        from_bot=message.author.bot,
        from_webhook=message.webhook_id is not None,
        from_system=message.type not in _HUMAN,
        for_me=me in _named(message) or answers_me,
        refused=MemberId(str(message.author.id)) in refused,
    )
    return left_out(heard)


def _named(message: discord.Message) -> set[int]:
    return {int(found) for found in _MENTIONED.findall(message.content)}


def place_of(
    found: Readable, guild: GuildId, config: GuildConfig, categories: Sequence[Category], *, floor: int
) -> Place:
    """A channel or thread that was not read yet."""
    thread = found if isinstance(found, discord.Thread) else None
    channel = found.parent if isinstance(found, discord.Thread) else found
    tags = tags_of(found)
    tagged = f" ({', '.join(tags)})" if tags else ""
    return Place(
        guild=guild,
        place=found.id,
        channel=thread.parent_id if thread else found.id,
        thread=thread is not None,
        visibility=visibility_of(found),
        location=f"#{channel.name if channel else found.name}{tagged}",
        title=clean_text(thread.name) if thread else "",
        member=MemberId(str(thread.owner_id)) if thread else None,
        category=_category(found, tags, config, categories),
        floor=floor,
        read_to=floor,
    )


def tags_of(found: Readable) -> tuple[str, ...]:
    """The tags of a forum's post."""
    if not isinstance(found, discord.Thread) or not isinstance(found.parent, discord.ForumChannel):
        return ()
    return tuple(tag.name for tag in found.applied_tags)


def _category(
    found: Readable, tags: Sequence[str], config: GuildConfig, categories: Sequence[Category]
) -> Slug | None:
    """A tag that is called like a category says what a post is about; else what an admin chose does."""
    tagged = next(filter(None, (known_category(tag, categories) for tag in tags)), None)
    channel = found.parent if isinstance(found, discord.Thread) else found
    above = (channel.id, channel.category_id) if channel else ()
    return tagged or config.channel(found.id, *above).category
