"""Each attack, and the honest people who look like it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from agent.contracts import MemberId, Role
from agent.serving.served import Task
from tests.agent.journal.episodes import NOON
from tests.tuning.patterns.guild import DECLINED, PLUMBING, Paper, a_label
from tuning.patterns import detect
from tuning.patterns.abuse import account_made
from tuning.patterns.pattern import TRAINS, Action, Candidate
from tuning.patterns.rules import RuleName

NOW = NOON + timedelta(days=10)
OLD = ("ana", "ben", "cai", "dee", "eva", "fay")


def a_guild(members: tuple[str, ...] = OLD) -> Paper:
    """An established guild with a baseline and labels enough, whose members have asked before."""
    paper = Paper()
    for number, member in enumerate(members):
        paper.say(paper.ask(member, -50, f"hello {number}", topic=30), member, vote=1)
    paper.healthy()
    paper.many_labels()
    paper.labels += tuple(a_label(1000 + number, PLUMBING, Task.ANSWER) for number in range(160))
    return paper


def candidates(paper: Paper) -> list[Candidate]:
    return [each for each in detect(paper.history(), now=NOW).candidates if "tub" in each.question]


def trains(paper: Paper) -> bool:
    return any(each.decision.action in TRAINS for each in candidates(paper))


def unmet(candidate: Candidate) -> set[RuleName]:
    return {each.rule for each in candidate.findings if not each.met}


def test_an_account_tells_its_age() -> None:
    assert account_made(MemberId("175928847299117063")) == datetime(
        2016, 4, 30, 11, 18, 25, 796000, tzinfo=UTC
    )
    assert account_made(MemberId("me")) is None
    assert account_made(MemberId("42")) is None


def test_one_members_campaign_is_no_pattern() -> None:
    paper = a_guild()
    for number in range(40):
        paper.corrected("ana", number / 5)
    (candidate,) = candidates(paper)
    assert RuleName.INDEPENDENCE in unmet(candidate)
    assert candidate.decision.action is Action.NOTHING_YET


def test_one_members_campaign_with_two_who_agreed_once_is_no_pattern() -> None:
    paper = a_guild()
    for number in range(40):
        paper.corrected("ana", number / 5)
    paper.corrected("ben", 3)
    paper.corrected("cai", 5)
    (candidate,) = candidates(paper)
    assert RuleName.INDEPENDENCE in unmet(candidate)


def test_a_burst_of_votes_of_few_counts_each_of_them_once() -> None:
    paper = a_guild()
    for number in range(30):
        question = paper.ask("ana", number / 1000)
        for member in OLD[:3]:
            paper.say(question, member, reason="too_long")
    (candidate,) = candidates(paper)
    assert len(candidate.remarks) <= 2 * len(OLD)
    assert not trains(paper)
    assert "came in a burst" in candidate.findings[-1].words


def test_an_outage_of_which_many_complain_in_an_hour_is_heard_and_is_no_pattern_by_itself() -> None:
    paper = a_guild(tuple(f"neighbour{number}" for number in range(14)))
    for number in range(14):
        paper.corrected(f"neighbour{number}", number / 400)
    (candidate,) = candidates(paper)
    assert len(candidate.remarks) == 14
    assert RuleName.RECURRENCE in unmet(candidate)
    assert candidate.findings[-1].words == "nothing unusual"


def test_what_begins_as_an_outage_and_goes_on_for_days_is_a_pattern() -> None:
    members = tuple(f"neighbour{number}" for number in range(14))
    paper = a_guild(members)
    for number in range(14):
        paper.corrected(members[number], number / 400)
    for number in range(15):
        paper.corrected(members[number % 14], 1 + number / 4)
    assert trains(paper)


def test_fresh_accounts_are_not_counted() -> None:
    paper = a_guild()
    for number in range(24):
        paper.corrected(f"new{number % 8}", number / 10)
    assert not candidates(paper)


def test_young_accounts_are_not_counted_by_their_ids() -> None:
    """Their first question was long ago on paper, but no account is older than its id."""
    made = int((NOON - timedelta(days=2) - datetime(2015, 1, 1, tzinfo=UTC)).total_seconds() * 1000)
    young = [str((made + number) << 22) for number in range(6)]
    paper = a_guild((*OLD, *young))
    for number in range(18):
        paper.corrected(young[number % 6], number / 6)
    assert not candidates(paper)


def test_who_joined_long_ago_and_speaks_for_the_first_time_is_counted() -> None:
    paper = a_guild()
    for number in range(12):
        member = f"lurker{number % 6}"
        paper.joined[MemberId(member)] = NOON - timedelta(days=300)
        paper.corrected(member, number // 3 + number % 3 / 10)
    assert trains(paper)


def test_founders_of_a_young_guild_are_counted() -> None:
    paper = Paper()
    for number in range(12):
        paper.corrected(OLD[number % 6], number // 3 + number % 3 / 10)
    (candidate,) = candidates(paper)
    assert len(candidate.remarks) == 12


SOCKS = tuple(f"sock{number}" for number in range(6))


def puppets(paper: Paper, *, apart: float, days: int = 4) -> None:
    """Every day one asks and all the others correct it, each so many minutes after the one before."""
    for day in range(days):
        for hour in (0.0, 0.2):
            question = paper.ask(SOCKS[day % len(SOCKS)], day + hour)
            for place, sock in enumerate(SOCKS):
                paper.say(question, sock, place * apart, category="pool")


def test_puppets_that_never_ask_count_as_one() -> None:
    paper = a_guild()
    for sock in SOCKS:
        paper.joined[MemberId(sock)] = NOON - timedelta(days=300)
    for day in range(5):
        for hour in (0.0, 0.2):
            question = paper.ask("ana", day + hour)
            for place, sock in enumerate(SOCKS):
                paper.say(question, sock, place * 0.8, category="pool")
    (candidate,) = candidates(paper)
    assert {each.member for each in candidate.remarks} == {MemberId("sock0")}
    assert candidate.decision.action is Action.HUMAN_REVIEW


def test_puppets_that_came_together_count_as_one() -> None:
    paper = a_guild()
    for number, sock in enumerate(SOCKS):
        paper.joined[MemberId(sock)] = NOON - timedelta(days=20 - number / 4)
        paper.ask(sock, -15, f"something else {number}", topic=33)
    puppets(paper, apart=0.8)
    (candidate,) = candidates(paper)
    assert len({each.member for each in candidate.remarks}) == 1
    assert candidate.decision.action is Action.HUMAN_REVIEW


def test_puppets_of_old_accounts_in_lockstep_count_as_one() -> None:
    paper = a_guild(SOCKS)
    puppets(paper, apart=0.1)
    (candidate,) = candidates(paper)
    assert len({each.member for each in candidate.remarks}) == 1
    assert not trains(paper)


def test_puppets_that_write_the_same_words_count_as_one() -> None:
    paper = a_guild(SOCKS)
    for day in range(4):
        question = paper.ask(SOCKS[day], day)
        for place, sock in enumerate(SOCKS):
            paper.say(question, sock, place * 0.8, answer="The owner is a fraud!")
    (candidate,) = candidates(paper)
    assert len({each.member for each in candidate.remarks}) == 1


def test_a_family_of_three_is_three_members() -> None:
    """They live in one house: they ask about the same things, on the same evenings, within minutes."""
    family = ("ana", "ben", "cai")
    paper = a_guild(family)
    for day in range(6):
        for place, member in enumerate(family):
            paper.corrected(member, day + place * 0.003)
    (candidate,) = candidates(paper)
    assert {each.member for each in candidate.remarks} == set(family)
    assert unmet(candidate) == set()
    assert candidate.decision.action is Action.FINE_TUNE_ROUTER
    assert candidate.findings[-1].words == "nothing unusual"


def test_admins_who_work_side_by_side_are_two() -> None:
    paper = a_guild()
    for day in range(4):
        for hour in (0, 0.1):
            question = paper.ask("ana", day + hour)
            for place, admin in enumerate(("root", "boss")):
                paper.say(question, admin, place * 0.2, role=Role.ADMIN, category="pool")
    (candidate,) = candidates(paper)
    assert {each.member for each in candidate.remarks} == {"root", "boss"}


@pytest.mark.parametrize("members", [3, 5, 8])
def test_a_newcomers_question_that_nobody_can_answer_is_a_gap_all_the_same(members: int) -> None:
    paper = a_guild()
    for number in range(members):
        paper.ask(f"new{number}", number, answer=DECLINED)
    (candidate,) = candidates(paper)
    assert candidate.decision.action is Action.KNOWLEDGE_GAP
