"""Posting, editing and deleting messages, by the bot or by a member, under Discord's rules for both."""

from __future__ import annotations

import mimetypes
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from tests.discord import payloads
from tests.discord.errors import DiscordError, invalid_form, missing_access, missing_permissions
from tests.discord.mentions import find_mentions, record_pings
from tests.discord.model import Attachment, Channel, ChannelKind, Json, Message, MessageKind, Reference, User
from tests.discord.permissions import Permission, can
from tests.discord.threads import unarchive
from tests.discord.validation import check_file, check_message, check_not_empty
from tests.discord.world import World

_HOLDS_MESSAGES: Final = {
    ChannelKind.TEXT,
    ChannelKind.NEWS,
    ChannelKind.DIRECT,
    ChannelKind.NEWS_THREAD,
    ChannelKind.PUBLIC_THREAD,
    ChannelKind.PRIVATE_THREAD,
}
LATE: Final = timedelta(hours=1)
LATE_EDITS: Final = 10
"""How often a message may be edited an hour after it was posted. Discord names no number."""
_BULK_LEAST, _BULK_MOST = 2, 100
_BULK_AGE: Final = timedelta(days=14)
_SUPPRESS_EMBEDS: Final = 1 << 2
_NO_TYPE: Final = "application/octet-stream"
"""What discord.py says of every file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """A file before it is anywhere."""

    filename: str
    content: bytes
    content_type: str = _NO_TYPE
    description: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A message before it is posted. `allowed_mentions` is None where the sender said nothing about them."""

    content: str = ""
    embeds: Sequence[Json] = ()
    components: Sequence[Json] = ()
    files: Sequence[Upload] = ()
    reply_to: int | None = None
    reply_must_exist: bool = True
    flags: int = 0
    nonce: str | int | None = None
    enforce_nonce: bool = False
    allowed_mentions: Json | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What an edit names; None where it leaves a thing as it is."""

    content: str | None = None
    embeds: Sequence[Json] | None = None
    components: Sequence[Json] | None = None
    keep_attachments: frozenset[int] | None = None
    files: Sequence[Upload] = field(default=())
    flags: int | None = None
    allowed_mentions: Json | None = None


def post(world: World, channel: Channel, author: User, draft: Draft) -> Message:
    """A member's or the bot's message, told to everyone who watches.

    With `enforce_nonce` a repeated nonce gives the message that the first one made: a retried request after
    a lost answer does not post twice.
    """
    if draft.enforce_nonce and (posted := _posted_before(channel, author, draft.nonce)):
        return posted
    check_may_post(channel, author, draft)
    unarchive(world, channel, author)
    message = compose(world, channel, author, draft)
    channel.messages.add(message)
    if channel.thread is not None and author.id not in channel.thread.members:
        channel.thread.members.add(author.id)
    world.emit("MESSAGE_CREATE", payloads.message_event(world, message), channel=channel, message=message)
    return message


def post_by_webhook(world: World, channel: Channel, author: User, content: str) -> Message:
    """No permission stops it: whoever made the webhook had it."""
    message = compose(world, channel, author, Draft(content=content))
    message.webhook_id = author.id
    channel.messages.add(message)
    world.emit("MESSAGE_CREATE", payloads.message_event(world, message), channel=channel, message=message)
    return message


def compose(world: World, channel: Channel, author: User, draft: Draft) -> Message:
    """The message itself, in no channel yet: an ephemeral answer stays so."""
    body = {
        "content": draft.content,
        "embeds": list(draft.embeds),
        "components": list(draft.components),
        "flags": draft.flags,
        "nonce": draft.nonce,
    }
    check_message(body, len(draft.files))
    check_not_empty(draft.content, (draft.embeds, draft.components, draft.files))
    replied = _replied_message(channel, draft)
    content = draft.content.strip()
    found = find_mentions(world, channel, content)
    message = Message(
        id=world.snowflakes.next(),
        channel=channel,
        author=author,
        content=content,
        created=world.clock.now(),
        kind=MessageKind.REPLY if replied else MessageKind.DEFAULT,
        flags=draft.flags,
        embeds=_shown_embeds(draft.embeds, draft.flags),
        components=_numbered(draft.components),
        attachments=[store(world, upload) for upload in draft.files],
        reference=Reference(message_id=replied.id, channel_id=channel.id) if replied else None,
        mentions=_mentioned(found.users, replied, draft.allowed_mentions),
        mention_roles=found.roles,
        mention_everyone=found.everyone and can(author, channel, Permission.MENTION_EVERYONE),
        nonce=draft.nonce,
    )
    message.show(message.created)
    if author is world.bot:
        record_pings(world, message, draft.allowed_mentions, replied.author if replied else None)
    return message


def edit(world: World, message: Message, actor: User, changes: Changes) -> Message:
    """Only an author edits; a message older than an hour only a few times."""
    if message.author is not actor:
        raise DiscordError(403, 50005, "Cannot edit a message authored by another user")
    thread = message.channel.thread
    if thread is not None and thread.archived:
        raise DiscordError(400, 50083, "Thread is archived")
    if world.clock.now() - message.created > LATE:
        message.late_edits += 1
        if message.late_edits > LATE_EDITS:
            text = "Maximum number of edits to messages older than 1 hour reached"
            raise DiscordError(429, 30046, text, retry_after=0.05)
    apply(world, message, changes)
    world.emit(
        "MESSAGE_UPDATE",
        payloads.message_event(world, message),
        channel=message.channel,
        message=message,
    )
    return message


def apply(world: World, message: Message, changes: Changes) -> None:
    """The new state, checked as a whole."""
    content = message.content if changes.content is None else changes.content.strip()
    embeds = list(message.embeds if changes.embeds is None else changes.embeds)
    components = list(message.components if changes.components is None else changes.components)
    flags = message.flags if changes.flags is None else message.flags | changes.flags
    kept = message.attachments
    if changes.keep_attachments is not None:
        kept = [file for file in kept if file.id in changes.keep_attachments]
    check_message(
        {"content": content, "embeds": embeds, "components": components, "flags": flags},
        len(kept) + len(changes.files),
    )
    check_not_empty(content, (embeds, components, kept, changes.files))
    before = message.content
    message.content, message.components, message.flags = content, _numbered(components), flags
    message.embeds = _shown_embeds(embeds, flags)
    message.attachments = kept + [store(world, upload) for upload in changes.files]
    message.edited = world.clock.now()
    found = find_mentions(world, message.channel, content)
    message.mentions, message.mention_roles = found.users, found.roles
    message.show(message.edited)
    if message.author is world.bot and content != before:
        record_pings(world, message, changes.allowed_mentions, None)


def delete(world: World, message: Message, actor: User) -> None:
    if message.author is not actor and not can(actor, message.channel, Permission.MANAGE_MESSAGES):
        raise missing_permissions()
    remove(world, message)


def remove(world: World, message: Message) -> None:
    """Gone, whoever did it."""
    message.deleted = True
    message.channel.messages.remove(message)
    gone = {"id": str(message.id), "channel_id": str(message.channel.id)}
    if message.channel.guild is not None:
        gone["guild_id"] = str(message.channel.guild.id)
    world.emit("MESSAGE_DELETE", gone, channel=message.channel)


def bulk_delete(world: World, channel: Channel, actor: User, ids: Sequence[int]) -> None:
    """Two to a hundred messages of the last two weeks."""
    if not can(actor, channel, Permission.MANAGE_MESSAGES):
        raise missing_permissions()
    if not _BULK_LEAST <= len(ids) <= _BULK_MOST:
        raise DiscordError(400, 50016, "Provided too few or too many messages to delete.")
    messages = [found for message_id in ids if (found := channel.messages.get(message_id))]
    if any(world.clock.now() - message.created > _BULK_AGE for message in messages):
        raise DiscordError(400, 50034, "You can only bulk delete messages that are under 14 days old.")
    for message in messages:
        message.deleted = True
        channel.messages.remove(message)
    body: Json = {"ids": [str(message.id) for message in messages], "channel_id": str(channel.id)}
    if channel.guild is not None:
        body["guild_id"] = str(channel.guild.id)
    world.emit("MESSAGE_DELETE_BULK", body, channel=channel)


def pin(world: World, message: Message, actor: User, *, pinned: bool) -> None:
    if not can(actor, message.channel, Permission.PIN_MESSAGES):
        raise missing_permissions()
    message.pinned_at = world.clock.now() if pinned else None
    channel = message.channel
    world.emit("MESSAGE_UPDATE", payloads.message_event(world, message), channel=channel, message=message)


def store(world: World, upload: Upload) -> Attachment:
    """On the CDN, where its id finds it. Of a file of no type Discord tells one by its name."""
    check_file(upload.content)
    kind = upload.content_type
    if kind == _NO_TYPE:
        kind = mimetypes.guess_type(upload.filename)[0] or _NO_TYPE
    attachment = Attachment(
        id=world.snowflakes.next(),
        filename=upload.filename,
        content=upload.content,
        content_type=kind,
        description=upload.description,
    )
    world.attachments[attachment.id] = attachment
    return attachment


def check_may_post(channel: Channel, author: User, draft: Draft) -> None:
    if channel.kind not in _HOLDS_MESSAGES:
        raise DiscordError(400, 50008, "Cannot send messages in a non-text channel")
    if not can(author, channel, Permission.VIEW_CHANNEL):
        raise missing_access()
    in_thread = channel.thread is not None
    needed = Permission.SEND_MESSAGES_IN_THREADS if in_thread else Permission.SEND_MESSAGES
    if draft.embeds:
        needed |= Permission.EMBED_LINKS
    if draft.files:
        needed |= Permission.ATTACH_FILES
    if not all(can(author, channel, permission) for permission in needed):
        raise missing_permissions()
    if draft.reply_to is not None and not can(author, channel, Permission.READ_MESSAGE_HISTORY):
        raise DiscordError(400, 160002, "Cannot reply without permission to read message history")
    others = [user for user in channel.recipients if user is not author]
    if any(not user.accepts_direct_messages for user in others):
        raise DiscordError(403, 50007, "Cannot send messages to this user")


def _posted_before(channel: Channel, author: User, nonce: str | int | None) -> Message | None:
    if nonce is None:
        return None
    recent = channel.messages.page(100)
    return next((said for said in recent if said.author is author and str(said.nonce) == str(nonce)), None)


def _replied_message(channel: Channel, draft: Draft) -> Message | None:
    if draft.reply_to is None:
        return None
    replied = channel.messages.get(draft.reply_to)
    if replied is None and draft.reply_must_exist:
        raise invalid_form("message_reference", "REPLIES_UNKNOWN_MESSAGE", "Unknown message")
    return replied


def _mentioned(named: list[User], replied: Message | None, rules: Json | None) -> list[User]:
    """A reply lists whom it answers among the mentions, unless its author switched the ping off."""
    pings_author = replied is not None and (rules is None or rules.get("replied_user", False))
    if replied is not None and pings_author and replied.author not in named:
        return [*named, replied.author]
    return named


def _shown_embeds(embeds: Sequence[Json], flags: int) -> list[Json]:
    if flags & _SUPPRESS_EMBEDS:
        return []
    return [{"type": "rich", **embed} for embed in embeds]


def _numbered(components: Sequence[Json]) -> list[Json]:
    """With the ids that Discord gives to components that came without."""
    count = 0

    def number(component: Json) -> Json:
        nonlocal count
        count += 1
        numbered = {**component, "id": component.get("id") or count}
        if "components" in component:
            numbered["components"] = [number(child) for child in component["components"]]
        for single in ("accessory", "component"):
            if single in component:
                numbered[single] = number(component[single])
        return numbered

    return [number(component) for component in components]
