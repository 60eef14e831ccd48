"""Who is answered next, and who has to wait: a bounded queue that is fair between guilds and members.

When a place is free, guilds take turns, and within a guild its members do: somebody who asks ten times
delays their own questions, not those of others. Everything is in memory; what is waited for survives a
restart as a pending row of the state. Knows nothing of discord.py.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Final

from agent.contracts import GuildId, MemberId

LONGEST_SECONDS: Final = 86_400.0
"""The longest time over which questions are counted."""


class QueueFullError(Exception):
    """No room: for this member (`own`), or for anybody."""

    def __init__(self, *, own: bool) -> None:
        super().__init__("the member waits for too many answers" if own else "the queue is full")
        self.own = own


class FairQueue:
    """At most `slots` run at a time, `capacity` wait, and `per_member` of them of one member."""

    def __init__(self, *, slots: int, capacity: int, per_member: int) -> None:
        self._free = slots
        self._capacity = capacity
        self._per_member = per_member
        self._guilds: OrderedDict[GuildId, OrderedDict[MemberId, deque[Ticket]]] = OrderedDict()

    @property
    def waiting(self) -> int:
        return sum(len(tickets) for members in self._guilds.values() for tickets in members.values())

    @contextmanager
    def enter(self, guild: GuildId, member: MemberId) -> Iterator[Ticket]:
        """Stand in the queue, or hold a place, until the block is left. Raises `QueueFullError`."""
        ticket = self._admit(guild, member)
        try:
            yield ticket
        finally:
            self._leave(ticket)

    def _admit(self, guild: GuildId, member: MemberId) -> Ticket:
        ticket = Ticket(guild, member)
        if self._free:
            self._free -= 1
            ticket.call()
            return ticket
        mine = self._guilds[guild].get(member, ()) if guild in self._guilds else ()
        if len(mine) >= self._per_member:
            raise QueueFullError(own=True)
        if self.waiting >= self._capacity:
            raise QueueFullError(own=False)
        self._guilds.setdefault(guild, OrderedDict()).setdefault(member, deque()).append(ticket)
        self._tell_positions()
        return ticket

    def _leave(self, ticket: Ticket) -> None:
        if not ticket.called:
            self._remove(ticket)
            self._tell_positions()
            return
        following = next(self._order(), None)
        if following is None:
            self._free += 1
            return
        self._remove(following)
        self._move_to_back(following)
        following.call()
        self._tell_positions()

    def _remove(self, ticket: Ticket) -> None:
        members = self._guilds[ticket.guild]
        members[ticket.member].remove(ticket)
        if not members[ticket.member]:
            del members[ticket.member]
        if not members:
            del self._guilds[ticket.guild]

    def _move_to_back(self, served: Ticket) -> None:
        if members := self._guilds.get(served.guild):
            self._guilds.move_to_end(served.guild)
            if served.member in members:
                members.move_to_end(served.member)

    def _order(self) -> Iterator[Ticket]:
        """Yield the waiting tickets in the order in which they will be called."""
        by_guild = [_in_turns(list(members.values())) for members in self._guilds.values()]
        yield from _in_turns(by_guild)

    def _tell_positions(self) -> None:
        for position, ticket in enumerate(self._order(), start=1):
            ticket.move(position)


class Ticket:
    """A place in the queue, and then one of the places where answers are made."""

    def __init__(self, guild: GuildId, member: MemberId) -> None:
        self.guild = guild
        self.member = member
        self.position = 0
        """From 1 while waiting, 0 when called."""
        self.called = False
        self._moved = asyncio.Event()

    async def wait(self, moved: Callable[[int], None]) -> None:
        """Return when it is this one's turn; `moved` hears each new position before that."""
        while not self.called:
            self._moved.clear()
            moved(self.position)
            await self._moved.wait()

    def call(self) -> None:
        """For the queue: it is this one's turn."""
        self.called, self.position = True, 0
        self._moved.set()

    def move(self, position: int) -> None:
        """For the queue: this one now stands here."""
        if position != self.position:
            self.position = position
            self._moved.set()


def _in_turns(rows: list[deque[Ticket]] | list[Iterator[Ticket]]) -> Iterator[Ticket]:
    """Yield the first of every row, then the second of every row, and so on."""
    for turn in zip_longest(*rows):
        yield from (ticket for ticket in turn if ticket is not None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """How much a member may ask: `questions` within `seconds`, at most a day. 0 questions mean no limit."""

    questions: int
    seconds: float

    @property
    def rate(self) -> float:
        return self.questions / self.seconds if self.questions else float("inf")


@dataclass(slots=True)
class Cooldowns:
    """Remembers when each member asked. Members who have not asked for long are forgotten."""

    clock: Callable[[], float] = time.monotonic
    _asked: OrderedDict[tuple[GuildId, MemberId], deque[float]] = field(default_factory=OrderedDict)

    def take(self, guild: GuildId, member: MemberId, allowance: Allowance) -> float:
        """Count one question and return 0, or return the seconds after which it may be asked."""
        if not allowance.questions:
            return 0.0
        now = self.clock()
        asked = self._asked.setdefault((guild, member), deque())
        while asked and asked[0] <= now - allowance.seconds:
            asked.popleft()
        if len(asked) >= allowance.questions:
            return asked[0] + allowance.seconds - now
        asked.append(now)
        self._asked.move_to_end((guild, member))
        self._forget(now)
        return 0.0

    def _forget(self, now: float) -> None:
        while self._asked and next(iter(self._asked.values()))[-1] < now - LONGEST_SECONDS:
            self._asked.popitem(last=False)


def allowance_of(roles: frozenset[int], by_role: Mapping[int, Allowance], default: Allowance) -> Allowance:
    """Return the most generous allowance among a member's roles, else the default."""
    given = [allowance for role, allowance in by_role.items() if role in roles]
    return max(given, key=lambda allowance: allowance.rate, default=default)
