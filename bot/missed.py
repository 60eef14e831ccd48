"""What was said while nobody listened, measured by Discord's ids alone: they hold Discord's own time, and the
clock of this machine may be wrong by days.
"""

from __future__ import annotations

from typing import Final, TypeAlias

import discord

Channel: TypeAlias = discord.TextChannel | discord.VoiceChannel | discord.Thread

_MILLISECOND: Final = 1 << 22
"""Of an id."""
DAY: Final = 24 * 60 * 60 * 1000 * _MILLISECOND
MARGIN: Final = 60 * 1000 * _MILLISECOND
"""Messages of different channels come in nearly, not exactly, in their order."""


def missed_after(last: int, newest: int) -> int:
    """Return the id after which a place is read: what came since the last message that was seen there, but
    nothing that is a day older than the newest one.
    """
    return max(last - MARGIN, newest - DAY)


def newest_in(guild: discord.Guild) -> int:
    """The newest message of a guild, as far as Discord tells of it; the guild's own id when there is none."""
    return max((each.last_message_id or 0 for each in _channels(guild)), default=0) or guild.id


def with_news(guild: discord.Guild, after: int) -> list[Channel]:
    """The channels and threads that have messages after an id, and that the bot may read."""
    return [
        channel
        for channel in _channels(guild)
        if (channel.last_message_id or 0) > after and channel.permissions_for(guild.me).read_message_history
    ]


def _channels(guild: discord.Guild) -> list[Channel]:
    return [*guild.text_channels, *guild.voice_channels, *guild.threads]
