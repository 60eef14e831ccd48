"""Threads and forum posts: opening, joining, archiving, and listing what is archived."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Final

from tests.discord import payloads
from tests.discord.errors import DiscordError, bad_length, missing_access, missing_permissions
from tests.discord.model import Channel, ChannelKind, Json, Message, MessageKind, Reference, ThreadState, User
from tests.discord.permissions import Permission, can
from tests.discord.world import World

if TYPE_CHECKING:
    from tests.discord.messages import Draft

_NAME: Final = 100
_HAS_THREAD: Final = 1 << 5


def open_from_message(world: World, message: Message, actor: User, name: str, minutes: int = 1440) -> Channel:
    """A thread under a message; it has the message's id."""
    if message.thread is not None:
        raise DiscordError(400, 160004, "A thread has already been created for this message")
    _check_may_open(message.channel, actor, Permission.CREATE_PUBLIC_THREADS)
    thread = _new(
        world, message.channel, actor, name, ChannelKind.PUBLIC_THREAD, minutes, thread_id=message.id
    )
    message.thread = thread
    message.flags |= _HAS_THREAD
    _announce(world, thread)
    _system(world, thread, actor, MessageKind.THREAD_STARTER, "", message)
    world.emit(
        "MESSAGE_UPDATE", payloads.message_event(world, message), channel=message.channel, message=message
    )
    return thread


def open_thread(
    world: World, channel: Channel, actor: User, name: str, *, private: bool = False, minutes: int = 1440
) -> Channel:
    """A thread beside the messages; a public one is told in the channel."""
    needed = Permission.CREATE_PRIVATE_THREADS if private else Permission.CREATE_PUBLIC_THREADS
    _check_may_open(channel, actor, needed)
    kind = ChannelKind.PRIVATE_THREAD if private else ChannelKind.PUBLIC_THREAD
    thread = _new(world, channel, actor, name, kind, minutes)
    _announce(world, thread)
    if not private:
        _system(world, channel, actor, MessageKind.THREAD_CREATED, name, thread)
    return thread


def open_post(
    world: World, forum: Channel, actor: User, name: str, draft: Draft, tags: tuple[int, ...] = ()
) -> tuple[Channel, Message]:
    """A post in a forum: a thread and its first message, which has the thread's id."""
    from tests.discord.messages import compose

    if not can(actor, forum, Permission.VIEW_CHANNEL):
        raise missing_access()
    if not can(actor, forum, Permission.SEND_MESSAGES):
        raise missing_permissions()
    thread = _new(world, forum, actor, name, ChannelKind.PUBLIC_THREAD, 1440)
    assert thread.thread is not None
    thread.thread.applied_tags = list(tags)
    first = compose(world, thread, actor, draft)
    first.id = thread.id
    thread.messages.add(first)
    _announce(world, thread)
    world.emit("MESSAGE_CREATE", payloads.message_event(world, first), channel=thread, message=first)
    return thread, first


def join(world: World, thread: Channel, actor: User, user: User) -> None:
    """`actor` lets `user` in; only who sees the parent channel can be let in."""
    state = _state(thread)
    if not can(actor, thread, Permission.VIEW_CHANNEL):
        raise missing_access()
    if state.archived:
        raise DiscordError(400, 50083, "Thread is archived")
    if user.id in state.members:
        return
    state.members.add(user.id)
    _tell_members(world, thread, added=user)


def leave(world: World, thread: Channel, actor: User, user: User) -> None:
    state = _state(thread)
    if actor is not user and not can(actor, thread, Permission.MANAGE_THREADS) and state.owner_id != actor.id:
        raise missing_permissions()
    if user.id in state.members:
        _tell_members(world, thread, removed=user)
        state.members.discard(user.id)


def change(world: World, thread: Channel, actor: User, changes: Json) -> None:
    """Rename, archive, lock: the owner may the first two, a moderator all."""
    state = _state(thread)
    moderates = can(actor, thread, Permission.MANAGE_THREADS)
    if not moderates and (state.owner_id != actor.id or "locked" in changes or state.locked):
        raise missing_permissions()
    if state.archived and changes.get("archived") is not False:
        raise DiscordError(400, 50083, "Thread is archived")
    if "name" in changes:
        _check_name(changes["name"])
        thread.name = changes["name"]
    if "archived" in changes:
        state.archived = changes["archived"]
        state.archived_at = world.clock.now()
    state.locked = changes.get("locked", state.locked)
    state.auto_archive_minutes = changes.get("auto_archive_duration", state.auto_archive_minutes)
    state.applied_tags = [int(tag) for tag in changes.get("applied_tags", state.applied_tags)]
    world.emit("THREAD_UPDATE", payloads.channel(thread), channel=thread)


