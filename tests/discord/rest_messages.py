"""REST: messages, reactions, pins and typing."""

from __future__ import annotations

from typing import Final

from tests.discord import messages, payloads, reactions
from tests.discord.errors import invalid_form, missing_access, missing_permissions
from tests.discord.interactions import changes_named
from tests.discord.model import Channel, Json, Message
from tests.discord.permissions import Permission, can
from tests.discord.rest import Body, Call, Routes, draft_of
from tests.discord.world import MESSAGE_CONTENT

ROUTES: Final = Routes()
_MESSAGES: Final = "/channels/{channel}/messages"
_MESSAGE: Final = _MESSAGES + "/{message}"
_REACTION: Final = _MESSAGE + "/reactions/{emoji:text}"


def _seen(call: Call) -> Channel:
    """The channel, if the bot can see it."""
    channel = call.channel()
    if not can(call.bot, channel, Permission.VIEW_CHANNEL):
        raise missing_access()
    return channel


def _told(call: Call, message: Message) -> Json:
    """Over REST the portal's switch decides what the bot may read."""
    intent = bool(call.world.application.allowed_intents & MESSAGE_CONTENT)
    body = payloads.message(call.world, message)
    return payloads.readable(call.world, message, body, content_intent=intent)


@ROUTES.add("POST", _MESSAGES, bucket="send")
def _post(call: Call) -> Body:
    message = messages.post(call.world, call.channel(), call.bot, draft_of(call.body, call.files))
    return _told(call, message)


@ROUTES.add("GET", _MESSAGES, bucket="history")
def _history(call: Call) -> Body:
    channel = _seen(call)
    limit = call.number("limit", default=50, most=100)
    if not can(call.bot, channel, Permission.READ_MESSAGE_HISTORY):
        return []
    anchors = {name: call.query_id(name) for name in ("before", "after", "around")}
    if sum(anchor is not None for anchor in anchors.values()) > 1:
        raise invalid_form("before", "HISTORY_ANCHORS", "Only one of before, after, around.")
    return [_told(call, message) for message in channel.messages.page(limit, **anchors)]


@ROUTES.add("GET", _MESSAGE, bucket="history")
def _one(call: Call) -> Body:
    channel = _seen(call)
    if not can(call.bot, channel, Permission.READ_MESSAGE_HISTORY):
        raise missing_permissions()
    return _told(call, call.world.message(channel, call.id("message")))


@ROUTES.add("PATCH", _MESSAGE, bucket="edit")
def _edit(call: Call) -> Body:
    _seen(call)
    changes = changes_named(call.body, draft_of(call.body, call.files))
    return _told(call, messages.edit(call.world, call.message(), call.bot, changes))


@ROUTES.add("DELETE", _MESSAGE, bucket="delete")
def _delete(call: Call) -> Body:
    _seen(call)
    messages.delete(call.world, call.message(), call.bot)
    return None


@ROUTES.add("POST", _MESSAGES + "/bulk-delete", bucket="delete")
def _bulk_delete(call: Call) -> Body:
    messages.bulk_delete(call.world, _seen(call), call.bot, [int(one) for one in call.body["messages"]])
    return None


@ROUTES.add("PUT", _REACTION + "/@me", bucket="react")
def _react(call: Call) -> Body:
    _seen(call)
    reactions.react(call.world, call.message(), call.bot, call.path["emoji"])
    return None


@ROUTES.add("DELETE", _REACTION + "/@me", bucket="react")
def _unreact(call: Call) -> Body:
    reactions.unreact(call.world, call.message(), call.bot, call.bot, call.path["emoji"])
    return None


@ROUTES.add("DELETE", _REACTION + "/{user}", bucket="react")
def _unreact_other(call: Call) -> Body:
    user = call.world.user(call.id("user"))
    reactions.unreact(call.world, call.message(), call.bot, user, call.path["emoji"])
    return None


@ROUTES.add("GET", _REACTION)
def _reactors(call: Call) -> Body:
    _seen(call)
    limit = call.number("limit", default=25, most=100)
    after = call.query_id("after") or 0
    name, emoji_id = reactions.parse_emoji(call.path["emoji"])
    key = name if emoji_id is None else f"{name}:{emoji_id}"
    given = call.message().reactions.get(key)
    users = sorted(user_id for user_id in (given.users if given else []) if user_id > after)
    return [payloads.user(call.world.user(user_id)) for user_id in users[:limit]]


@ROUTES.add("DELETE", _REACTION, bucket="react")
def _clear_emoji(call: Call) -> Body:
    reactions.clear(call.world, call.message(), call.bot, call.path["emoji"])
    return None


@ROUTES.add("DELETE", _MESSAGE + "/reactions", bucket="react")
def _clear_reactions(call: Call) -> Body:
    reactions.clear(call.world, call.message(), call.bot)
    return None


@ROUTES.add("GET", _MESSAGES + "/pins")
def _pins(call: Call) -> Body:
    limit = call.number("limit", default=50, most=50)
    pinned = [message for message in _seen(call).messages if message.pinned_at]
    pinned.sort(key=lambda message: message.pinned_at or message.created, reverse=True)
    items = [
        {"pinned_at": message.pinned_at.isoformat(), "message": _told(call, message)}
        for message in pinned[:limit]
        if message.pinned_at
    ]
    return {"items": items, "has_more": len(pinned) > limit}


@ROUTES.add("PUT", _MESSAGES + "/pins/{message}")
def _pin(call: Call) -> Body:
    messages.pin(call.world, call.message(), call.bot, pinned=True)
    return None


@ROUTES.add("DELETE", _MESSAGES + "/pins/{message}")
def _unpin(call: Call) -> Body:
    messages.pin(call.world, call.message(), call.bot, pinned=False)
    return None


@ROUTES.add("POST", "/channels/{channel}/typing", bucket="typing")
def _typing(call: Call) -> Body:
    channel = _seen(call)
    needed = Permission.SEND_MESSAGES_IN_THREADS if channel.is_thread else Permission.SEND_MESSAGES
    if not can(call.bot, channel, needed):
        raise missing_permissions()
    channel.typing.append(call.bot.id)
    channel.typing_since = call.world.clock.now()
    body: Json = {
        "channel_id": str(channel.id),
        "user_id": str(call.bot.id),
        "timestamp": int(call.world.clock.now().timestamp()),
    }
    if channel.guild is not None:
        body["guild_id"] = str(channel.guild.id)
        body["member"] = payloads.member(channel.guild.members[call.bot.id])
    call.world.emit("TYPING_START", body, channel=channel)
    return None
