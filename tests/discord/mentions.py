"""Who a message mentions, and whom of them it would notify under its `allowed_mentions`.

Without `allowed_mentions` Discord notifies everyone whom the text names. A bot that shows text of others
pings the guild by accident that way, so every notification that the bot causes is recorded.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

from tests.discord.model import Channel, Json, Message, User
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


def notified(found: Mentions, rules: Json | None) -> Mentions:
    """Whom of these the sender's `allowed_mentions` let through; without them, all whom the text names."""
    if rules is None:
        return found
    parse = set(rules.get("parse", ()))
    users = {str(user_id) for user_id in rules.get("users", ())}
    roles = {str(role_id) for role_id in rules.get("roles", ())}
    return Mentions(
        users=[user for user in found.users if "users" in parse or str(user.id) in users],
        roles=[role for role in found.roles if "roles" in parse or str(role) in roles],
        everyone=found.everyone and "everyone" in parse,
    )


def record_pings(world: World, message: Message, rules: Json | None, replied: User | None) -> None:
    """Note whom this message of the bot notifies, also where the bot now lacks the permission to.

    A guild may give it any day: a bot that leaves a ping to a missing permission is not safe.
    """
    reached = notified(find_mentions(world, message.channel, message.content), rules)
    targets = [("user", user.id) for user in reached.users] + [("role", role) for role in reached.roles]
    if reached.everyone:
        targets.append(("everyone", message.channel.id))
    if replied is not None and (rules is None or rules.get("replied_user", False)):
        targets.append(("reply", replied.id))
    world.records.pings += [Ping(kind=kind, target=target, message=message) for kind, target in targets]
