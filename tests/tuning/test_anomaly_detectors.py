"""Each detector: what it must see, and what it must not mistake for it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pytest

from agent.contracts import FeedbackKind, Intent, MemberId, Searched, Slug
from tests.agent.journal.episodes import NOON, an_episode, an_event
from tuning.anomalies.anomaly import Found, Kind
from tuning.anomalies.detectors import burst, language, latency, look, retrieval, subject, unanswered
from tuning.anomalies.shares import Bounds, Trial, fisher, risen
from tuning.anomalies.streams import Asked, Stream, Voted, asked, questions, votes

POOL, CAR = Slug("pool"), Slug("car")
DAY = timedelta(days=1)


def a_question(days_ago: float, number: int = 0, **changes: Any) -> Asked:
    values: dict[str, Any] = {
        "at": NOON - timedelta(days=days_ago),
        "member": MemberId(f"m{number % 6}"),
        "category": POOL,
        "starved": False,
        "unanswered": False,
        "language": "en",
        "milliseconds": 1000.0,
    }
    return Asked(**values | changes)


def weeks(bad: dict[str, Any], good: dict[str, Any] | None = None, a_day: int = 5) -> Stream:
    """Five weeks of good questions, of which the last one's are bad."""
    questions = [
        a_question(day + 0.01 * number, number, **((bad if day < 7 else good) or {}))
        for day in reversed(range(35))
        for number in range(a_day)
    ]
    return Stream(asked=sorted(questions, key=lambda each: each.at), voted=())


def kinds(found: Iterator[Found]) -> list[tuple[Kind, str]]:
    return [(each.kind, each.subject) for each in found]


def test_a_category_in_which_less_is_found() -> None:
    assert kinds(retrieval(weeks({"starved": True}), NOON)) == [(Kind.RETRIEVAL, "pool")]
    assert not kinds(retrieval(weeks({}), NOON))
    assert not kinds(retrieval(weeks({"starved": True}, {"starved": True}), NOON))


def test_the_category_beside_it_is_not_blamed() -> None:
    stream = weeks({"starved": True})
    others = [a_question(day + 0.5, day, category=CAR) for day in reversed(range(35)) for _ in range(3)]
    both = sorted([*stream.asked, *others], key=lambda each: each.at)
    assert kinds(retrieval(Stream(asked=both, voted=()), NOON)) == [(Kind.RETRIEVAL, "pool")]


def test_more_questions_without_an_answer() -> None:
    assert kinds(unanswered(weeks({"unanswered": True}), NOON)) == [(Kind.UNANSWERED, "")]
    assert not kinds(unanswered(weeks({}, {"unanswered": True}), NOON)), "a fall is good news"


def test_one_member_s_questions_are_not_everybody_s() -> None:
    stream = weeks({"unanswered": True, "member": MemberId("m1")})
    assert not kinds(unanswered(stream, NOON))


def test_another_language() -> None:
    assert kinds(language(weeks({"language": "es"}), NOON)) == [(Kind.LANGUAGE, "es")]
    assert not kinds(language(weeks({"language": ""}), NOON)), "too short to tell is no language"


def test_slow_answers() -> None:
    slow = [
        a_question(day, n, milliseconds=5000.0 if day < 1 else 1000.0 + n)
        for day in range(20)
        for n in range(12)
    ]
    ordered = tuple(sorted(slow, key=lambda each: each.at))
    (found,) = latency(Stream(asked=ordered, voted=()), NOON)
    assert found.figures == {"now": 5.0, "before": 1.0}
    a_little = [
        a_question(day, n, milliseconds=1400.0 if day < 1 else 1000.0 + n)
        for day in range(20)
        for n in range(12)
    ]
    assert not list(latency(Stream(asked=sorted(a_little, key=lambda each: each.at), voted=()), NOON))


def cast(hours_ago: float, helpful: bool = False) -> Voted:
    return Voted(at=NOON - timedelta(hours=hours_ago), helpful=helpful)


