"""What an asker may see: the visibilities that go into the search filter, before anything is retrieved.

Two things decide: what the asker can read, and who else will read the answer. An answer that stands in
#general must not quote #staff to everybody because an admin asked; in direct messages, and in answers that
only the asker sees, what the asker can read is enough.

Without the privileged members intent nobody knows all members, so that everyone who reads one channel also
reads another is proven by permissions alone, and taken for false where they do not prove it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import discord
from discord.abc import GuildChannel

from agent.contracts import GUILD_WIDE

Place: TypeAlias = GuildChannel | discord.Thread


def channel_visibility(channel_id: int) -> str:
    return f"channel:{channel_id}"


def member_visibility(member_id: int) -> str:
    return f"member:{member_id}"


def may_see(
    member: discord.Member, place: Place | None, channels: Sequence[GuildChannel] | None = None
) -> frozenset[str]:
    """Return what an answer to `member` may quote: in `place`, or where only they see it (None).

    `channels` are those of a guild that another process serves, which discord.py does not know.
    """
    channels = member.guild.channels if channels is None else channels
    readable = [channel for channel in channels if can_read(member, channel)]
    if place is None:
        return frozenset(
            {GUILD_WIDE, member_visibility(member.id)}
            | {channel_visibility(channel.id) for channel in readable}
            | {channel_visibility(thread.id) for thread in _private_threads(member)}
        )
    base = base_channel(place)
    seen = {channel_visibility(each.id) for each in readable if base and covers(base, each)}
    return frozenset({GUILD_WIDE, visibility_of(place)} | seen)


def visibility_of(place: Place) -> str:
    """The visibility of what is said here, when it is not for the whole guild."""
    if isinstance(place, discord.Thread) and not place.is_private():
        return channel_visibility(place.parent_id)
    return channel_visibility(place.id)


def visibility_of_entry(place: Place) -> str:
    """The visibility of a fact told here: for the guild where everybody can read it, else for the place."""
    base = base_channel(place)
    private = isinstance(place, discord.Thread) and place.is_private()
    return GUILD_WIDE if base and not private and _open_to_all(base) else visibility_of(place)


def base_channel(place: Place) -> GuildChannel | None:
    """The channel whose permissions hold in a place; None for a thread whose channel is not known."""
    return place.parent if isinstance(place, discord.Thread) else place


def can_read(member: discord.Member, channel: GuildChannel) -> bool:
    return _reads(channel.permissions_for(member))


def covers(channel: GuildChannel, other: GuildChannel) -> bool:
    """Say whether everyone who can read `channel` can surely read `other` too."""
    return channel.id == other.id or _open_to_all(other) or _overwrites(channel) == _overwrites(other)


def _open_to_all(channel: GuildChannel) -> bool:
    """Everybody can read it, and it denies that to nobody."""
    denied = any(False in read for read in _overwrites(channel).values())
    return not denied and _reads(channel.permissions_for(channel.guild.default_role))


def _overwrites(channel: GuildChannel) -> dict[int, tuple[bool | None, bool | None]]:
    """What a channel allows or denies of reading, by role or member; what says nothing is left out."""
    found = {
        target.id: (overwrite.view_channel, overwrite.read_message_history)
        for target, overwrite in channel.overwrites.items()
    }
    return {target: read for target, read in found.items() if read != (None, None)}


def _reads(permissions: discord.Permissions) -> bool:
    return permissions.view_channel and permissions.read_message_history


def _private_threads(member: discord.Member) -> list[discord.Thread]:
    """Those that a member sees as a moderator; who was added to one only the members intent would tell."""
    return [
        thread
        for thread in member.guild.threads
        if thread.is_private() and thread.parent and thread.permissions_for(member).manage_threads
    ]
