"""What one member sees, as JSON for the browser: only what they may see, built anew at each change."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from tests.discord import commands, payloads
from tests.discord.interactions import Interaction
from tests.discord.loopback import Loopback
from tests.discord.members import Member
from tests.discord.model import Channel, ChannelKind, Json, Message, MessageKind, User
from tests.discord.permissions import Permission, can, in_channel, in_guild

_SHOWN_MESSAGES: Final = 80
_PREVIEW: Final = 140
_MENTION: Final = re.compile(r"<[@#][!&]?(\d+)>")
_LINK: Final = re.compile(r"\[([^\]]+)\]\([^)]*\)")


def view_of(loopback: Loopback, member: Member, channel: Channel) -> Json:
    """Everything on the page for one member in one channel."""
    guild = member.guild
    return {
        "me": _person(loopback, member.user),
        "bot": payloads.user(loopback.bot) | {"mention": loopback.bot.mention},
        "guild": {"id": str(guild.id), "name": guild.name},
        "guilds": [{"id": str(other.id), "name": other.name} for other in loopback.world.guilds.values()],
        "people": [_person(loopback, someone.user, someone) for someone in loopback.people(guild)],
        "roles": [{"id": str(role.id), "name": role.name} for role in guild.roles.values()],
        "channels": _channels(member),
        "direct": str(member.direct_channel.id),
        "channel": _open_channel(member, channel),
        "messages": [_message(loopback, member, said) for said in _timeline(loopback, member, channel)],
        "posts": _posts(loopback, member, channel),
        "typing": loopback.world.is_typing(channel),
        "commands": [_command(c, member) for c in commands.offered(loopback.world, channel, member.user)],
        "connected": loopback.gateway.connected,
    }


def _person(loopback: Loopback, user: User, member: Member | None = None) -> Json:
    person: Json = {"id": str(user.id), "name": user.name, "locale": user.locale, "bot": user.bot}
    if member is not None:
        person["admin"] = Permission.ADMINISTRATOR in in_guild(member.guild, user)
    return person


def _channels(member: Member) -> list[Json]:
    """Those that the member sees, each with its open threads."""
    places = [place for place in member.guild.channels.values() if in_channel(place, member.user)]
    return [
        _channel(place)
        | {"threads": [_channel(thread) for thread in places if thread.parent is place and _is_open(thread)]}
        for place in places
        if not place.is_thread and place.kind is not ChannelKind.CATEGORY
    ]


def _is_open(thread: Channel) -> bool:
    return thread.thread is not None and not thread.thread.archived


def _channel(place: Channel) -> Json:
    last = place.messages.last()
    return {
        "id": str(place.id),
        "name": place.name,
        "kind": place.kind.name.lower(),
        "last": str(last.id) if last else None,
    }


def _open_channel(member: Member, place: Channel) -> Json:
    needed = Permission.SEND_MESSAGES_IN_THREADS if place.is_thread else Permission.SEND_MESSAGES
    name = "Lorekeeper" if place.kind is ChannelKind.DIRECT else place.name
    return _channel(place) | {
        "name": name,
        "topic": place.topic,
        "parent": str(place.parent.id) if place.parent else None,
        "can_send": can(member.user, place, needed),
        "locked": bool(place.thread and place.thread.locked),
    }


def _timeline(loopback: Loopback, member: Member, place: Channel) -> list[Message]:
    """The latest messages, with the ephemeral answers to this member among them."""
    if place.kind is ChannelKind.FORUM:
        return []
    messages = place.messages.page(_SHOWN_MESSAGES)
    private = [m for m in _private_answers(loopback, member, place) if not messages or m.id > messages[-1].id]
    return sorted([*messages, *private], key=lambda message: message.id)


def _private_answers(loopback: Loopback, member: Member, place: Channel) -> Iterator[Message]:
    for interaction in loopback.world.interactions.values():
        if interaction.user is member.user and interaction.channel is place:
            yield from (message for message in interaction.messages() if message.is_ephemeral)


def _posts(loopback: Loopback, member: Member, place: Channel) -> list[Json]:
    """The posts of a forum, newest first."""
    if place.kind is not ChannelKind.FORUM:
        return []
    threads = [t for t in member.guild.threads() if t.parent is place and in_channel(t, member.user)]
    return [_post(loopback, thread) for thread in sorted(threads, key=lambda t: t.id, reverse=True)]


def _post(loopback: Loopback, thread: Channel) -> Json:
    first = thread.messages.get(thread.id)
    author = first.author.name if first else ""
    return _channel(thread) | {
        "author": author,
        "preview": first.content[:_PREVIEW] if first else "",
        "replies": max(0, len(thread.messages) - 1),
    }


def _message(loopback: Loopback, member: Member, said: Message) -> Json:
    return {
        "id": str(said.id),
        "author": {"id": str(said.author.id), "name": said.author.name, "bot": said.author.bot},
        "content": said.content,
        "names": _names(loopback, said),
        "time": said.created.isoformat(),
        "edited": said.edited is not None and not said.is_thinking,
        "kind": said.kind.name.lower(),
        "mine": said.author is member.user,
        "mentions_me": member.user in said.mentions,
        "reply": _reply(loopback, said),
        "command": _command_line(said.interaction),
        "embeds": said.embeds,
        "components": said.components,
        "attachments": [payloads.attachment(loopback.world, file, said.channel) for file in said.attachments],
        "reactions": [
            {"emoji": given.name, "count": len(given.users), "mine": member.id in given.users}
            for given in said.reactions.values()
        ],
        "thread": _thread_of(said),
        "ephemeral": said.is_ephemeral,
        "thinking": said.is_thinking,
        "pinned": said.pinned_at is not None,
    }


def _names(loopback: Loopback, said: Message) -> Json:
    """What the mentions in a message read as."""
    world = loopback.world
    users = {str(user.id): f"@{user.name}" for user in world.users.values()}
    guild = said.channel.guild
    roles = {str(role.id): f"@{role.name}" for role in guild.roles.values()} if guild else {}
    places = {str(c.id): f"#{c.name}" for c in guild.channels.values()} if guild else {}
    text = said.content + str(said.embeds)
    return {key: name for key, name in {**users, **roles, **places}.items() if key in text}


def _reply(loopback: Loopback, said: Message) -> Json | None:
    if said.kind is not MessageKind.REPLY or said.reference is None:
        return None
    answered = said.channel.messages.get(said.reference.message_id)
    if answered is None:
        return {"id": None, "author": "", "content": "Original message was deleted"}
    content = _one_line(answered.content, _names(loopback, answered))
    return {"id": str(answered.id), "author": answered.author.name, "content": content}


def _one_line(content: str, names: Json) -> str:
    """A message as the line above its reply shows it: names for mentions, no marks of Markdown."""
    named = _MENTION.sub(lambda found: names.get(found[1], "@unknown"), content)
    linked = _LINK.sub(lambda found: found[1], named)
    return re.sub(r"\s+", " ", re.sub(r"[*`>~|]", "", linked)).strip()[:_PREVIEW]


def _command_line(interaction: Interaction | None) -> Json | None:
    if interaction is None or interaction.message is not None:
        return None
    is_menu = "target_id" in interaction.data
    return {"who": interaction.user.name, "what": interaction.name if is_menu else f"/{interaction.name}"}


def _thread_of(said: Message) -> Json | None:
    thread = said.thread
    return None if thread is None else _channel(thread) | {"replies": max(0, len(thread.messages) - 1)}


def _command(item: Json, member: Member) -> Json:
    """A command or one of its options, as the client shows it in the member's language."""
    names = item.get("name_localizations") or {}
    descriptions = item.get("description_localizations") or {}
    return item | {
        "label": names.get(member.user.locale, item["name"]),
        "description": descriptions.get(member.user.locale, item.get("description", "")),
        "options": [_command(option, member) for option in item.get("options") or []],
    }
