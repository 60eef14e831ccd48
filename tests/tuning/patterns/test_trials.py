"""What members said becomes remarks, and remarks become trials."""

from __future__ import annotations

import pytest

from agent.contracts import MemberId
from agent.serving.served import Task
from tests.tuning.patterns.guild import CAR, DECLINED, PLUMBING, POOL, Paper
from tuning.patterns.rules import Cause
from tuning.patterns.trials import ANOTHER_ANSWER, Trial, remarks_of, trials_of


def trials(paper: Paper) -> list[Trial]:
    history = paper.history()
    return trials_of(history, remarks_of(history))


def outcomes(paper: Paper) -> list[tuple[Task, bool, bool]]:
    return [(each.task, each.failed, each.tested) for each in trials(paper)]


@pytest.fixture
def paper() -> Paper:
    return Paper()


def test_a_helpful_vote_is_a_success_of_route_and_answer(paper: Paper) -> None:
    paper.say(paper.ask("ana", 0), "ben", vote=1)
    assert outcomes(paper) == [(Task.ROUTE, False, True), (Task.ANSWER, False, True)]


def test_an_unhelpful_vote_says_nothing_of_the_route(paper: Paper) -> None:
    paper.say(paper.ask("ana", 0), "ben", vote=-1)
    assert outcomes(paper) == [(Task.ANSWER, True, True)]


def test_a_corrected_topic_says_nothing_of_the_answer(paper: Paper) -> None:
    question = paper.ask("ana", 0)
    paper.say(question, "ben", vote=-1)
    paper.say(question, "ben", category=POOL)
    (trial,) = trials(paper)
    assert (trial.task, trial.category, trial.failed, trial.cause) == (
        Task.ROUTE,
        PLUMBING,
        True,
        Cause.ROUTER,
    )


def test_a_topic_that_is_confirmed_by_name_is_a_success(paper: Paper) -> None:
    paper.say(paper.ask("ana", 0), "ben", category=PLUMBING)
    assert outcomes(paper) == [(Task.ROUTE, False, True)]


def test_a_question_of_no_topic_that_should_have_had_one_is_a_failure_of_the_router(paper: Paper) -> None:
    paper.say(paper.ask("ana", 0, category=None), "ben", category=POOL)
    (trial,) = trials(paper)
    assert (trial.category, trial.cause) == (None, Cause.ROUTER)


def test_a_changed_mind_counts(paper: Paper) -> None:
    question = paper.ask("ana", 0)
    paper.say(question, "ben", 1, vote=-1)
    paper.say(question, "ben", 2, reason="too_long")
    paper.say(question, "ben", 3, vote=1)
    assert outcomes(paper) == [(Task.ROUTE, False, True), (Task.ANSWER, False, True)]


@pytest.mark.parametrize("value", [{"reason": "too_long"}, {"answer": "In June."}, {"category": POOL}])
def test_what_is_taken_back_is_not_there(paper: Paper, value: dict[str, str]) -> None:
    question = paper.ask("ana", 0)
    event = paper.say(question, "ben", 1, **value)
    paper.say(question, "ben", 2, event=event)
    assert trials(paper) == []


def test_as_many_for_as_against_are_no_outcome(paper: Paper) -> None:
    question = paper.ask("ana", 0)
    paper.say(question, "ben", vote=1)
    paper.say(question, "cai", vote=-1)
    assert (Task.ANSWER, False, False) in outcomes(paper)


def test_a_question_that_was_declined_fails_without_a_word_and_is_not_tested(paper: Paper) -> None:
    paper.ask("ana", 0, answer=DECLINED)
    (trial,) = trials(paper)
    assert (trial.failed, trial.tested, trial.answered, trial.cause) == (True, False, False, Cause.GROUNDING)
    assert [(each.member, each.by_asking) for each in trial.remarks] == [(MemberId("ana"), True)]


def test_who_corrects_an_answer_says_another_one(paper: Paper) -> None:
    paper.say(paper.ask("ana", 0), "ben", answer="In June.")
    (trial,) = trials(paper)
    assert [(each.value, each.correction, each.text) for each in trial.remarks] == [
        (ANOTHER_ANSWER, True, "In June.")
    ]


def test_statistics_hear_three_failures_a_day_of_one_member(paper: Paper) -> None:
    for number in range(5):
        paper.say(paper.ask("ana", number / 100), "ben", vote=-1)
    paper.say(paper.ask("ana", 0.06), "cai", vote=-1)
    paper.say(paper.ask("ana", 1.06), "ben", vote=-1)
    paper.say(paper.ask("ana", 0.07, category=CAR), "ben", vote=-1)
    assert [each.tested for each in trials(paper)] == [True, True, True, False, False, True, True, True]


def test_what_a_reviewer_discarded_for_a_task_is_left_out_of_that_task(paper: Paper) -> None:
    question = paper.ask("ana", 0)
    paper.say(question, "ben", vote=1)
    history = paper.history(discarded=frozenset({(question, Task.ROUTE)}))
    assert [each.task for each in trials_of(history, remarks_of(history))] == [Task.ANSWER]


def test_who_may_not_be_learnt_from_neither_asks_nor_says(paper: Paper) -> None:
    paper.say(paper.ask("ana", 0), "ben", vote=1)
    paper.say(paper.ask("ben", 1), "cai", vote=1)
    history = paper.history(allows=lambda member, at: member != MemberId("ben"))
    assert trials_of(history, remarks_of(history)) == []
