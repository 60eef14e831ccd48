"""Which conversation a message belongs to: pure.

A thread or a post is one conversation. In a channel, the first of these rules that finds one decides:

1. a reply belongs to the conversation of the message that it answers, however long ago that was;
2. a message that mentions somebody belongs to the active conversation in which they spoke last;
3. one of somebody who speaks already belongs to the active conversation in which they spoke last;
4. any other belongs to the conversation that was active last;
5. where none is active, it opens one.

A conversation is active until nothing was said in it for `QUIET`. One of `MOST` messages takes no more: a
source is written anew whenever a message of it changes, so it must stay small.

What the rules ask of earlier messages is read from the database for each page, so that a sync which was
killed decides as one that was not.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from agent.contracts import MemberId
from bot.history.said import Said

QUIET: Final = 30 * 60 * 1000
"""Milliseconds, which is what the ids of messages count."""
MOST: Final = 200


def milliseconds(message: int) -> int:
    """When a message was written, after Discord's epoch."""
    return message >> 22


def quiet_before(message: int) -> int:
    """The lowest id that a message may have in a conversation that is active when `message` is written."""
    return max(0, milliseconds(message) - QUIET) << 22


@dataclass(slots=True, kw_only=True)
class Talk:
    """A conversation as far as it has come."""

    opened: int
    """The message that opened it, which is its key."""
    size: int = 0
    said: dict[int, MemberId] = field(default_factory=dict)
    """The messages of it that are known here, and by whom."""

    def take(self, said: Said) -> None:
        self.size += 1
        self.said[said.message] = said.member

    def last_before(self, at: int, members: Iterable[MemberId] | None = None) -> int:
        """The last message that was said shortly before `at`, by any of `members`; 0 for none."""
        wanted = frozenset(self.said.values() if members is None else members)
        recent = (each for each, member in self.said.items() if member in wanted)
        return max((each for each in recent if quiet_before(at) <= each < at), default=0)


def grouped(page: Sequence[Said], known: Sequence[Talk], *, thread: bool) -> tuple[int, ...]:
    """Return for each message, oldest first, the key of its conversation.

    `known` are the conversations that a rule may find: those that were active at the first message, and those
    of messages that are answered; in a thread, the latest one. They are carried on.
    """
    talks = list(known)
    keys = []
    for said in page:
        room = [talk for talk in talks if talk.size < MOST]
        talk = max(room, key=_opened, default=None) if thread else _talk_of(said, room)
        if talk is None:
            talk = Talk(opened=said.message)
            talks.append(talk)
        talk.take(said)
        keys.append(talk.opened)
    return tuple(keys)


def _talk_of(said: Said, talks: Sequence[Talk]) -> Talk | None:
    answered = next((talk for talk in talks if said.answers in talk.said), None)
    if answered is not None:
        return answered
    for members in (said.mentions, frozenset({said.member}), None):
        spoken = {talk.last_before(said.message, members): talk for talk in talks}
        if latest := max(spoken, default=0):
            return spoken[latest]
    return None


def _opened(talk: Talk) -> int:
    return talk.opened
