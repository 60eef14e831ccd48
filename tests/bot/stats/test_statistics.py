"""What the figures count, and of what they say nothing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from zoneinfo import ZoneInfo

import pytest

from agent.contracts import AnswerKind, Episode, Feedback, Intent, Role, RouteDecision
from bot.statistics import Statistics, Tally, routed_right, share_of
from tests.agent.journal.episodes import a_route
from tests.bot.stats.turns import NOON, an_answer, asked, correction, turn, vote
from tuning.labels.cases import Turn

_DAY = timedelta(days=1)
_UTC = ZoneInfo("UTC")
Say = Callable[[Episode], list[Feedback]]


def _counted(*turns: Turn, days: int = 30, zone: ZoneInfo = _UTC) -> Statistics:
    tally = Tally(NOON.date(), days, zone)
    for each in turns:
        tally.see(each)
    return tally.statistics()


@pytest.mark.parametrize(
    ("say", "right"),
    [
        (lambda e: [], None),
        (lambda e: [vote(e, 1)], True),
        (lambda e: [vote(e, -1)], None),
        (lambda e: [vote(e, 1), vote(e, -1, "ben")], None),
        (lambda e: [correction(e, "car")], False),
        (lambda e: [correction(e, "pool")], True),
        (lambda e: [vote(e, 1), correction(e, "car", "ben")], False),
        (lambda e: [correction(e, "car"), correction(e, "pool", "ben")], None),
        (lambda e: [correction(e, "car"), correction(e, "pool", "ben", Role.ADMIN)], True),
        (lambda e: [correction(e, "pool"), correction(e, "car", "ben", Role.REVIEWER)], False),
    ],
)
def test_what_members_say_of_a_route_of_one_topic(say: Say, right: bool | None) -> None:
    episode = asked("pool")
    assert routed_right(turn(episode, *say(episode))) is right


@pytest.mark.parametrize(
    ("categories", "decision", "topic", "right"),
    [
        (("pool", "car"), RouteDecision.UNION, "car", True),
        (("pool", "car"), RouteDecision.UNION, "cooking", False),
        ((), RouteDecision.OUT_OF_SCOPE, "pool", False),
        ((), RouteDecision.UNFILTERED, "pool", None),
        (("pool",), RouteDecision.GIVEN, "car", None),
    ],
)
def test_a_correction_is_judged_by_what_the_router_decided(
    categories: tuple[str, ...], decision: RouteDecision, topic: str, right: bool | None
) -> None:
    episode = asked(route=a_route(*categories, decision=decision))
    assert routed_right(turn(episode, correction(episode, topic, role=Role.ADMIN))) is right


def test_a_vote_confirms_no_topic_of_an_answer_without_quotes() -> None:
    declined = asked("pool", answer=an_answer(AnswerKind.DECLINED))
    assert routed_right(turn(declined, vote(declined, 1))) is None


@pytest.mark.parametrize(
    ("good", "total", "share", "low", "high"),
    [
        (0, 0, None, 0.0, 1.0),
        (8, 10, 0.8, 0.490, 0.943),
        (0, 10, 0.0, 0.0, 0.278),
        (10, 10, 1.0, 0.722, 1.0),
        (410, 500, 0.82, 0.784, 0.851),
    ],
)
def test_a_share_has_wilsons_interval(
    good: int, total: int, share: float | None, low: float, high: float
) -> None:
    found = share_of(good, total)
    assert found.share == share
    assert (found.low, found.high) == pytest.approx((low, high), abs=0.001)


def test_questions_are_counted_by_how_they_ended() -> None:
    declined = asked("pool", answer=an_answer(AnswerKind.DECLINED))
    failed = asked("pool", answer=None, error="gone", error_id="e1")
    small_talk = asked(intent=Intent.SMALL_TALK)
    total = _counted(*map(turn, (asked("pool"), declined, failed, small_talk))).total
    assert (total.questions, total.answered, total.unanswered, total.failed) == (3, 1, 1, 1)


def test_unanswered_topics_come_with_how_often_they_were_asked() -> None:
    unknown = an_answer(AnswerKind.DECLINED)
    turns = [turn(asked(topic, answer=unknown)) for topic in ("pool", "pool", "car")]
    nowhere = a_route(decision=RouteDecision.OUT_OF_SCOPE)
    turns += [turn(asked("pool")), turn(asked("garden")), turn(asked(answer=unknown, route=nowhere))]
    topics = _counted(*turns).topics
    assert [(each.category, each.unanswered, each.asked) for each in topics] == [
        ("pool", 2, 3),
        (None, 1, 1),
        ("car", 1, 1),
    ]


def test_a_changed_vote_counts_once_and_one_taken_back_not_at_all() -> None:
    first, second = asked("pool"), asked("pool")
    said = _counted(
        turn(first, vote(first, -1), vote(first, 1), vote(first, 1, "ben")),
        turn(second, vote(second, 1), vote(second, 0)),
    ).total.satisfaction
    assert (said.good, said.total) == (2, 2)


def test_latency_is_of_answers_and_by_percentiles() -> None:
    turns = [turn(asked(milliseconds=1000.0 * number)) for number in range(1, 102)]
    turns.append(turn(asked(answer=None, milliseconds=900_000.0)))
    latency = _counted(*turns).total.latency
    assert latency is not None
    assert (latency.p50, latency.p95) == (51.0, 96.0)


@pytest.mark.parametrize(
    ("days", "steps", "first"),
    [
        (1, 1, date(2026, 11, 22)),
        (30, 30, date(2026, 10, 24)),
        (62, 62, date(2026, 9, 22)),
        (63, 9, date(2026, 9, 21)),
        (64, 10, date(2026, 9, 14)),
        (366, 53, date(2025, 11, 17)),
    ],
)
def test_more_than_two_months_are_shown_by_whole_weeks(days: int, steps: int, first: date) -> None:
    found = _counted(days=days)
    assert (len(found.steps), found.total.day, found.until) == (steps, first, NOON.date())


def test_a_question_counts_on_its_day_in_the_guilds_time_zone() -> None:
    late = NOON.replace(hour=23)
    assert _counted(turn(asked(at=late)), days=2).steps[-1].answered == 1
    assert _counted(turn(asked(at=late)), days=2, zone=ZoneInfo("Asia/Tokyo")).total.questions == 0
    assert _counted(turn(asked(at=late - _DAY)), days=2, zone=ZoneInfo("Asia/Tokyo")).steps[-1].answered == 1


@pytest.mark.parametrize(("ago", "counted"), [(0, 1), (6, 1), (7, 0), (-1, 0)])
def test_only_the_days_that_were_asked_for_count(ago: int, counted: int) -> None:
    assert _counted(turn(asked(at=NOON - ago * _DAY)), days=7).total.questions == counted


def test_nothing_is_known_of_nothing() -> None:
    total = _counted().total
    assert (total.questions, total.latency, total.satisfaction.share, total.routing.share) == (
        0,
        None,
        None,
        None,
    )
