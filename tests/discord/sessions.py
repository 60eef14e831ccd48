"""One gateway session: which events it may receive, and those it may ask for again.

A session outlives its socket: while the client is away its events are kept, and a resume replays what it
missed.
"""

from __future__ import annotations

import secrets
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from tests.discord import payloads
from tests.discord.events import Event
from tests.discord.model import ChannelKind, Guild, Json
from tests.discord.permissions import Permission, can
from tests.discord.world import MESSAGE_CONTENT, World

_REPLAYABLE: Final = 5000

_GUILDS, _MEMBERS = 1 << 0, 1 << 1
_MESSAGES, _REACTIONS, _TYPING = 1 << 9, 1 << 10, 1 << 11
_DIRECT_MESSAGES, _DIRECT_REACTIONS, _DIRECT_TYPING = 1 << 12, 1 << 13, 1 << 14

_IN_GUILDS: Final = {
    "GUILD": _GUILDS,
    "CHANNEL": _GUILDS,
    "THREAD": _GUILDS,
    "GUILD_MEMBER": _MEMBERS,
    "MESSAGE": _MESSAGES,
    "MESSAGE_REACTION": _REACTIONS,
    "TYPING": _TYPING,
}
_IN_DIRECT: Final = {
    "CHANNEL": 0,
    "MESSAGE": _DIRECT_MESSAGES,
    "MESSAGE_REACTION": _DIRECT_REACTIONS,
    "TYPING": _DIRECT_TYPING,
}


def intent_for(event: Event) -> int:
    """The intent that an event needs, by the longest beginning of its name; 0 for none."""
    table = _IN_DIRECT if event.guild is None else _IN_GUILDS
    fitting = [prefix for prefix in table if event.name == prefix or event.name.startswith(f"{prefix}_")]
    return table[max(fitting, key=len)] if fitting else 0


@dataclass(slots=True, kw_only=True, eq=False)
class Session:
    """`send` is None while no socket is connected."""

    world: World
    intents: int
    shard: tuple[int, int] = (0, 1)
    sharded: bool = False
    """The client named its shard, so READY names it too, also when it is the only one."""
    id: str = field(default_factory=lambda: secrets.token_hex(16))
    sequence: int = 0
    send: Callable[[Json], None] | None = None
    sent: deque[Json] = field(default_factory=lambda: deque(maxlen=_REPLAYABLE))
    resumable: bool = True

    def ready(self, resume_url: str) -> None:
        """READY, then each guild of this shard."""
        guilds = [guild for guild in self.world.guilds.values() if self._knows(guild)]
        body: Json = {
            "v": 10,
            "user": payloads.user(self.world.bot) | {"verified": True, "mfa_enabled": False},
            "session_id": self.id,
            "resume_gateway_url": resume_url,
            "guilds": [{"id": str(guild.id), "unavailable": True} for guild in guilds],
            "application": {"id": str(self.world.application.id), "flags": 0},
            "private_channels": [],
        }
        if self.sharded:
            body["shard"] = list(self.shard)
        self.dispatch("READY", body)
        for guild in guilds:
            if guild.available:
                self.dispatch("GUILD_CREATE", payloads.guild_create(guild, self.world.bot))

    def resume(self, after: int) -> None:
        """What the client missed, then RESUMED."""
        for frame in tuple(self.sent):
            if frame["s"] > after and self.send is not None:
                self.send(frame)
        self.dispatch("RESUMED", {})

    def can_replay(self, after: int) -> bool:
        """Whether nothing that the client missed has fallen out of the memory."""
        oldest = self.sent[0]["s"] if self.sent else self.sequence + 1
        return self.resumable and oldest - 1 <= after <= self.sequence

    def deliver(self, event: Event) -> None:
        """Pass an event on, if this session may have it, with the content that it may read."""
        if not self.wants(event):
            return
        data = event.data
        if event.message is not None:
            readable = bool(self.intents & MESSAGE_CONTENT)
            data = payloads.readable(self.world, event.message, data, content_intent=readable)
        self.dispatch(event.name, data)

    def wants(self, event: Event) -> bool:
        """By shard, by intent, and by what the bot can see."""
        if not self._in_shard(event.guild):
            return False
        if event.guild is not None and not self._reaches(event, event.guild):
            return False
        needed = intent_for(event)
        if needed and not self.intents & needed and not self._about_the_bot(event):
            return False
        channel = event.channel
        if channel is None or event.name.startswith("CHANNEL_") or event.name == "THREAD_DELETE":
            return True
        if channel.kind is ChannelKind.DIRECT:
            return self.world.bot in channel.recipients
        return can(self.world.bot, channel, Permission.VIEW_CHANNEL)

    def _reaches(self, event: Event, guild: Guild) -> bool:
        if event.name == "GUILD_DELETE":
            return True
        return guild.available and self.world.bot.id in guild.members

    def _about_the_bot(self, event: Event) -> bool:
        """Its own membership is told without the members intent."""
        return event.name.startswith("GUILD_MEMBER") and event.data["user"]["id"] == str(self.world.bot.id)

    def _knows(self, guild: Guild) -> bool:
        return self._in_shard(guild) and self.world.bot.id in guild.members

    def _in_shard(self, guild: Guild | None) -> bool:
        """Direct messages belong to the first shard."""
        number, count = self.shard
        return number == (0 if guild is None else (guild.id >> 22) % count)

    def dispatch(self, name: str, data: Json) -> None:
        self.sequence += 1
        frame: Json = {"op": 0, "s": self.sequence, "t": name, "d": data}
        self.sent.append(frame)
        if self.send is not None:
            self.send(frame)
