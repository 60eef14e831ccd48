"""What a reviewer decides comes before feedback, until feedback that they did not know contradicts it."""

from __future__ import annotations

import random
from typing import Any

import pytest

from agent.contracts import EpisodeId, MemberId, PassageId, Role, Slug, SourceId
from agent.serving.served import Task
from tests.agent.journal.episodes import ANA, BEN, HOME, NOON
from tests.tuning.test_labels import CAI, CAR, DEE, OLD, POOL, VERIFIED, Told, asked, derived, only
from tuning.labels.decisions import Act, Cited, Decision, last_decision, standing_decisions
from tuning.labels.label import Doubt
from tuning.labels.records import lines

REX, SAL = MemberId("rex"), MemberId("sal")
PUMP = Cited(passage=PassageId("p1"), source=SourceId("s1"), sha256="0" * 64)


def decision(id: str, by: MemberId = REX, act: Act = Act.CORRECT, **changes: Any) -> Decision:  # noqa: A002
    values: dict[str, Any] = {
        "id": id,
        "guild": HOME,
        "item": "i1",
        "kind": "conflict",
        "task": Task.ROUTE,
        "episode": EpisodeId("e1"),
        "member": by,
        "at": NOON,
        "act": act,
        "guideline": 1,
    }
    return Decision(**values | changes)


def topic(id: str, category: Slug, by: MemberId = REX, **changes: Any) -> Decision:  # noqa: A002
    return decision(id, by, category=category, **changes)


def written(id: str, answer: str, by: MemberId = REX, **changes: Any) -> Decision:  # noqa: A002
    values = {"task": Task.ANSWER, "answer": answer, "quotes": ("May 2024",), "evidence": (PUMP,)} | changes
    return decision(id, by, **values)


def undo(id: str, of: str, by: MemberId = REX) -> Decision:  # noqa: A002
    return decision(id, by, Act.UNDO, undoes=of)


@pytest.fixture
def told() -> Told:
    return Told()


def test_a_decision_settles_what_its_reviewer_knew(told: Told) -> None:
    seen = (told.category(BEN, POOL), told.category(CAI, CAR))
    label = only(derived([asked("e1")], told.events, decisions=[topic("d1", POOL, seen=seen)]))
    assert (label.rule, label.rule_version, label.category) == ("category-decided-in-review", 1, POOL)
    assert (label.events, label.members, label.guideline) == (("d1",), (ANA, REX), 1)


def test_an_answer_is_learnt_with_its_quotes_and_what_the_reviewer_read() -> None:
    label = only(derived([asked("e1")], [], decisions=[written("d1", "In “May 2024”.")]))
    assert (label.task, label.rule) == (Task.ANSWER, "answer-decided-in-review")
    assert (label.answer, label.quotes) == ("In “May 2024”.", ("May 2024",))
    assert (label.evidence, label.evidence_sha256) == (("p1",), ("0" * 64,))


def test_what_is_discarded_makes_no_label_of_its_task_only(told: Told) -> None:
    told.vote(BEN, -1)
    told.category(CAI, POOL, role=Role.ADMIN)
    discarded = decision("d1", act=Act.DISCARD, task=Task.ANSWER)
    assert {each.task for each in derived([asked("e1")], told.events).labels} == set(Task)
    assert only(derived([asked("e1")], told.events, decisions=[discarded])).task is Task.ROUTE


def test_an_answer_that_a_reviewer_found_right_is_no_disliked_one(told: Told) -> None:
    seen = (told.vote(BEN, -1),)
    right = written("d1", VERIFIED.text, act=Act.ACCEPT, seen=seen)
    assert only(derived([asked("e1")], told.events, decisions=[right])).rule == "answer-decided-in-review"


@pytest.mark.parametrize("role", [Role.ADMIN, Role.REVIEWER])
def test_who_decides_alone_and_says_otherwise_afterwards_makes_a_conflict(told: Told, role: Role) -> None:
    told.category(BEN, CAR, role=role)
    outcome = derived([asked("e1")], told.events, decisions=[topic("d1", POOL)])
    assert (outcome.labels, outcome.reviews[0].doubt) == ((), Doubt.CONFLICT)
    assert [(each.value, each.members) for each in outcome.reviews[0].choices] == [
        ("car", (BEN,)),
        ("pool", (REX,)),
    ]


def test_members_who_say_otherwise_do_not_take_a_decided_label_away(told: Told) -> None:
    told.category(BEN, CAR)
    told.category(CAI, CAR)
    assert only(derived([asked("e1")], told.events, decisions=[topic("d1", POOL)])).category == POOL


