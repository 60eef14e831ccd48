"""The pace of a channel, on a clock that the test moves."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from itertools import pairwise

import pytest

from bot.pacing import Pacing


class _Clock:
    """Time passes only when somebody sleeps; sleepers wake in order."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        until = self.now + seconds
        for _ in range(3):
            await asyncio.sleep(0)
        self.now = max(self.now, until)


class _Wire:
    """What was sent, when, and what Discord answers."""

    def __init__(self, clock: _Clock) -> None:
        self.clock = clock
        self.sent: list[tuple[float, str, str]] = []
        self.asked = 0.0
        self.under_way = 0
        self.most_under_way = 0

    def edit(self, message: str) -> Callable[[str], Awaitable[float]]:
        async def send(text: str) -> float:
            self.under_way += 1
            self.most_under_way = max(self.most_under_way, self.under_way)
            await asyncio.sleep(0)
            self.under_way -= 1
            self.sent.append((self.clock.now, message, text))
            asked, self.asked = self.asked, 0.0
            return asked

        return send

    def final(self, message: str, text: str) -> Callable[[], Awaitable[None]]:
        async def send() -> None:
            await self.edit(message)(text)

        return send


@pytest.fixture
def clock() -> _Clock:
    return _Clock()


@pytest.fixture
def wire(clock: _Clock) -> _Wire:
    return _Wire(clock)


@pytest.fixture
def pacing(clock: _Clock) -> Pacing:
    return Pacing(1.0, clock=clock, sleep=clock.sleep)


async def _settle() -> None:
    for _ in range(200):
        await asyncio.sleep(0)


async def test_only_the_newest_text_is_sent(pacing: Pacing, wire: _Wire) -> None:
    stream = pacing.stream("channel", wire.edit("m"))
    for word in ("a", "ab", "abc"):
        stream.show(word)
    await _settle()
    assert [text for _, _, text in wire.sent] == ["abc"]


async def test_edits_of_one_channel_are_an_interval_apart(pacing: Pacing, wire: _Wire) -> None:
    first, second = pacing.stream("channel", wire.edit("1")), pacing.stream("channel", wire.edit("2"))
    for number in range(3):
        first.show(f"a{number}")
        second.show(f"b{number}")
        await _settle()
    times = [at for at, _, _ in wire.sent]
    assert all(later - earlier >= 1.0 for earlier, later in pairwise(times))
    assert [message for _, message, _ in wire.sent[:2]] == ["1", "2"]
    assert wire.most_under_way == 1


async def test_channels_do_not_wait_for_each_other(pacing: Pacing, wire: _Wire) -> None:
    for channel in "abc":
        pacing.stream(channel, wire.edit(channel)).show("text")
    await _settle()
    assert [at for at, _, _ in wire.sent] == [0.0, 0.0, 0.0]


async def test_a_message_that_was_just_posted_is_left_alone_for_an_interval(
    pacing: Pacing, wire: _Wire
) -> None:
    posted = pacing.stream("channel", wire.edit("posted"), posted=True)
    posted.show("searching")
    pacing.stream("channel", wire.edit("older")).show("text")
    await _settle()
    posted.show("found")
    await _settle()
    assert wire.sent == [(0.0, "older", "text"), (1.0, "posted", "searching"), (2.0, "posted", "found")]


async def test_a_quick_answer_is_one_edit(pacing: Pacing, wire: _Wire) -> None:
    stream = pacing.stream("channel", wire.edit("m"), posted=True)
    stream.show("searching")
    await stream.finish(wire.final("m", "the end"))
    await _settle()
    assert wire.sent == [(0.0, "m", "the end")]


async def test_the_final_text_is_sent_at_once_and_nothing_after_it(pacing: Pacing, wire: _Wire) -> None:
    stream = pacing.stream("channel", wire.edit("m"))
    stream.show("a")
    await asyncio.sleep(0)
    stream.show("ab")
    await stream.finish(wire.final("m", "the end"))
    stream.show("too late")
    await _settle()
    assert wire.sent[-1] == (0.0, "m", "the end")
    assert "ab" not in [text for _, _, text in wire.sent]


async def test_a_final_text_takes_a_turn_from_the_others(pacing: Pacing, wire: _Wire) -> None:
    ending, other = pacing.stream("channel", wire.edit("1")), pacing.stream("channel", wire.edit("2"))
    await ending.finish(wire.final("1", "the end"))
    other.show("still going")
    await _settle()
    assert wire.sent == [(0.0, "1", "the end"), (1.0, "2", "still going")]


async def test_what_discord_asks_for_is_waited_for(pacing: Pacing, wire: _Wire) -> None:
    stream = pacing.stream("channel", wire.edit("m"))
    wire.asked = 30.0
    stream.show("a")
    await _settle()
    stream.show("ab")
    await _settle()
    assert [at for at, _, _ in wire.sent] == [0.0, 30.0]


async def test_the_same_text_is_not_sent_twice(pacing: Pacing, wire: _Wire) -> None:
    stream = pacing.stream("channel", wire.edit("m"))
    stream.show("a")
    await _settle()
    stream.show("a")
    await _settle()
    assert len(wire.sent) == 1


async def test_a_final_text_that_fails_leaves_the_channel_usable(pacing: Pacing, wire: _Wire) -> None:
    async def fail() -> None:
        raise RuntimeError("gone")

    with pytest.raises(RuntimeError, match="gone"):
        await pacing.stream("channel", wire.edit("1")).finish(fail)
    pacing.stream("channel", wire.edit("2")).show("on")
    await _settle()
    assert [message for _, message, _ in wire.sent] == ["2"]


async def test_idle_channels_are_forgotten(pacing: Pacing, wire: _Wire, clock: _Clock) -> None:
    for channel in range(50):
        await pacing.stream(channel, wire.edit("m")).finish(wire.final("m", "the end"))
        clock.now += 2
    assert len(pacing._channels) <= 2
