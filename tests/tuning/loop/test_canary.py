"""An adapter that members like less is taken back soon, and one that they like as well is not."""

from __future__ import annotations

import math
from datetime import timedelta

import numpy as np
import pytest

from agent.contracts import Episode, FeedbackKind, MemberId, ModelInfo, Route, RouteDecision, Slug
from agent.database.engine import Database
from agent.journal.sql import SqlJournal
from agent.serving.served import Task
from tests.agent.journal.episodes import an_episode, an_event
from tests.tuning.loop.paper import HOME, NIGHT
from tuning.loop import canary
from tuning.loop.canary import Finding, Satisfaction, baseline_of, is_worse, judge_canary
from tuning.loop.plan import Plan

GOOD, BAD = True, False
DAY = timedelta(days=1)
PLAN = Plan(canary_days=1.0, canary_votes=10)


def said(*judged: bool) -> Satisfaction:
    return Satisfaction(judged=judged)


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        ([], 0.5),
        ([GOOD] * 9, 0.5),
        ([GOOD] * 10, 0.909),
        ([GOOD] * 5 + [BAD] * 5, 0.349),
        ([BAD] * 400, 0.05),
        ([GOOD] * 400, 0.98),
    ],
)
def test_the_baseline_is_careful(before: list[bool], expected: float) -> None:
    assert baseline_of(before) == pytest.approx(expected, abs=0.001)


@pytest.mark.parametrize(
    ("judged", "days", "finding"),
    [
        ((), 0.5, Finding.WAIT),
        ((), 6.9, Finding.WAIT),
        ((), 7.0, Finding.STOOD),
        ((GOOD,) * 10, 0.9, Finding.WAIT),
        ((GOOD,) * 9, 1.0, Finding.WAIT),
        ((GOOD,) * 10, 1.0, Finding.STOOD),
        ((GOOD, BAD) + (GOOD,) * 8, 1.0, Finding.STOOD),
        ((BAD,) * 2, 0.1, Finding.WAIT),
        ((BAD,) * 5, 0.1, Finding.WORSE),
        ((BAD,) * 5, 30.0, Finding.WORSE),
        ((BAD,) * 5 + (GOOD,) * 40, 1.0, Finding.WORSE),
    ],
)
def test_what_becomes_of_a_challenger(judged: tuple[bool, ...], days: float, finding: Finding) -> None:
    assert judge_canary(said(*judged), 0.8, PLAN, days * DAY) is finding


def test_one_that_is_as_good_is_hardly_ever_taken_back() -> None:
    """The bound holds for looking after every vote: of 400 that are as good as before, 5 % at most, and what
    twice the spread of such a count allows for luck."""
    votes = np.random.default_rng(0).random((400, 300)) < 0.8
    wrong = sum(is_worse(said(*map(bool, each)), 0.8) for each in votes)
    assert wrong <= 400 * canary.ALPHA + 2 * math.sqrt(400 * canary.ALPHA * (1 - canary.ALPHA))


def test_one_that_is_much_worse_is_taken_back_within_thirty_votes() -> None:
    votes = np.random.default_rng(0).random((200, 30)) < 0.4
    assert sum(is_worse(said(*map(bool, each)), 0.8) for each in votes) >= 180


@pytest.fixture
def journal(database: Database) -> SqlJournal:
    return SqlJournal(database)


async def voted(journal: SqlJournal, vote: int, *, digest: str = "", days: float = 0.0) -> Episode:
    route = Route(
        scores=(),
        out_of_scope=0.0,
        decision=RouteDecision.SINGLE,
        categories=(Slug("pool"),),
        model_asked=True,
        reason="",
    )
    model = ModelInfo(name="tiny", engine="llama.cpp", digest="b1", adapter_digest=digest)
    episode = an_episode(guild=HOME, asked_at=NIGHT + days * DAY, models=(model,), route=route)
    await journal.record(episode)
    await journal.add_feedback(an_event(episode, FeedbackKind.VOTE, {"vote": vote}, guild=HOME))
    return episode


async def test_each_arm_has_the_questions_that_it_answered(journal: SqlJournal) -> None:
    await voted(journal, 1, days=-100)
    await voted(journal, -1, days=-3)
    await voted(journal, 1, days=-2)
    await voted(journal, -1, digest="f1", days=1)
    await voted(journal, 1, digest="f2", days=1)

    before = await canary.before(journal, HOME, Task.ANSWER, "f1", NIGHT)
    assert before.judged == (BAD, GOOD, GOOD)
    assert (await canary.since(journal, HOME, Task.ANSWER, "f1", NIGHT)).judged == (BAD,)


async def test_a_corrected_route_counts_against_the_router_alone(journal: SqlJournal) -> None:
    episode = await voted(journal, 1, digest="f1")
    correction = an_event(
        episode, FeedbackKind.CORRECTION, {"category": "car"}, guild=HOME, member=MemberId("ben")
    )
    await journal.add_feedback(correction)
    assert (await canary.since(journal, HOME, Task.ROUTE, "f1", NIGHT)).judged == (BAD,)
    assert (await canary.since(journal, HOME, Task.ANSWER, "f1", NIGHT)).judged == ()


async def test_nothing_judged_says_nothing(journal: SqlJournal) -> None:
    found = await canary.since(journal, HOME, Task.ROUTE, "f1", NIGHT)
    assert (found.judged, found.rate) == ((), 1.0)
    assert not is_worse(found, 0.98)
