"""Each rule by which a message finds its conversation."""

from __future__ import annotations

import pytest

from agent.contracts import MemberId
from bot.history.grouping import MOST, QUIET, Talk, grouped, quiet_before
from bot.history.said import Said

_MINUTE = 60 * 1000
_START = 10**12


def _id(minute: float) -> int:
    """A message of that minute."""
    return int(_START + minute * _MINUTE) << 22


def _said(minute: float, who: str, *, answers: float | None = None, mentions: tuple[str, ...] = ()) -> Said:
    return Said(
        message=_id(minute),
        member=MemberId(who),
        name=who,
        words=f"{who} at {minute}",
        answers=None if answers is None else _id(answers),
        mentions=frozenset(map(MemberId, mentions)),
    )


def _groups(*page: Said, known: tuple[Talk, ...] = (), thread: bool = False) -> list[float]:
    """The minute in which each message's conversation was opened."""
    keys = grouped(page, known, thread=thread)
    return [((key >> 22) - _START) / _MINUTE for key in keys]


_TWO = (_said(0, "ana"), _said(40, "ben"), _said(41, "cleo", answers=0))
"""ana's conversation, opened at 0 and reopened at 41, and ben's of minute 40."""


@pytest.mark.parametrize(
    ("page", "expected"),
    [
        ([_said(0, "ana")], [0]),
        ([_said(0, "ana"), _said(29, "ben")], [0, 0]),
        ([_said(0, "ana"), _said(31, "ana")], [0, 31]),
        ([_said(0, "ana"), _said(20, "ben"), _said(40, "cleo")], [0, 0, 0]),
        ([*_TWO], [0, 40, 0]),
        ([*_TWO, _said(42, "dan")], [0, 40, 0, 0]),
        ([*_TWO, _said(42, "ben")], [0, 40, 0, 40]),
        ([*_TWO, _said(42, "dan", mentions=("ben",))], [0, 40, 0, 40]),
        ([*_TWO, _said(42, "ben", mentions=("cleo",))], [0, 40, 0, 0]),
        ([*_TWO, _said(42, "dan", mentions=("nobody",))], [0, 40, 0, 0]),
        ([*_TWO, _said(42, "cleo", answers=40)], [0, 40, 0, 40]),
        ([*_TWO, _said(500, "ben", answers=40), _said(501, "dan")], [0, 40, 0, 40, 40]),
        ([_said(0, "ana"), _said(31, "ben", answers=5)], [0, 31]),
    ],
    ids=[
        "the first opens one",
        "who speaks soon after joins",
        "silence ends it, for the same speaker too",
        "silence counts from the last message",
        "a late reply joins what it answers",
        "a stranger joins what was active last",
        "who speaks in one goes on there",
        "a mention leads to whom it names",
        "a mention counts before the own conversation",
        "a mention of nobody who speaks says nothing",
        "a reply counts before the own conversation",
        "a reply revives its conversation",
        "a reply to what is not kept is as none",
    ],
)
def test_the_first_rule_that_finds_a_conversation_decides(page: list[Said], expected: list[float]) -> None:
    assert _groups(*page) == expected


def test_a_thread_is_one_conversation_whatever_time_passes() -> None:
    assert _groups(_said(0, "ana"), _said(10**5, "ben"), thread=True) == [0, 0]


@pytest.mark.parametrize("thread", [False, True])
def test_a_full_conversation_takes_no_more(thread: bool) -> None:
    page = [_said(number / 60, "ana") for number in range(MOST + 1)]
    assert set(_groups(*page[:-1], thread=thread)) == {0}
    assert _groups(*page, thread=thread)[-1] == MOST / 60


def test_an_answered_conversation_that_is_full_is_not_joined() -> None:
    full = Talk(opened=_id(0), size=MOST, said={_id(0): MemberId("ana")})
    assert _groups(_said(90, "ben", answers=0), known=(full,)) == [90]


@pytest.mark.parametrize("cut", range(1, 6))
def test_pages_decide_as_one(cut: int) -> None:
    page = [*_TWO, _said(42, "ben"), _said(43, "dan", mentions=("cleo",)), _said(90, "ana", answers=40)]
    whole = grouped(page, (), thread=False)
    first = grouped(page[:cut], (), thread=False)
    known: dict[int, Talk] = {}
    for said, key in zip(page[:cut], first, strict=True):
        known.setdefault(key, Talk(opened=key)).take(said)
    assert first + grouped(page[cut:], tuple(known.values()), thread=False) == whole


def test_what_is_active_begins_so_many_milliseconds_earlier() -> None:
    assert quiet_before(_id(60)) == (_START + 60 * _MINUTE - QUIET) << 22
    assert quiet_before(0) == 0
