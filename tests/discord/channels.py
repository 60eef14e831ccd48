"""Making, changing and deleting channels and roles, by the bot or by an admin, and telling the gateway."""

from __future__ import annotations

from tests.discord import payloads
from tests.discord.errors import bad_length, missing_permissions, unknown
from tests.discord.model import Channel, ChannelKind, Guild, Json, Overwrite, Role, User
from tests.discord.permissions import Permission, can, in_guild
from tests.discord.world import World


def create(
    world: World,
    guild: Guild,
    actor: User,
    name: str,
    kind: ChannelKind = ChannelKind.TEXT,
    *,
    parent: Channel | None = None,
    overwrites: tuple[Overwrite, ...] = (),
    topic: str | None = None,
) -> Channel:
    if Permission.MANAGE_CHANNELS not in in_guild(guild, actor):
        raise missing_permissions()
    if not 1 <= len(name) <= 100:
        raise bad_length("name", 1, 100)
    channel = world.add_channel(guild, name, kind, parent=parent, overwrites=overwrites, topic=topic)
    world.emit("CHANNEL_CREATE", payloads.channel(channel), channel=channel)
    return channel


def change(world: World, channel: Channel, actor: User, changes: Json) -> None:
    """Name, topic and overwrites; threads are changed by their own rules."""
    if not can(actor, channel, Permission.MANAGE_CHANNELS):
        raise missing_permissions()
    channel.name = changes.get("name", channel.name)
    channel.topic = changes.get("topic", channel.topic)
    if "permission_overwrites" in changes:
        if not can(actor, channel, Permission.MANAGE_ROLES):
            raise missing_permissions()
        rules = [overwrite_of(item) for item in changes["permission_overwrites"]]
        channel.overwrites = {rule.target: rule for rule in rules}
    world.emit("CHANNEL_UPDATE", payloads.channel(channel), channel=channel)


def delete(world: World, channel: Channel, actor: User) -> None:
    """With a channel go its threads."""
    needed = Permission.MANAGE_THREADS if channel.is_thread else Permission.MANAGE_CHANNELS
    if channel.guild is None or not can(actor, channel, needed):
        raise missing_permissions()
    for thread in [thread for thread in channel.guild.threads() if thread.parent is channel]:
        delete(world, thread, actor) if can(actor, thread, Permission.MANAGE_THREADS) else _drop(
            world, thread
        )
    body = payloads.channel(channel)
    _drop(world, channel)
    world.emit("THREAD_DELETE" if channel.is_thread else "CHANNEL_DELETE", body, channel=channel)


def _drop(world: World, channel: Channel) -> None:
    assert channel.guild is not None
    del channel.guild.channels[channel.id]
    del world.channels[channel.id]


def overwrite(world: World, channel: Channel, actor: User, rule: Overwrite) -> None:
    """Allow and deny for one role or member of a channel."""
    if not can(actor, channel, Permission.MANAGE_ROLES):
        raise missing_permissions()
    channel.overwrites[rule.target] = rule
    world.emit("CHANNEL_UPDATE", payloads.channel(channel), channel=channel)


def remove_overwrite(world: World, channel: Channel, actor: User, target: int) -> None:
    if not can(actor, channel, Permission.MANAGE_ROLES):
        raise missing_permissions()
    if channel.overwrites.pop(target, None) is None:
        raise unknown("Permission Overwrite")
    world.emit("CHANNEL_UPDATE", payloads.channel(channel), channel=channel)


def overwrite_of(item: Json) -> Overwrite:
    return Overwrite(
        target=int(item["id"]),
        kind=int(item["type"]),
        allow=int(item.get("allow") or 0),
        deny=int(item.get("deny") or 0),
    )


def set_roles(world: World, guild: Guild, user: User, roles: set[int]) -> None:
    """What an admin does in the member list; the bot learns it only with the members intent."""
    membership = guild.members[user.id]
    membership.roles = set(roles)
    body = payloads.member(membership) | {"guild_id": str(guild.id)}
    world.emit("GUILD_MEMBER_UPDATE", body, guild=guild)


def add_role(
    world: World, guild: Guild, name: str, permissions: int = 0, *, mentionable: bool = False
) -> Role:
    role = world.add_role(guild, name, permissions, mentionable=mentionable)
    world.emit("GUILD_ROLE_CREATE", {"guild_id": str(guild.id), "role": payloads.role(role)}, guild=guild)
    return role


def set_role_permissions(world: World, guild: Guild, role: Role, permissions: int) -> None:
    role.permissions = int(permissions)
    world.emit("GUILD_ROLE_UPDATE", {"guild_id": str(guild.id), "role": payloads.role(role)}, guild=guild)


def delete_role(world: World, guild: Guild, role: Role) -> None:
    del guild.roles[role.id]
    for membership in guild.members.values():
        membership.roles.discard(role.id)
    world.emit("GUILD_ROLE_DELETE", {"guild_id": str(guild.id), "role_id": str(role.id)}, guild=guild)


def join_guild(world: World, guild: Guild, user: User, *roles: Role) -> None:
    membership = world.add_member(guild, user, *roles)
    if user is world.bot:
        joined = payloads.guild_create(guild, user)
        del joined["unavailable"]  # where it is missing, the client takes the guild for a new one
        world.emit("GUILD_CREATE", joined, guild=guild)
        return
    world.emit("GUILD_MEMBER_ADD", payloads.member(membership) | {"guild_id": str(guild.id)}, guild=guild)


def leave_guild(world: World, guild: Guild, user: User) -> None:
    """Kicked, banned or gone by themselves: nobody is told which."""
    if user is world.bot:
        world.emit("GUILD_DELETE", {"id": str(guild.id)}, guild=guild)
    else:
        body = {"guild_id": str(guild.id), "user": payloads.user(user)}
        world.emit("GUILD_MEMBER_REMOVE", body, guild=guild)
    del guild.members[user.id]


def set_available(world: World, guild: Guild, *, available: bool) -> None:
    """An outage of the guild: GUILD_DELETE with `unavailable`, then GUILD_CREATE when it ends."""
    guild.available = available
    if available:
        world.emit("GUILD_CREATE", payloads.guild_create(guild, world.bot), guild=guild)
    else:
        world.emit("GUILD_DELETE", {"id": str(guild.id), "unavailable": True}, guild=guild)