def unarchive(world: World, channel: Channel, actor: User) -> None:
    """A message into an archived thread opens it again, unless it is locked."""
    state = channel.thread
    if state is None:
        return
    if state.locked and not can(actor, channel, Permission.MANAGE_THREADS):
        raise DiscordError(400, 160005, "Thread is locked")
    if state.archived:
        state.archived = False
        state.archived_at = world.clock.now()
        world.emit("THREAD_UPDATE", payloads.channel(channel), channel=channel)


def archived(
    channel: Channel, kind: ChannelKind, before: datetime | None, limit: int
) -> tuple[list[Channel], bool]:
    """A page of the archived threads, the latest archived first, and whether there are more."""
    assert channel.guild is not None
    found = [
        thread
        for thread in channel.guild.threads()
        if thread.parent is channel and thread.kind is kind and thread.thread and thread.thread.archived
    ]
    found.sort(key=lambda thread: _state(thread).archived_at, reverse=True)
    if before is not None:
        found = [thread for thread in found if _state(thread).archived_at < before]
    return found[:limit], len(found) > limit


def _state(thread: Channel) -> ThreadState:
    if thread.thread is None:
        raise DiscordError(400, 50024, "Cannot execute action on this channel type")
    return thread.thread


def _check_may_open(channel: Channel, actor: User, needed: Permission) -> None:
    if not can(actor, channel, Permission.VIEW_CHANNEL):
        raise missing_access()
    if channel.kind not in (ChannelKind.TEXT, ChannelKind.NEWS):
        raise DiscordError(400, 50024, "Cannot execute action on this channel type")
    if not can(actor, channel, needed):
        raise missing_permissions()


def _check_name(name: object) -> None:
    if not isinstance(name, str) or not 1 <= len(name) <= _NAME:
        raise bad_length("name", 1, _NAME)


def _new(
    world: World,
    parent: Channel,
    owner: User,
    name: str,
    kind: ChannelKind,
    minutes: int,
    *,
    thread_id: int | None = None,
) -> Channel:
    _check_name(name)
    assert parent.guild is not None
    thread = Channel(
        id=thread_id or world.snowflakes.next(),
        kind=kind,
        name=name,
        guild=parent.guild,
        parent=parent,
        thread=ThreadState(
            owner_id=owner.id,
            archived_at=world.clock.now(),
            auto_archive_minutes=minutes,
            members={owner.id},
        ),
    )
    world.channels[thread.id] = parent.guild.channels[thread.id] = thread
    return thread


def _announce(world: World, thread: Channel) -> None:
    world.emit("THREAD_CREATE", payloads.channel(thread) | {"newly_created": True}, channel=thread)


def _tell_members(
    world: World, thread: Channel, *, added: User | None = None, removed: User | None = None
) -> None:
    assert thread.guild is not None
    state = _state(thread)
    body: Json = {"id": str(thread.id), "guild_id": str(thread.guild.id), "member_count": len(state.members)}
    if added is not None:
        body["added_members"] = [payloads.thread_member(thread, added.id)]
    if removed is not None:
        body["removed_member_ids"] = [str(removed.id)]
    if added is world.bot:
        world.emit("THREAD_CREATE", payloads.channel(thread), channel=thread)
    world.emit("THREAD_MEMBERS_UPDATE", body, channel=thread)


def _system(
    world: World, channel: Channel, actor: User, kind: MessageKind, content: str, about: Message | Channel
) -> None:
    """What Discord itself writes: a bot must not take it for a question."""
    place = about.channel.id if isinstance(about, Message) else about.id
    message = Message(
        id=world.snowflakes.next(),
        channel=channel,
        author=actor,
        content=content,
        created=world.clock.now(),
        kind=kind,
        reference=Reference(message_id=about.id, channel_id=place),
    )
    message.show(message.created)
    channel.messages.add(message)
    world.emit("MESSAGE_CREATE", payloads.message_event(world, message), channel=channel, message=message)
