"""Who may do what where: roles, then the channel's overwrites, then what a thread adds.

The order is Discord's: @everyone and the roles give; an administrator has all; of the channel's overwrites
first @everyone's, then all the roles' together (an allow beats a deny), then the member's own.
"""

from __future__ import annotations

from enum import IntFlag
from typing import Final

from tests.discord.model import Channel, ChannelKind, Guild, User


class Permission(IntFlag):
    CREATE_INVITE = 1 << 0
    KICK_MEMBERS = 1 << 1
    BAN_MEMBERS = 1 << 2
    ADMINISTRATOR = 1 << 3
    MANAGE_CHANNELS = 1 << 4
    MANAGE_GUILD = 1 << 5
    ADD_REACTIONS = 1 << 6
    VIEW_AUDIT_LOG = 1 << 7
    VIEW_CHANNEL = 1 << 10
    SEND_MESSAGES = 1 << 11
    MANAGE_MESSAGES = 1 << 13
    EMBED_LINKS = 1 << 14
    ATTACH_FILES = 1 << 15
    READ_MESSAGE_HISTORY = 1 << 16
    MENTION_EVERYONE = 1 << 17
    EXTERNAL_EMOJIS = 1 << 18
    CHANGE_NICKNAME = 1 << 26
    MANAGE_ROLES = 1 << 28
    MANAGE_WEBHOOKS = 1 << 29
    APPLICATION_COMMANDS = 1 << 31
    MANAGE_THREADS = 1 << 34
    CREATE_PUBLIC_THREADS = 1 << 35
    CREATE_PRIVATE_THREADS = 1 << 36
    SEND_MESSAGES_IN_THREADS = 1 << 38
    PIN_MESSAGES = 1 << 51


ALL: Final = ~Permission(0)

EVERYONE: Final = (
    Permission.CREATE_INVITE
    | Permission.ADD_REACTIONS
    | Permission.VIEW_CHANNEL
    | Permission.SEND_MESSAGES
    | Permission.EMBED_LINKS
    | Permission.ATTACH_FILES
    | Permission.READ_MESSAGE_HISTORY
    | Permission.APPLICATION_COMMANDS
    | Permission.CREATE_PUBLIC_THREADS
    | Permission.CREATE_PRIVATE_THREADS
    | Permission.SEND_MESSAGES_IN_THREADS
    | Permission.CHANGE_NICKNAME
)
"""What @everyone has in a new guild, as far as this server knows the permissions."""

_IN_DIRECT_MESSAGES: Final = (
    Permission.VIEW_CHANNEL
    | Permission.SEND_MESSAGES
    | Permission.EMBED_LINKS
    | Permission.ATTACH_FILES
    | Permission.READ_MESSAGE_HISTORY
    | Permission.ADD_REACTIONS
    | Permission.APPLICATION_COMMANDS
    | Permission.PIN_MESSAGES
)


def in_guild(guild: Guild, user: User) -> Permission:
    """Nothing for one who is not a member."""
    membership = guild.members.get(user.id)
    if membership is None:
        return Permission(0)
    if guild.owner_id == user.id:
        return ALL
    granted = Permission(guild.everyone.permissions)
    for role_id in membership.roles:
        granted |= Permission(guild.roles[role_id].permissions)
    return ALL if Permission.ADMINISTRATOR in granted else granted


def in_channel(channel: Channel, user: User) -> Permission:
    """A thread has its parent's permissions; a private one is seen only by its members and moderators."""
    guild = channel.guild
    if guild is None:
        return _IN_DIRECT_MESSAGES if user in channel.recipients else Permission(0)
    granted = _overwritten(channel.parent if channel.is_thread and channel.parent else channel, guild, user)
    if Permission.VIEW_CHANNEL not in granted:
        return Permission(0)
    thread = channel.thread
    if thread is None or channel.kind is not ChannelKind.PRIVATE_THREAD:
        return granted
    invited = user.id in thread.members or Permission.MANAGE_THREADS in granted
    return granted if invited else Permission(0)


def can(user: User, channel: Channel, permission: Permission) -> bool:
    return permission in in_channel(channel, user)


def _overwritten(channel: Channel, guild: Guild, user: User) -> Permission:
    granted = in_guild(guild, user)
    if granted == ALL or user.id not in guild.members:
        return granted
    everyone = channel.overwrites.get(guild.id)
    if everyone is not None:
        granted = (granted & ~Permission(everyone.deny)) | Permission(everyone.allow)
    of_roles = [
        channel.overwrites[role] for role in guild.members[user.id].roles if role in channel.overwrites
    ]
    for overwrite in of_roles:
        granted &= ~Permission(overwrite.deny)
    for overwrite in of_roles:
        granted |= Permission(overwrite.allow)
    own = channel.overwrites.get(user.id)
    if own is not None:
        granted = (granted & ~Permission(own.deny)) | Permission(own.allow)
    return granted
