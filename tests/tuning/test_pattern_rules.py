"""Each of the seven rules at its bounds, and the attacks it is there for."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import pytest

from agent.contracts import EpisodeId, MemberId, Role
from agent.serving.served import Task
from tests.agent.journal.episodes import NOON
from tuning.patterns.phrases import Phrase
from tuning.patterns.rules import (
    Cause,
    Remark,
    Statistic,
    agreement,
    calm,
    independence,
    learnable,
    member_weights,
    recurrence,
    significance,
    volume,
)


def said(
    member: str, hours: float = 0, value: str = "pool", role: Role = Role.MEMBER, weight: float = 1.0
) -> Remark:
    at = NOON + timedelta(hours=hours)
    return Remark(
        member=MemberId(member),
        role=role,
        at=at,
        weight=weight,
        value=value,
        episode=EpisodeId(f"{member} {hours}"),
        task=Task.ROUTE,
    )


@pytest.mark.parametrize(
    ("task", "of_category", "in_all", "met"),
    [
        (Task.ROUTE, 30, 100, True),
        (Task.ROUTE, 29, 100, False),
        (Task.ROUTE, 30, 99, False),
        (Task.ANSWER, 0, 150, True),
        (Task.ANSWER, 149, 149, False),
    ],
)
def test_volume(task: Task, of_category: int, in_all: int, met: bool) -> None:
    assert volume(task, of_category, in_all).met is met


@pytest.mark.parametrize(
    ("hours", "met"),
    [
        ([0, 24, 48, 72], True),
        ([0, 24, 48, 71], False),
        ([0, 1, 2, 3, 80], False),
        ([0, 72], False),
        ([0, 1, 24, 72], True),
        ([0, 1, 2, 24, 72], False),
        ([], False),
    ],
)
def test_recurrence(hours: list[float], met: bool) -> None:
    assert recurrence([said("ana", hour) for hour in hours]).met is met


TWO_ADMINS = [said("ana", role=Role.ADMIN), said("ben", role=Role.ADMIN)]


@pytest.mark.parametrize(
    ("remarks", "met"),
    [
        ([said("ana"), said("ben"), said("cai")], True),
        ([said("ana"), said("ben")], False),
        (TWO_ADMINS, True),
        ([said("ana", value="", role=Role.ADMIN), said("ben", value="", role=Role.ADMIN)], False),
        ([said("ana", role=Role.ADMIN), said("ana", 24, role=Role.ADMIN)], False),
        ([said("ana"), said("ana", 24), said("ben"), said("cai")], False),
        ([*(said("ana", day * 24) for day in range(30)), said("ben"), said("cai"), said("dee")], False),
        ([said("ana", weight=0.0)], False),
        ([], False),
    ],
)
def test_independence(remarks: Sequence[Remark], met: bool) -> None:
    assert independence(remarks).met is met


def test_of_a_burst_only_the_first_few_of_a_day_count() -> None:
    weights = member_weights([*(said("ana", minute / 60) for minute in range(50)), said("ana", 24)])
    assert weights == {"ana": 4.0}


@pytest.mark.parametrize(
    ("remarks", "met"),
    [
        ([said(f"m{number}") for number in range(6)], True),
        ([said(f"m{number}") for number in range(5)], False),
        ([said("ana", hour) for hour in range(20)], False),
        ([said(member, day * 24) for member in ("ana", "ben", "cai") for day in range(2)], True),
        ([said(member, day * 24) for member in ("ana", "ben") for day in range(9)], False),
        ([said(member, hour) for member in ("ana", "ben", "cai") for hour in range(4)], False),
        ([said("ana", day * 24) for day in range(20)] + [said("ben"), said("cai"), said("dee")], False),
        ([said(member, day * 24, "pool" if day else "car") for member in "abc" for day in range(2)], False),
        (TWO_ADMINS, True),
        ([*TWO_ADMINS, said("cai", role=Role.ADMIN, value="car")], False),
        ([said(f"m{number}", value="pool" if number % 2 else "car") for number in range(20)], False),
        ([said(f"m{number}", value="") for number in range(20)], False),
        ([], False),
    ],
)
def test_agreement(remarks: Sequence[Remark], met: bool) -> None:
    assert agreement(remarks).met is met


@pytest.mark.parametrize(
    ("members", "content", "met"),
    [(3, 1, True), (3, 2, False), (4, 1, True), (4, 2, False), (5, 2, True), (6, 50, True)],
)
def test_a_few_are_not_enough_where_half_as_many_others_are_content(
    members: int, content: int, met: bool
) -> None:
    remarks = [said(f"m{number}", day * 24) for number in range(members) for day in range(2)]
    others = {MemberId(f"other {number}") for number in range(content)}
    # Who says otherwise now was content once, and is no voice against themselves.
    assert agreement(remarks, content=others | {MemberId("m0")}).met is met


def test_few_who_agree_are_told_in_words() -> None:
    remarks = [said(member, day * 24) for member in ("ana", "ben", "cai") for day in range(2)]
    assert agreement(remarks, content={MemberId("dee")}).words == (
        "3 of 3 say pool, 0 admins among them; 6 of 6 with what they said again on another day; "
        "others who found such answers helpful as they are: 1"
    )


def test_agreement_is_told_in_words() -> None:
    remarks = [
        said("ana", value="car"),
        said("ana", 1),
        said("ben", role=Role.ADMIN),
        said("cai", value="car"),
    ]
    assert agreement(remarks).words == "2 of 3 say pool, 1 admin among them"


@pytest.mark.parametrize(
    ("now_searched", "met"), [("", True), ("car", True), ("pool", False)], ids=["any", "another", "the same"]
)
def test_agreement_on_what_is_searched_already_changes_nothing(now_searched: str, met: bool) -> None:
    assert agreement([said(f"m{number}") for number in range(6)], now_searched).met is met


@pytest.mark.parametrize(
    ("worse", "alarm", "words"),
    [
        (True, False, "fails more than at first, by chance 1 time in 1,200"),
        (False, True, "its category fell some time ago"),
        (True, True, "fails more than at first, by chance 1 time in 1,200; its category fell some time ago"),
        (False, False, "may be chance"),
    ],
)
def test_significance(worse: bool, alarm: bool, words: str) -> None:
    finding = significance(Statistic(worse=worse, alarm=alarm, odds=1200, without=Phrase("chance")))
    assert (finding.met, finding.words) == (worse or alarm, words)


@pytest.mark.parametrize(
    ("causes", "met"),
    [
        ({Cause.ROUTER: 8, Cause.GROUNDING: 2}, True),
        ({Cause.ROUTER: 7, Cause.STYLE: 3}, False),
        ({Cause.GROUNDING: 10}, False),
        ({}, False),
    ],
)
def test_learnable(causes: dict[Cause, int], met: bool) -> None:
    assert learnable(causes).met is met


@pytest.mark.parametrize(
    ("unusual", "days", "new", "before", "met"),
    [
        ((), None, 100, 0, True),
        ((), 7, 20, 100, True),
        ((), 6, 20, 100, False),
        ((), 7, 19, 100, False),
        ((Phrase("suspect"),), None, 100, 0, False),
    ],
)
def test_calm(unusual: tuple[Phrase, ...], days: int | None, new: int, before: int, met: bool) -> None:
    since = None if days is None else timedelta(days=days)
    assert calm(unusual, since, new, before).met is met