def test_two_reviewers_who_disagree_unseen_leave_it_open_until_somebody_who_knows_decides() -> None:
    blind = [topic("d1", POOL), topic("d2", CAR, SAL)]
    (review,) = derived([asked("e1")], [], decisions=blind).reviews
    assert (review.doubt, [each.value for each in review.choices]) == (Doubt.CONFLICT, ["car", "pool"])
    settled = [*blind, topic("d3", CAR, DEE, seen=("d1", "d2"))]
    assert only(derived([asked("e1")], [], decisions=settled)).events == ("d3",)


def test_two_who_agree_are_one_label_of_both() -> None:
    label = only(derived([asked("e1")], [], decisions=[topic("d1", POOL), topic("d2", POOL, SAL)]))
    assert (label.events, label.members) == (("d1", "d2"), (ANA, REX, SAL))


def test_a_topic_that_is_gone_since_is_asked_again() -> None:
    outcome = derived([asked("e1")], [], decisions=[topic("d1", OLD)])
    assert (outcome.labels, outcome.reviews[0].doubt) == ((), Doubt.GONE)


def test_what_is_undone_never_was(told: Told) -> None:
    told.category(BEN, CAR, role=Role.ADMIN)
    decisions = [topic("d1", POOL, seen=("f0",)), undo("d2", "d1")]
    assert only(derived([asked("e1")], told.events, decisions=decisions)).category == CAR
    assert standing_decisions(decisions) == ()


def test_nobody_undoes_what_another_decided() -> None:
    decisions = [topic("d1", POOL), undo("d2", "d1", by=SAL)]
    assert [each.id for each in standing_decisions(decisions)] == ["d1"]


def test_undoing_brings_back_what_the_decision_had_overruled() -> None:
    decisions = [topic("d1", POOL), topic("d2", CAR, SAL, seen=("d1",))]
    assert [each.id for each in standing_decisions(decisions)] == ["d2"]
    assert [each.id for each in standing_decisions([*decisions, undo("d3", "d2", SAL)])] == ["d1"]


def test_what_is_taken_back_next_is_the_last_that_is_not_taken_back() -> None:
    decisions = [topic("d1", POOL), topic("d2", CAR, episode=EpisodeId("e2"), item="i2")]
    last = last_decision(decisions, REX)
    assert last is not None
    assert last.id == "d2"
    last = last_decision([*decisions, undo("d3", "d2")], REX)
    assert last is not None
    assert last.id == "d1"
    assert last_decision(decisions, SAL) is None


def test_a_decision_follows_its_question_into_any_group(told: Told) -> None:
    decided = topic("d1", POOL, episode=EpisodeId("e2"))
    episodes = [asked("e1", "when was the PUMP replaced"), asked("e2")]
    assert only(derived(episodes, [], decisions=[decided])).episodes == ("e2",)
    assert only(derived(episodes[1:], [], decisions=[decided])).category == POOL


def test_a_decision_on_a_question_that_was_forgotten_is_nothing() -> None:
    gone = topic("d1", POOL, episode=EpisodeId("e9"))
    assert derived([asked("e1")], [], decisions=[gone]).labels == ()


def test_a_reviewer_who_may_not_be_learnt_from_makes_no_label_but_may_discard(told: Told) -> None:
    told.category(BEN, CAR, role=Role.ADMIN)

    def allows(member: MemberId, at: object) -> bool:
        return member != REX

    chosen = derived([asked("e1")], told.events, allows, decisions=[topic("d1", POOL, seen=("f0",))])
    assert only(chosen).rule == "category-corrected-by-admin"
    discarded = decision("d1", act=Act.DISCARD)
    assert derived([asked("e1")], told.events, allows, decisions=[discarded]).labels == ()


def test_an_answer_from_a_source_that_may_not_be_learnt_from_is_no_label() -> None:
    outcome = derived([asked("e1")], [], decisions=[written("d1", "So.")], quotable=lambda source: False)
    assert (outcome.labels, outcome.reviews) == ((), ())


def test_what_was_decided_is_scrubbed_of_names_that_are_known_since() -> None:
    label = only(
        derived(
            [asked("e1")],
            [],
            decisions=[written("d1", "Colin did it.", quotes=("Colin did",))],
            scrub=lambda text: text.replace("Colin", "[name]"),
        )
    )
    assert (label.answer, label.quotes) == ("[name] did it.", ("[name] did",))


def test_the_same_journal_gives_the_same_bytes(told: Told) -> None:
    told.category(BEN, POOL)
    told.vote(CAI, -1)
    episodes = [asked("e1"), asked("e2", "Which tyres?")]
    decisions = [topic("d1", POOL), written("d2", "In “May 2024”.", SAL, episode=EpisodeId("e2"))]
    once = lines(derived(episodes, told.events, decisions=decisions).labels)
    for seed in range(5):
        random.Random(seed).shuffle(decisions)
        assert lines(derived(episodes, told.events, decisions=decisions).labels) == once
    assert once
