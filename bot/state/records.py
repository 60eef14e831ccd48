"""The records that are kept of the history of channels: see history.py."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from agent.contracts import GuildId, MemberId, Slug, SourceId


class SyncState(StrEnum):
    RUNNING = "running"
    DONE = "done"
    CANCELLED = "cancelled"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sync:
    """The latest reading of a channel with its threads."""

    guild: GuildId
    channel: int
    run: str
    since: int
    """Older messages are not read; an id."""
    state: SyncState = SyncState.RUNNING
    messages: int = 0
    """How many this run has kept so far."""
    report_channel: int
    report_message: int | None = None
    """Where its progress is shown."""
    followed: int = 0
    """What was said in the guild up to this message is taken in, also in threads that were closed since."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A channel or thread, and how far it was read. Positions are ids of messages."""

    guild: GuildId
    place: int
    channel: int
    """Itself, or the channel that its thread belongs to."""
    thread: bool
    visibility: str
    location: str
    title: str = ""
    """The name of the thread."""
    member: MemberId | None = None
    """Who gave it that name."""
    category: Slug | None = None
    """What its channel is about, as an admin or its tags say."""
    run: str = ""
    """Which run read it last, or does."""
    done: bool = False
    floor: int
    """Nothing was read up to here."""
    read_to: int
    """Everything was read up to here."""
    checked: int = 0
    check_to: int = 0
    """What lies between is to be read again for what changed since."""

    @property
    def read(self) -> range:
        """The ids between which everything was read."""
        return range(self.floor + 1, self.read_to + 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stale:
    """A conversation whose source does not show every change yet."""

    guild: GuildId
    conversation: int
    place: int
    source: SourceId
    stale: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A message as it is kept."""

    message: int
    member: MemberId
    name: str
    words: str
