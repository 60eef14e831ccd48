"""The order in which questions are answered, and who is refused."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.contracts import GuildId, MemberId
from bot.fairness import Allowance, Cooldowns, FairQueue, QueueFullError, Ticket, allowance_of


class _Line:
    """A queue with the blocks of those in it, so that a test can end each when it wants."""

    def __init__(self, *, slots: int = 1, capacity: int = 100, per_member: int = 100) -> None:
        self.queue = FairQueue(slots=slots, capacity=capacity, per_member=per_member)
        self.blocks: dict[Ticket, ExitStack] = {}

    def enter(self, guild: str, member: str) -> Ticket:
        block = ExitStack()
        ticket = block.enter_context(self.queue.enter(GuildId(guild), MemberId(member)))
        self.blocks[ticket] = block
        return ticket

    def leave(self, ticket: Ticket) -> None:
        self.blocks.pop(ticket).close()

    def serve_all(self) -> list[str]:
        """End whoever is called, again and again; return the members in order."""
        served = []
        while called := [ticket for ticket in self.blocks if ticket.called]:
            served.append(called[0].member)
            self.leave(called[0])
        return list(served)


@pytest.mark.parametrize(
    ("asked", "order"),
    [
        (["a.x", "a.x", "a.x"], "xxx"),
        (["a.x", "a.x", "a.x", "a.y"], "xxyx"),
        (["a.x", "a.x", "a.x", "b.z"], "xxzx"),
        (["a.x", "a.x", "a.y", "a.w", "b.z"], "xxzyw"),
        (["a.x", "a.y", "a.w", "b.z", "b.z"], "xyzwz"),
    ],
)
def test_guilds_and_members_take_turns(asked: Sequence[str], order: str) -> None:
    line = _Line()
    for who in asked:
        line.enter(*who.split("."))
    assert "".join(line.serve_all()) == order


def test_ten_questions_of_one_member_do_not_delay_the_one_of_another() -> None:
    line = _Line()
    for _ in range(10):
        line.enter("a", "eager")
    calm = line.enter("a", "calm")
    assert calm.position == 2


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("xyz")), min_size=1, max_size=25))
def test_the_position_shown_is_the_order_served(asked: list[tuple[str, str]]) -> None:
    line = _Line()
    tickets = [line.enter(guild, member) for guild, member in asked]
    waiting = sorted((ticket for ticket in tickets if not ticket.called), key=lambda each: each.position)
    assert [ticket.position for ticket in waiting] == list(range(1, len(waiting) + 1))
    line.leave(tickets[0])
    for ticket in waiting:
        assert ticket.called
        line.leave(ticket)
    assert line.queue.waiting == 0


def test_as_many_run_as_there_are_slots() -> None:
    line = _Line(slots=3)
    tickets = [line.enter("a", str(number)) for number in range(5)]
    assert [ticket.called for ticket in tickets] == [True, True, True, False, False]
    assert [ticket.position for ticket in tickets[3:]] == [1, 2]


def test_a_free_slot_is_taken_again() -> None:
    line = _Line()
    line.leave(line.enter("a", "x"))
    assert line.enter("a", "x").called


def test_who_gives_up_makes_room() -> None:
    line = _Line()
    line.enter("a", "x")
    first, second = line.enter("a", "y"), line.enter("a", "z")
    line.leave(first)
    assert second.position == 1


def test_a_full_queue_refuses() -> None:
    line = _Line(capacity=1)
    line.enter("a", "x")
    line.enter("a", "y")
    with pytest.raises(QueueFullError) as refused:
        line.enter("b", "z")
    assert not refused.value.own


def test_one_member_cannot_fill_the_queue() -> None:
    line = _Line(per_member=2)
    for _ in range(3):
        line.enter("a", "x")
    with pytest.raises(QueueFullError) as refused:
        line.enter("a", "x")
    assert refused.value.own
    assert line.enter("a", "y").position == 2


async def test_who_waits_hears_of_each_position() -> None:
    line = _Line()
    first, second = line.enter("a", "x"), line.enter("a", "y")
    third = line.enter("a", "z")
    heard: list[int] = []

    def moved(position: int) -> None:
        heard.append(position)
        line.leave(first if position == 2 else second)

    await third.wait(moved)
    assert heard == [2, 1]


def test_a_cooldown_counts_within_its_window() -> None:
    now = 0.0
    cooldowns = Cooldowns(clock=lambda: now)
    allowance = Allowance(questions=2, seconds=10)
    me = (GuildId("a"), MemberId("x"))
    assert [cooldowns.take(*me, allowance) for _ in range(2)] == [0, 0]
    now = 4.0
    assert cooldowns.take(*me, allowance) == 6.0
    assert cooldowns.take(GuildId("a"), MemberId("y"), allowance) == 0
    assert cooldowns.take(GuildId("b"), MemberId("x"), allowance) == 0
    now = 10.5
    assert cooldowns.take(*me, allowance) == 0


def test_a_refused_question_does_not_count() -> None:
    times = iter((0.0, 5.0, 9.0, 10.0))
    cooldowns = Cooldowns(clock=lambda: next(times))
    allowance = Allowance(questions=1, seconds=10)
    waits = [cooldowns.take(GuildId("a"), MemberId("x"), allowance) for _ in range(4)]
    assert waits == [0.0, 5.0, 1.0, 0.0]


def test_members_who_left_long_ago_are_forgotten() -> None:
    now = 0.0
    cooldowns = Cooldowns(clock=lambda: now)
    for number in range(100):
        cooldowns.take(GuildId("a"), MemberId(str(number)), Allowance(questions=5, seconds=30))
    now = 90_000.0
    cooldowns.take(GuildId("a"), MemberId("late"), Allowance(questions=5, seconds=30))
    assert len(cooldowns._asked) == 1


_DEFAULT = Allowance(questions=2, seconds=60)
_MORE = Allowance(questions=10, seconds=60)
_UNLIMITED = Allowance(questions=0, seconds=60)


@pytest.mark.parametrize(
    ("roles", "expected"),
    [
        ([], _DEFAULT),
        ([9], _DEFAULT),
        ([1], _MORE),
        ([1, 2], _UNLIMITED),
    ],
)
def test_the_most_generous_role_counts(roles: list[int], expected: Allowance) -> None:
    assert allowance_of(frozenset(roles), {1: _MORE, 2: _UNLIMITED}, _DEFAULT) == expected
