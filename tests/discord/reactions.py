"""Adding and taking away reactions."""

from __future__ import annotations

from typing import Final
from urllib.parse import unquote

from tests.discord import payloads
from tests.discord.errors import DiscordError, missing_permissions, unknown
from tests.discord.model import Json, Message, Reaction, User
from tests.discord.permissions import Permission, can
from tests.discord.world import World

_DISTINCT: Final = 20


def parse_emoji(text: str) -> tuple[str, int | None]:
    """A name and, of a guild's own emoji, the id: `👍` or `pump:123`."""
    name, _, emoji_id = unquote(text).partition(":")
    if emoji_id and not emoji_id.isdigit():
        raise unknown("Emoji")
    if not emoji_id and (name.isascii() or not name):
        raise unknown("Emoji")
    return name, int(emoji_id) if emoji_id else None


def react(world: World, message: Message, user: User, emoji: str) -> None:
    """Once each: a second time changes nothing and tells nobody."""
    name, emoji_id = parse_emoji(emoji)
    given = Reaction(name=name, emoji_id=emoji_id)
    _check_may_react(message, user, is_new=given.key not in message.reactions)
    given = message.reactions.setdefault(given.key, given)
    if user.id in given.users:
        return
    given.users.append(user.id)
    body = _about(message) | {
        "user_id": str(user.id),
        "emoji": payloads.emoji(given),
        "type": 0,
        "burst": False,
    }
    body["message_author_id"] = str(message.author.id)
    home = message.channel.guild
    if home is not None and user.id in home.members:
        body["member"] = payloads.member(home.members[user.id])
    world.emit("MESSAGE_REACTION_ADD", body, channel=message.channel)


def unreact(world: World, message: Message, actor: User, user: User, emoji: str) -> None:
    """`actor` takes away the reaction of `user`, which for another's needs a permission."""
    if actor is not user and not can(actor, message.channel, Permission.MANAGE_MESSAGES):
        raise missing_permissions()
    name, emoji_id = parse_emoji(emoji)
    key = Reaction(name=name, emoji_id=emoji_id).key
    given = message.reactions.get(key)
    if given is None or user.id not in given.users:
        raise unknown("Emoji")
    given.users.remove(user.id)
    if not given.users:
        del message.reactions[key]
    body = _about(message) | {
        "user_id": str(user.id),
        "emoji": payloads.emoji(given),
        "type": 0,
        "burst": False,
    }
    world.emit("MESSAGE_REACTION_REMOVE", body, channel=message.channel)


def clear(world: World, message: Message, actor: User, emoji: str | None = None) -> None:
    """All reactions, or all of one emoji."""
    if not can(actor, message.channel, Permission.MANAGE_MESSAGES):
        raise missing_permissions()
    if emoji is None:
        message.reactions.clear()
        world.emit("MESSAGE_REACTION_REMOVE_ALL", _about(message), channel=message.channel)
        return
    name, emoji_id = parse_emoji(emoji)
    removed = message.reactions.pop(Reaction(name=name, emoji_id=emoji_id).key, None)
    if removed is None:
        raise unknown("Emoji")
    body = _about(message) | {"emoji": payloads.emoji(removed)}
    world.emit("MESSAGE_REACTION_REMOVE_EMOJI", body, channel=message.channel)


def _check_may_react(message: Message, user: User, *, is_new: bool) -> None:
    needed = Permission.VIEW_CHANNEL | Permission.READ_MESSAGE_HISTORY
    if is_new:
        needed |= Permission.ADD_REACTIONS
    if not all(can(user, message.channel, permission) for permission in needed):
        raise missing_permissions()
    if message.is_ephemeral:
        raise unknown("Message")
    thread = message.channel.thread
    if thread is not None and thread.archived:
        raise DiscordError(400, 50083, "Thread is archived")
    if is_new and len(message.reactions) == _DISTINCT:
        raise DiscordError(400, 30010, f"Maximum number of reactions reached ({_DISTINCT})")


def _about(message: Message) -> Json:
    body: Json = {"channel_id": str(message.channel.id), "message_id": str(message.id)}
    if message.channel.guild is not None:
        body["guild_id"] = str(message.channel.guild.id)
    return body
