"""REST: the bot itself, users, guilds and their members, and application commands."""

from __future__ import annotations

from typing import Final

from tests.discord import channels, payloads
from tests.discord.errors import missing_access, unknown
from tests.discord.model import ChannelKind
from tests.discord.rest import Body, Call, Routes

ROUTES: Final = Routes()
_MEMBERS_INTENT: Final = 1 << 1
_COMMANDS: Final = "/applications/{application}/commands"
_GUILD_COMMANDS: Final = "/applications/{application}/guilds/{guild}/commands"


@ROUTES.add("GET", "/users/@me")
def _me(call: Call) -> Body:
    return payloads.user(call.bot) | {"verified": True, "mfa_enabled": False}


@ROUTES.add("GET", "/users/{user}")
def _user(call: Call) -> Body:
    return payloads.user(call.world.user(call.id("user")))


@ROUTES.add("GET", "/users/@me/guilds")
def _my_guilds(call: Call) -> Body:
    limit, after = call.number("limit", default=200, most=200), call.query_id("after") or 0
    mine = [
        guild for guild in call.world.guilds.values() if call.bot.id in guild.members and guild.id > after
    ]
    keys = ("id", "name", "icon", "features", "approximate_member_count")
    return [
        {key: payloads.guild(guild)[key] for key in keys} | {"owner": False, "permissions": "0"}
        for guild in sorted(mine, key=lambda guild: guild.id)[:limit]
    ]


@ROUTES.add("GET", "/oauth2/applications/@me")
def _application(call: Call) -> Body:
    return payloads.application(call.world.application)


@ROUTES.add("GET", "/applications/@me")
def _own_application(call: Call) -> Body:
    return payloads.application(call.world.application)


@ROUTES.add("GET", "/gateway")
def _gateway(call: Call) -> Body:
    return {"url": call.gateway_url}


@ROUTES.add("GET", "/gateway/bot")
def _gateway_bot(call: Call) -> Body:
    limit = {"total": 1000, "remaining": 1000, "reset_after": 86_400_000, "max_concurrency": 1}
    return {"url": call.gateway_url, "shards": call.world.recommended_shards, "session_start_limit": limit}


@ROUTES.add("GET", "/guilds/{guild}")
def _guild(call: Call) -> Body:
    return payloads.guild(call.guild())


@ROUTES.add("GET", "/guilds/{guild}/channels")
def _channels(call: Call) -> Body:
    return [payloads.channel(channel) for channel in call.guild().channels.values() if not channel.is_thread]


@ROUTES.add("POST", "/guilds/{guild}/channels", status=201)
def _create_channel(call: Call) -> Body:
    guild, body = call.guild(), call.body
    parent = guild.channels.get(int(body["parent_id"])) if body.get("parent_id") else None
    created = channels.create(
        call.world,
        guild,
        call.bot,
        body["name"],
        ChannelKind(body.get("type") or 0),
        parent=parent,
        overwrites=tuple(channels.overwrite_of(item) for item in body.get("permission_overwrites") or []),
        topic=body.get("topic"),
    )
    return payloads.channel(created)


@ROUTES.add("GET", "/guilds/{guild}/roles")
def _roles(call: Call) -> Body:
    return [payloads.role(role) for role in call.guild().roles.values()]


@ROUTES.add("GET", "/guilds/{guild}/members/{user}")
def _member(call: Call) -> Body:
    membership = call.guild().members.get(call.id("user"))
    if membership is None:
        raise unknown("Member")
    return payloads.member(membership)


@ROUTES.add("GET", "/guilds/{guild}/members")
def _members(call: Call) -> Body:
    """The whole list is behind the privileged members intent, over REST too."""
    if not call.world.application.allowed_intents & _MEMBERS_INTENT:
        raise missing_access()
    limit, after = call.number("limit", default=1, most=1000), call.query_id("after") or 0
    found = sorted((m for m in call.guild().members.values() if m.user.id > after), key=lambda m: m.user.id)
    return [payloads.member(membership) for membership in found[:limit]]


@ROUTES.add("GET", "/guilds/{guild}/members/search")
def _search_members(call: Call) -> Body:
    query, limit = call.query["query"].lower(), call.number("limit", default=1, most=1000)
    found = [m for m in call.guild().members.values() if m.user.name.lower().startswith(query)]
    return [payloads.member(membership) for membership in found[:limit]]


@ROUTES.add("GET", _COMMANDS)
def _commands(call: Call) -> Body:
    return call.world.commands.get(None, [])


@ROUTES.add("PUT", _COMMANDS, bucket="commands")
def _put_commands(call: Call) -> Body:
    return call.registry.replace(None, call.body)


@ROUTES.add("GET", _GUILD_COMMANDS)
def _guild_commands(call: Call) -> Body:
    return call.world.commands.get(call.guild().id, [])


@ROUTES.add("PUT", _GUILD_COMMANDS, bucket="commands")
def _put_guild_commands(call: Call) -> Body:
    return call.registry.replace(call.guild().id, call.body)
