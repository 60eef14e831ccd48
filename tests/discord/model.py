"""What exists on the loopback Discord: users, guilds, roles, channels, threads, messages.

Plain mutable state without rules; the rules are beside it, in one file per subject.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.discord.interactions import Interaction

Json = dict[str, Any]


class ChannelKind(IntEnum):
    TEXT = 0
    DIRECT = 1
    CATEGORY = 4
    NEWS = 5
    NEWS_THREAD = 10
    PUBLIC_THREAD = 11
    PRIVATE_THREAD = 12
    FORUM = 15


class MessageKind(IntEnum):
    DEFAULT = 0
    PINNED = 6
    MEMBER_JOINED = 7
    THREAD_CREATED = 18
    REPLY = 19
    SLASH_ANSWER = 20
    THREAD_STARTER = 21
    MENU_ANSWER = 23


@dataclass(slots=True, kw_only=True, eq=False)
class User:
    id: int
    name: str
    bot: bool = False
    locale: str = "en-US"
    accepts_direct_messages: bool = True

    @property
    def mention(self) -> str:
        return f"<@{self.id}>"


@dataclass(slots=True, kw_only=True, eq=False)
class Role:
    id: int
    name: str
    permissions: int = 0
    position: int = 1
    mentionable: bool = False

    @property
    def mention(self) -> str:
        return f"<@&{self.id}>"


@dataclass(slots=True, kw_only=True)
class Membership:
    """One user in one guild."""

    user: User
    joined: datetime
    roles: set[int] = field(default_factory=set)
    nick: str | None = None


@dataclass(slots=True, kw_only=True)
class Overwrite:
    """What a channel allows and denies to a role (`kind` 0) or a member (1)."""

    target: int
    kind: int
    allow: int = 0
    deny: int = 0


@dataclass(slots=True, kw_only=True)
class ThreadState:
    owner_id: int
    archived_at: datetime
    archived: bool = False
    locked: bool = False
    auto_archive_minutes: int = 1440
    invitable: bool = True
    members: set[int] = field(default_factory=set)
    applied_tags: list[int] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class Attachment:
    id: int
    filename: str
    content: bytes
    content_type: str
    description: str | None = None


@dataclass(slots=True, kw_only=True)
class Reaction:
    """Who reacted with one emoji, in order."""

    name: str
    emoji_id: int | None = None
    users: list[int] = field(default_factory=list)

    @property
    def key(self) -> str:
        return self.name if self.emoji_id is None else f"{self.name}:{self.emoji_id}"


@dataclass(slots=True, kw_only=True)
class Reference:
    """What a message answers; the message itself may be gone by now."""

    message_id: int
    channel_id: int


@dataclass(slots=True, kw_only=True, eq=False)
class Message:
    id: int
    channel: Channel
    author: User
    content: str
    created: datetime
    kind: MessageKind = MessageKind.DEFAULT
    flags: int = 0
    embeds: list[Json] = field(default_factory=list)
    components: list[Json] = field(default_factory=list)
    attachments: list[Attachment] = field(default_factory=list)
    reference: Reference | None = None
    mentions: list[User] = field(default_factory=list)
    mention_roles: list[int] = field(default_factory=list)
    mention_everyone: bool = False
    reactions: dict[str, Reaction] = field(default_factory=dict)
    edited: datetime | None = None
    nonce: str | int | None = None
    webhook_id: int | None = None
    pinned_at: datetime | None = None
    thread: Channel | None = None
    interaction: Interaction | None = None
    versions: list[str] = field(default_factory=list)
    """Every content it had, the present one last: what a member saw while it streamed."""
    shown: list[datetime] = field(default_factory=list)
    """When each of them could first be seen."""
    late_edits: int = 0
    deleted: bool = False

    def show(self, moment: datetime) -> None:
        """Note that members see the present content from now on."""
        self.versions.append(self.content)
        self.shown.append(moment)

    @property
    def jump_url(self) -> str:
        guild = self.channel.guild
        return f"https://discord.com/channels/{guild.id if guild else '@me'}/{self.channel.id}/{self.id}"

    @property
    def is_ephemeral(self) -> bool:
        return bool(self.flags & 64)

    @property
    def is_thinking(self) -> bool:
        """Deferred: members see "is thinking..." where the answer will stand."""
        return bool(self.flags & 128)

    def button(self, label: str) -> Json:
        """The first button or select whose label, emoji, placeholder or custom_id begins with `label`."""
        for component in self.interactive():
            emoji = (component.get("emoji") or {}).get("name")
            names = (component.get("label"), emoji, component.get("placeholder"), component.get("custom_id"))
            if any(name and str(name).lower().startswith(label.lower()) for name in names):
                return component
        present = [c.get("label") or c.get("placeholder") or c.get("custom_id") for c in self.interactive()]
        raise LookupError(f"no component {label!r} on {self.content[:60]!r}; there are {present}")

    def interactive(self) -> list[Json]:
        """Its buttons (links too) and selects, in the order in which they are shown."""
        return [component for component in walk(self.components) if component.get("type") in INTERACTIVE]


INTERACTIVE = frozenset({2, 3, 5, 6, 7, 8})


def walk(components: list[Json]) -> Iterator[Json]:
    """Every component at any depth, containers before what they hold."""
    for component in components:
        yield component
        yield from walk(component.get("components", []))
        for single in ("accessory", "component"):
            if single in component:
                yield from walk([component[single]])


class Timeline:
    """The messages of one channel by id, which is their order in time; pages of it cost O(log n + page)."""

    def __init__(self) -> None:
        self._ids: list[int] = []
        self._by_id: dict[int, Message] = {}

    def __len__(self) -> int:
        return len(self._ids)

    def __iter__(self) -> Iterator[Message]:
        """Oldest first."""
        return (self._by_id[message_id] for message_id in self._ids)

    def add(self, message: Message) -> None:
        self._by_id[message.id] = message
        insort(self._ids, message.id)

    def get(self, message_id: int) -> Message | None:
        return self._by_id.get(message_id)

    def remove(self, message: Message) -> None:
        del self._by_id[message.id]
        del self._ids[bisect_left(self._ids, message.id)]

    def last(self) -> Message | None:
        return self._by_id[self._ids[-1]] if self._ids else None

    def page(
        self, limit: int, *, before: int | None = None, after: int | None = None, around: int | None = None
    ) -> list[Message]:
        """Newest first, as Discord pages; with `after`, the oldest ones after it."""
        if around is not None:
            middle = bisect_left(self._ids, around)
            start = max(0, middle - limit // 2)
            chosen = self._ids[start : start + limit]
        elif after is not None:
            start = bisect_left(self._ids, after + 1)
            chosen = self._ids[start : start + limit]
        else:
            end = len(self._ids) if before is None else bisect_left(self._ids, before)
            chosen = self._ids[max(0, end - limit) : end]
        return [self._by_id[message_id] for message_id in reversed(chosen)]


@dataclass(slots=True, kw_only=True, eq=False)
class Channel:
    """A channel, a category of channels, a forum, a thread or a conversation in direct messages."""

    id: int
    kind: ChannelKind
    name: str = ""
    guild: Guild | None = None
    parent: Channel | None = None
    position: int = 0
    topic: str | None = None
    overwrites: dict[int, Overwrite] = field(default_factory=dict)
    messages: Timeline = field(default_factory=Timeline)
    thread: ThreadState | None = None
    recipients: list[User] = field(default_factory=list)
    available_tags: list[Json] = field(default_factory=list)
    typing: list[int] = field(default_factory=list)
    """Who began to type here, oldest first."""
    typing_since: datetime | None = None

    @property
    def is_thread(self) -> bool:
        return self.thread is not None

    @property
    def mention(self) -> str:
        return f"<#{self.id}>"


@dataclass(slots=True, kw_only=True, eq=False)
class Guild:
    id: int
    name: str
    owner_id: int
    locale: str = "en-US"
    roles: dict[int, Role] = field(default_factory=dict)
    members: dict[int, Membership] = field(default_factory=dict)
    channels: dict[int, Channel] = field(default_factory=dict)
    """Threads too."""
    available: bool = True

    @property
    def everyone(self) -> Role:
        return self.roles[self.id]

    def threads(self) -> list[Channel]:
        return [channel for channel in self.channels.values() if channel.is_thread]

    def channel(self, name: str) -> Channel:
        for channel in self.channels.values():
            if channel.name == name:
                return channel
        raise LookupError(f"no channel {name!r} in {self.name}")

    def role(self, name: str) -> Role:
        for role in self.roles.values():
            if role.name == name:
                return role
        raise LookupError(f"no role {name!r} in {self.name}")
