"""Guilds on paper, from what members said to what is decided."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from agent.contracts import MemberId, Role
from agent.serving.served import Task
from tests.agent.journal.episodes import NOON
from tests.tuning.patterns.guild import CAR, DECLINED, PLUMBING, POOL, Paper, a_label
from tuning.patterns import detect
from tuning.patterns.pattern import Action, Candidate, Detection, Training
from tuning.patterns.rules import RuleName

NOW = NOON + timedelta(days=10)
FAMILY = ("ana", "ben", "cai", "dee", "eva", "fay")


def found(paper: Paper, **changes: Any) -> Detection:
    return detect(paper.history(), **{"now": NOW} | changes)


def hot_tub(detection: Detection, task: Task | None = None) -> Candidate:
    """The only candidate whose question names it."""
    (only,) = [
        each for each in detection.candidates if "hot tub" in each.question and task in {None, each.task}
    ]
    return only


def a_real_pattern(members: tuple[str, ...] = FAMILY, paper: Paper | None = None) -> Paper:
    """12 corrections of members who have been there, on 4 days; beside what is on the paper already."""
    paper = paper or Paper()
    for member in members:
        paper.say(paper.ask(member, -50, "hello again", topic=30), member, vote=1)
    paper.healthy()
    paper.many_labels()
    for number in range(12):
        words = ("how warm is the hot tub?", "when was the hot tub drained?", "who cleans our hot tub?")
        member = members[number % len(members)]
        paper.corrected(member, number // 3 + number % 3 / 10, question=words[number % 3])
    return paper


def test_a_wrong_topic_that_many_correct_over_days_is_a_stable_pattern() -> None:
    paper = a_real_pattern()
    candidate = hot_tub(found(paper))

    assert {each.rule for each in candidate.findings if not each.met} == set()
    assert candidate.decision.action is Action.FINE_TUNE_ROUTER
    assert candidate.sentence == (
        "12 corrections by 6 members on 4 days: questions about hot tub go to plumbing instead of pool"
    )
    assert candidate.target == POOL
    assert found(paper).candidates[0] is not None


def test_the_same_history_gives_the_same_candidates() -> None:
    paper = a_real_pattern()
    assert found(paper) == found(paper)


def test_every_candidate_has_a_finding_of_every_rule_in_words() -> None:
    for candidate in found(a_real_pattern()).candidates:
        assert [each.rule for each in candidate.findings] == list(RuleName)
        assert all(each.words for each in candidate.findings)


def test_a_healthy_guild_has_no_pattern() -> None:
    paper = Paper()
    paper.healthy(300, until=0)
    paper.many_labels()
    actions = {each.decision.action for each in found(paper).candidates}
    assert actions <= {Action.NOTHING_YET, Action.FEW_SHOT}


@pytest.mark.parametrize(
    ("change", "unmet", "action"),
    [
        ({"labels": ()}, {RuleName.VOLUME}, Action.FEW_SHOT),
        ({"trainings": 3}, {RuleName.VOLUME, RuleName.SIGNIFICANCE, RuleName.CALM}, Action.FEW_SHOT),
        ({"anomalies": ("a burst of votes",)}, {RuleName.CALM}, Action.HUMAN_REVIEW),
    ],
    ids=["few labels", "trained three days ago", "an anomaly"],
)
def test_one_thing_that_lacks_keeps_from_training(
    change: dict[str, Any], unmet: set[RuleName], action: Action
) -> None:
    paper = a_real_pattern(("ana", "ben", "cai", "dee", "eva", "fay"))
    if "labels" in change:
        paper.labels = change.pop("labels")
    if days := change.pop("trainings", None):
        training = Training(champion="router-1", at=NOON - timedelta(days=days), labels=120)
        change["trainings"] = {Task.ROUTE: training}
        change["now"] = NOON + timedelta(days=3.5)
    candidate = hot_tub(found(paper, **change))

    assert {each.rule for each in candidate.findings if not each.met} == unmet
    assert candidate.decision.action is action


def test_before_a_baseline_is_known_nothing_is_significant() -> None:
    paper = Paper()
    for number in range(12):
        paper.corrected(FAMILY[number % 6], number // 3)
    candidate = hot_tub(found(paper))
    finding = candidate.findings[list(RuleName).index(RuleName.SIGNIFICANCE)]
    assert not finding.met
    assert finding.words == "what is normal is not known before 100 were judged"


def test_a_baseline_that_was_frozen_stays_whatever_comes_later() -> None:
    paper = a_real_pattern()
    before = found(paper).baselines
    for number in range(100):
        paper.corrected("ana", 5 + number / 100)
    assert found(paper, baselines=before).baselines == before


def test_a_champion_is_held_against_its_own_first_trials() -> None:
    paper = a_real_pattern()
    before = found(paper).baselines
    training = Training(champion="router-1", at=NOW, labels=120)
    after = found(paper, baselines=before, trainings={Task.ROUTE: training}).baselines
    assert {key for key in after if key[0] is Task.ROUTE} == set()
    assert {key: each for key, each in before.items() if key[0] is Task.ANSWER}.items() <= after.items()


def test_a_candidate_keeps_its_id_when_its_medoid_moves() -> None:
    paper = a_real_pattern()
    first = hot_tub(found(paper))
    for number in range(9):
        paper.corrected(FAMILY[number % 6], 5 + number / 3, question="is the hot tub open?")
    again = hot_tub(found(paper, known=[first.known]))
    assert again.id == first.id


def test_what_an_admin_settled_comes_back_only_with_new_remarks() -> None:
    paper = a_real_pattern()
    settled = replace(hot_tub(found(paper)).known, settled_at=NOW)
    assert settled.id not in {each.id for each in found(paper, known=[settled]).candidates}

    for number in range(3):
        paper.corrected(FAMILY[number], 11)
    again = hot_tub(found(paper, known=[settled], now=NOW + timedelta(days=2)))
    assert (again.id, len(again.remarks)) == (settled.id, 3)


def test_a_candidate_that_is_quiet_for_long_is_one_no_longer() -> None:
    assert not found(a_real_pattern(), now=NOW + timedelta(days=70)).candidates


def test_members_who_say_that_the_topic_is_right_are_heard_too() -> None:
    paper = a_real_pattern()
    for number in range(12):
        member = f"member{number % 5}"
        paper.say(paper.ask(member, 4 + number / 10, "is the hot tub leaking?"), member, category="plumbing")
    candidate = hot_tub(found(paper))
    assert RuleName.AGREEMENT in {each.rule for each in candidate.findings if not each.met}
    assert candidate.decision.action is not Action.FINE_TUNE_ROUTER


def test_who_likes_an_answer_says_nothing_of_its_topic() -> None:
    paper = a_real_pattern()
    for number in range(6):
        member = f"member{number % 5}"
        paper.say(paper.ask(member, 4 + number / 10, "is the hot tub leaking?"), member, vote=1)
    (agreed,) = [each for each in hot_tub(found(paper)).findings if each.rule is RuleName.AGREEMENT]
    assert agreed.met


THREE = FAMILY[:3]


def test_three_members_who_say_it_again_on_other_days_are_enough() -> None:
    assert hot_tub(found(a_real_pattern(THREE))).decision.action is Action.FINE_TUNE_ROUTER


@pytest.mark.parametrize("content", [1, 2])
def test_three_who_say_what_others_found_helpful_before_are_a_matter_for_people(content: int) -> None:
    paper = Paper()
    for number in range(content):
        paper.say(paper.ask(f"member{number}", -20, "is the hot tub open?"), f"member{number}", vote=1)
    candidate = hot_tub(found(a_real_pattern(THREE, paper)))
    expected = Action.FINE_TUNE_ROUTER if 2 * content < len(THREE) else Action.HUMAN_REVIEW
    assert candidate.decision.action is expected


def test_a_baseline_that_a_category_gets_while_it_fails_wipes_out_no_proof() -> None:
    paper = Paper()
    for member in FAMILY:
        paper.say(paper.ask(member, -50, "hello again", topic=30), member, vote=1)
    paper.healthy(until=-5, category=CAR)
    paper.healthy(count=90, until=-1)
    paper.many_labels()
    for number in range(12):
        paper.corrected(FAMILY[number % 6], number // 3 + number % 3 / 10)
    before = found(paper)
    assert hot_tub(before).decision.action is Action.FINE_TUNE_ROUTER
    assert (Task.ROUTE, PLUMBING) not in before.baselines
    paper.healthy(count=12, until=6)
    after = found(paper, baselines=before.baselines)
    assert (Task.ROUTE, PLUMBING) in after.baselines
    assert hot_tub(after).decision.action is Action.FINE_TUNE_ROUTER


def test_who_may_not_be_learnt_from_is_not_counted() -> None:
    paper = a_real_pattern()
    history = paper.history(allows=lambda member, at: member != MemberId("ana"))
    candidate = hot_tub(detect(history, now=NOW))
    assert MemberId("ana") not in {each.member for each in candidate.remarks}
    assert len(candidate.remarks) == 10


def test_two_admins_do_for_a_correction() -> None:
    paper = Paper()
    paper.healthy()
    paper.many_labels()
    for number in range(8):
        paper.corrected("ana" if number % 2 else "ben", number // 2, role=Role.ADMIN)
    assert hot_tub(found(paper)).decision.action is Action.FINE_TUNE_ROUTER


def test_what_several_ask_and_nobody_wrote_down_is_a_gap() -> None:
    paper = Paper()
    paper.healthy()
    questions = ("when does the hot tub open?", "what time does the hot tub open?", "hot tub opening hours?")
    for number, member in enumerate(FAMILY[:3]):
        paper.ask(member, number, questions[number], answer=DECLINED)
    candidate = hot_tub(found(paper))
    assert candidate.decision.action is Action.KNOWLEDGE_GAP
    assert candidate.questions == tuple(reversed(questions))
    assert candidate.sentence.endswith("find no answer (in plumbing)")


def test_what_one_member_asks_again_and_again_is_no_gap() -> None:
    paper = Paper()
    paper.healthy()
    for day in range(5):
        paper.ask("ana", day, answer=DECLINED)
    assert hot_tub(found(paper)).decision.action is Action.NOTHING_YET


def test_what_was_answered_before_and_is_declined_now_is_indexed_again() -> None:
    paper = Paper()
    paper.healthy()
    for member in FAMILY[:3]:
        paper.ask(member, -60, "hello", topic=30)
    paper.corrected("eva", -9, category=PLUMBING)
    paper.say(paper.ask("ana", -6), "ana", vote=1)
    for number in range(9):
        declined = paper.ask(FAMILY[number % 3], number / 2, answer=DECLINED)
        paper.say(declined, FAMILY[number % 3], vote=-1)
    (candidate,) = [
        each for each in found(paper).candidates if each.task is Task.ANSWER and "tub" in each.question
    ]
    assert candidate.decision.action is Action.REINDEX


@pytest.mark.parametrize(
    ("reason", "action"),
    [("too_long", Action.FINE_TUNE_ANSWERS), ("outdated", Action.REINDEX), ("other", Action.HUMAN_REVIEW)],
)
def test_the_reason_decides_what_helps_an_answer(reason: str, action: Action) -> None:
    paper = Paper()
    for member in FAMILY:
        paper.ask(member, -50, "hello", topic=30)
    paper.healthy()
    paper.labels = tuple(a_label(number, POOL, Task.ANSWER) for number in range(160))
    for number in range(18):
        member = FAMILY[number % 6]
        paper.say(paper.ask(member, number / 4), member, reason=reason)
    assert hot_tub(found(paper)).decision.action is action


def test_the_picture_of_a_candidate_has_its_course() -> None:
    candidate = hot_tub(found(a_real_pattern()))
    last = candidate.points[-1]
    assert (last.votes, last.corrections) == (0, 12)
    assert last.log_e is not None
    assert last.log_e > candidate.bound
    assert [each.at for each in candidate.points] == sorted(each.at for each in candidate.points)


def test_other_categories_are_other_candidates() -> None:
    paper = a_real_pattern()
    for number in range(4):
        paper.corrected(FAMILY[number], number, category=CAR)
    categories = {each.category for each in found(paper).candidates if "tub" in each.question}
    assert categories == {PLUMBING, CAR}
