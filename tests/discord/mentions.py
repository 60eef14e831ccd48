"""Who a message mentions, and whom of them it would notify under its `allowed_mentions`.

Without `allowed_mentions` Discord notifies everyone whom the text names. A bot that shows text of others
pings the guild by accident that way, so every notification that the bot causes is recorded.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

from tests.discord.model import Channel, Json, Message, User
from tests.discord.permissions import Permission, can
from tests.discord.world import Ping, World

_USER: Final = re.compile(r"<@!?(\d+)>")
_ROLE: Final = re.compile(r"<@&(\d+)>")
_EVERYONE: Final = re.compile(r"@(everyone|here)\b")
_CODE: Final = re.compile(r"```.*?```|``.*?``|`[^`\n]*`", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mentions:
    users: list[User] = field(default_factory=list)
    roles: list[int] = field(default_factory=list)
    everyone: bool = False


def find_mentions(world: World, channel: Channel, content: str) -> Mentions:
    """What the text names, outside of code, and exists."""
    text = _CODE.sub(" ", content)
    ids = dict.fromkeys(int(found) for found in _USER.findall(text))
    roles = dict.fromkeys(int(found) for found in _ROLE.findall(text))
    known = channel.guild.roles if channel.guild else {}
    return Mentions(
        users=[world.users[user_id] for user_id in ids if user_id in world.users],
        roles=[role_id for role_id in roles if role_id in known],
        everyone=bool(_EVERYONE.search(text)),
    )


def allowed(found: Mentions, rules: Json | None, channel: Channel, author: User) -> Mentions:
    """What of it notifies, when the author may do that at all."""
    powerful = channel.guild is not None and can(author, channel, Permission.MENTION_EVERYONE)
    home = channel.guild
    roles = [role for role in found.roles if powerful or (home and home.roles[role].mentionable)]
    everyone = found.everyone and powerful
    if rules is None:
        return Mentions(users=found.users, roles=roles, everyone=everyone)
    parse = set(rules.get("parse", ()))
    users = {str(user_id) for user_id in rules.get("users", ())}
    named_roles = {str(role_id) for role_id in rules.get("roles", ())}
    return Mentions(
        users=[user for user in found.users if "users" in parse or str(user.id) in users],
        roles=[role for role in roles if "roles" in parse or str(role) in named_roles],
        everyone=everyone and "everyone" in parse,
    )


def record_pings(world: World, message: Message, rules: Json | None, replied: User | None) -> None:
    """Note whom this message of the bot notifies; `@everyone` counts although the bot lacks the permission.

    A guild may give the permission any day: a bot that leaves the ping to a missing permission is not safe.
    """
    found = find_mentions(world, message.channel, message.content)
    notified = allowed(found, rules, message.channel, message.author)
    unsafe = found.everyone and (rules is None or "everyone" in rules.get("parse", ()))
    pings = [Ping(kind="user", target=user.id, message=message) for user in notified.users]
    pings += [
        Ping(kind="role", target=role, message=message)
        for role in found.roles
        if role in notified.roles or rules is None or "roles" in rules.get("parse", ())
    ]
    if unsafe:
        pings.append(Ping(kind="everyone", target=message.channel.id, message=message))
    if replied is not None and (rules is None or rules.get("replied_user", False)):
        pings.append(Ping(kind="reply", target=replied.id, message=message))
    world.records.pings += pings