@pytest.mark.parametrize(
    ("usual", "within_an_hour", "seen"),
    [(2, 12, True), (2, 11, False), (6, 13, True), (6, 12, False), (0, 12, False), (0, 24, True)],
)
def test_a_burst_is_much_more_than_any_hour_before(usual: int, within_an_hour: int, seen: bool) -> None:
    past = [cast(24 * day + 0.1 * n) for day in range(2, 28) for n in range(usual)]
    now = [cast(2 + n / within_an_hour / 2) for n in range(within_an_hour)]
    stream = Stream(asked=(), voted=sorted([*past, *now], key=lambda each: each.at))
    assert kinds(burst(stream, NOON)) == ([(Kind.BURST, "unhelpful")] if seen else [])


def test_as_many_over_a_day_are_no_burst() -> None:
    past = [cast(24 * day) for day in range(2, 28)]
    spread = [cast(n) for n in range(20)]
    assert not kinds(burst(Stream(asked=(), voted=sorted([*past, *spread], key=lambda e: e.at)), NOON))


def vectors(stream: Stream, rng: np.random.Generator, new: bool) -> Stream:
    """Questions about one of four things; the recent ones, where they are new, about a fifth."""
    things = np.linalg.qr(rng.normal(size=(32, 5)))[0].T
    rows = [
        things[4 if new and each.at > NOON - 7 * DAY else number % 4] + 0.1 * rng.normal(size=32)
        for number, each in enumerate(stream.asked)
    ]
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return Stream(asked=stream.asked, voted=(), vectors=(np.asarray(rows) / lengths).astype(np.float32))


def test_questions_about_something_else() -> None:
    rng = np.random.default_rng(1)
    assert kinds(subject(vectors(weeks({}), rng, new=True), NOON)) == [(Kind.SUBJECT, "")]
    assert not kinds(subject(vectors(weeks({}), rng, new=False), NOON))
    assert not kinds(subject(weeks({}), NOON)), "nothing is said where no embedder is at hand"


@pytest.mark.parametrize("stream", [Stream(asked=(), voted=()), weeks({}), weeks({}, a_day=1)])
def test_a_guild_that_is_new_or_as_always_is_left_alone(stream: Stream) -> None:
    assert look(stream, NOON) == ()


def test_fisher_is_the_hypergeometric_tail() -> None:
    # The tea tasting of Fisher 1935: four of four, and three of four.
    assert fisher(4, 4, 0, 4) == pytest.approx(1 / 70)
    assert fisher(3, 4, 1, 4) == pytest.approx(17 / 70)
    assert fisher(0, 5, 3, 5) == pytest.approx(1.0)


def test_a_rise_needs_a_past() -> None:
    bounds = Bounds(level=0.05, by=0.1, least=5)
    bad = [Trial(NOON - timedelta(hours=n), MemberId(f"m{n}"), True) for n in reversed(range(20))]
    good = [Trial(NOON - timedelta(days=8 + n), MemberId(f"m{n}"), False) for n in reversed(range(20))]
    assert risen(bad, NOON, bounds) is None
    assert risen([*good, *bad], NOON, bounds) is not None
    assert risen([*good[:19], *bad], NOON, bounds) is None


def test_what_an_episode_says() -> None:
    searched = Searched(
        categories=(POOL,), constraints=_nothing(), widened=True, queries=(), index_version="v1"
    )
    said = asked(an_episode(searched=searched, timings={"total": 250.0}))
    assert (said.category, said.starved, said.unanswered, said.milliseconds) == (POOL, True, False, 250.0)
    assert asked(an_episode(answer=None, evidence=())).unanswered
    assert asked(an_episode(evidence=())).starved
    assert asked(an_episode()).category is None


def _nothing() -> Any:
    from agent.contracts import Constraints

    return Constraints()


def test_only_questions_and_votes_are_looked_at() -> None:
    question, talk = an_episode(), an_episode(intent=Intent.SMALL_TALK)
    assert questions([talk, question]) == (question,)
    events = [
        an_event(question, FeedbackKind.VOTE, {"vote": -1}),
        an_event(question, FeedbackKind.VOTE, {"vote": 0}),
        an_event(question, FeedbackKind.COMMENT, {"text": "hm"}),
    ]
    assert votes(events) == (Voted(at=events[0].at, helpful=False),)


def test_the_future_is_not_looked_at() -> None:
    later = datetime(2027, 1, 1, tzinfo=NOON.tzinfo)
    stream = weeks({"starved": True})
    assert look(Stream(asked=stream.asked, voted=()), later) == ()
