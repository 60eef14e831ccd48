"""REST: channels, their overwrites, threads, and who is in a thread."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from tests.discord import channels, payloads, threads
from tests.discord.errors import missing_access, missing_permissions, unknown
from tests.discord.model import Channel, ChannelKind, Json
from tests.discord.permissions import Permission, can
from tests.discord.rest import Body, Call, Routes, draft_of
from tests.discord.world import World

ROUTES: Final = Routes()
_CHANNEL: Final = "/channels/{channel}"


def _seen(call: Call) -> Channel:
    channel = call.channel()
    if not can(call.bot, channel, Permission.VIEW_CHANNEL):
        raise missing_access()
    return channel


@ROUTES.add("GET", _CHANNEL)
def _one(call: Call) -> Body:
    return payloads.channel(_seen(call))


@ROUTES.add("PATCH", _CHANNEL)
def _change(call: Call) -> Body:
    channel = _seen(call)
    if channel.is_thread:
        threads.change(call.world, channel, call.bot, call.body)
    else:
        channels.change(call.world, channel, call.bot, call.body)
    return payloads.channel(channel)


@ROUTES.add("DELETE", _CHANNEL)
def _delete(call: Call) -> Body:
    channel = _seen(call)
    body = payloads.channel(channel)
    channels.delete(call.world, channel, call.bot)
    return body


@ROUTES.add("PUT", _CHANNEL + "/permissions/{target}")
def _overwrite(call: Call) -> Body:
    rule = channels.overwrite_of(call.body | {"id": call.id("target")})
    channels.overwrite(call.world, _seen(call), call.bot, rule)
    return None


@ROUTES.add("DELETE", _CHANNEL + "/permissions/{target}")
def _remove_overwrite(call: Call) -> Body:
    channels.remove_overwrite(call.world, _seen(call), call.bot, call.id("target"))
    return None


@ROUTES.add("POST", "/users/@me/channels", bucket="direct")
def _direct(call: Call) -> Body:
    recipient = call.world.user(int(call.body["recipient_id"]))
    return payloads.channel(call.world.direct_channel(call.bot, recipient))


@ROUTES.add("POST", _CHANNEL + "/messages/{message}/threads", bucket="thread", status=201)
def _thread_from_message(call: Call) -> Body:
    minutes = call.body.get("auto_archive_duration") or 1440
    message = call.world.message(_seen(call), call.id("message"))
    return payloads.channel(
        threads.open_from_message(call.world, message, call.bot, call.body["name"], minutes)
    )


@ROUTES.add("POST", _CHANNEL + "/threads", bucket="thread", status=201)
def _thread(call: Call) -> Body:
    channel, name = _seen(call), call.body["name"]
    if channel.kind is ChannelKind.FORUM:
        tags = tuple(int(tag) for tag in call.body.get("applied_tags") or [])
        draft = draft_of(call.body["message"], call.files)
        thread, first = threads.open_post(call.world, channel, call.bot, name, draft, tags)
        return payloads.channel(thread) | {"message": payloads.message(call.world, first)}
    private = call.body.get("type", ChannelKind.PRIVATE_THREAD) == ChannelKind.PRIVATE_THREAD
    minutes = call.body.get("auto_archive_duration") or 1440
    return payloads.channel(
        threads.open_thread(call.world, channel, call.bot, name, private=private, minutes=minutes)
    )


def _archived(call: Call, kind: ChannelKind) -> Body:
    channel = _seen(call)
    if not can(call.bot, channel, Permission.READ_MESSAGE_HISTORY):
        raise missing_permissions()
    before = call.query.get("before")
    moment = datetime.fromisoformat(before) if before else None
    page, more = threads.archived(channel, kind, moment, call.number("limit", default=50, most=100))
    return _listed(call.world, page) | {"has_more": more}


def _listed(world: World, found: list[Channel]) -> Json:
    """Threads with the bot's membership in those that it joined."""
    joined = [thread for thread in found if thread.thread and world.bot.id in thread.thread.members]
    return {
        "threads": [payloads.channel(thread) for thread in found],
        "members": [payloads.thread_member(thread, world.bot.id) for thread in joined],
    }


@ROUTES.add("GET", _CHANNEL + "/threads/archived/public")
def _archived_public(call: Call) -> Body:
    return _archived(call, ChannelKind.PUBLIC_THREAD)


@ROUTES.add("GET", _CHANNEL + "/threads/archived/private")
def _archived_private(call: Call) -> Body:
    if not can(call.bot, _seen(call), Permission.MANAGE_THREADS):
        raise missing_permissions()
    return _archived(call, ChannelKind.PRIVATE_THREAD)


@ROUTES.add("GET", _CHANNEL + "/users/@me/threads/archived/private")
def _archived_joined(call: Call) -> Body:
    """Paged by the thread's id, not by a date."""
    before = call.query_id("before")
    limit = call.number("limit", default=50, most=100)
    page, _ = threads.archived(_seen(call), ChannelKind.PRIVATE_THREAD, None, 10_000)
    joined = [thread for thread in page if thread.thread and call.bot.id in thread.thread.members]
    joined = sorted((t for t in joined if before is None or t.id < before), key=lambda t: t.id, reverse=True)
    return _listed(call.world, joined[:limit]) | {"has_more": len(joined) > limit}


@ROUTES.add("GET", "/guilds/{guild}/threads/active")
def _active(call: Call) -> Body:
    found = [
        thread
        for thread in call.guild().threads()
        if thread.thread and not thread.thread.archived and can(call.bot, thread, Permission.VIEW_CHANNEL)
    ]
    return _listed(call.world, sorted(found, key=lambda thread: thread.id, reverse=True))


@ROUTES.add("GET", _CHANNEL + "/thread-members")
def _thread_members(call: Call) -> Body:
    thread = _seen(call)
    if thread.thread is None:
        raise unknown("Channel")
    return [payloads.thread_member(thread, user_id) for user_id in sorted(thread.thread.members)]


@ROUTES.add("GET", _CHANNEL + "/thread-members/{user}")
def _thread_member(call: Call) -> Body:
    thread = _seen(call)
    if thread.thread is None or call.id("user") not in thread.thread.members:
        raise unknown("Member")
    return payloads.thread_member(thread, call.id("user"))


@ROUTES.add("PUT", _CHANNEL + "/thread-members/@me")
def _join(call: Call) -> Body:
    threads.join(call.world, _seen(call), call.bot, call.bot)
    return None


@ROUTES.add("PUT", _CHANNEL + "/thread-members/{user}")
def _add(call: Call) -> Body:
    threads.join(call.world, _seen(call), call.bot, call.world.user(call.id("user")))
    return None


@ROUTES.add("DELETE", _CHANNEL + "/thread-members/@me")
def _leave(call: Call) -> Body:
    threads.leave(call.world, _seen(call), call.bot, call.bot)
    return None


@ROUTES.add("DELETE", _CHANNEL + "/thread-members/{user}")
def _remove(call: Call) -> Body:
    threads.leave(call.world, _seen(call), call.bot, call.world.user(call.id("user")))
    return None
