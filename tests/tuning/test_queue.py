"""What is put before a reviewer, in which order, and when it comes back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from agent.contracts import (
    Answer,
    AnswerKind,
    CategoryScore,
    Episode,
    EpisodeId,
    MemberId,
    Role,
    Route,
    RouteDecision,
    Slug,
)
from agent.serving.served import Task
from tests.agent.journal.episodes import ANA, BEN, HOME, a_route
from tests.tuning.test_decided_labels import REX, SAL, decision, topic, undo, written
from tests.tuning.test_labels import CAI, CAR, DEE, KNOWN, OLD, POOL, VERIFIED, Told, asked
from tuning.annotation.item import Item, Kind, Report, for_reviewer
from tuning.annotation.queue import UNSURE, WEIGHTS, queue, unsure
from tuning.labels.cases import cases
from tuning.labels.decisions import Act, Decision, standing_decisions
from tuning.labels.derive import derived_from

UNKNOWN = Answer(text="I don't know.", kind=AnswerKind.DECLINED)


def route(probability: float, decision: RouteDecision = RouteDecision.UNFILTERED, out: float = 0.0) -> Route:
    scores = (
        CategoryScore(category=POOL, probability=probability, contributions={}),
        CategoryScore(category=CAR, probability=1 - probability - out, contributions={}),
    )
    return Route(
        scores=scores, out_of_scope=out, decision=decision, categories=(), model_asked=False, reason=""
    )


def queued(
    episodes: Sequence[Episode],
    told: Told | None = None,
    decisions: Sequence[Decision] = (),
    *,
    known: Iterable[Slug] = KNOWN,
    **options: Any,
) -> tuple[Item, ...]:
    def scrub(text: str) -> str:
        return text.replace("Colin", "[name]")

    events = told.events if told else ()
    read = cases(episodes, events, allows=lambda member, at: True, scrub=scrub, decisions=decisions)
    together = tuple(read)
    derivation = derived_from(together, scrub=scrub, quotable=lambda source: True, categories=set(known))
    return queue(
        together,
        derivation,
        guild=HOME,
        scrub=scrub,
        categories=set(known),
        decisions=standing_decisions(decisions),
        **options,
    )


def only(items: Sequence[Item]) -> Item:
    (item,) = items
    return item


@pytest.fixture
def told() -> Told:
    return Told()


def test_nothing_waits_where_nobody_doubts(told: Told) -> None:
    told.vote(BEN, 1)
    assert queued([asked("e1"), asked("e2", "Which tyres?", route=route(0.9))], told) == ()


def test_people_who_disagree_on_the_topic(told: Told) -> None:
    told.category(BEN, POOL)
    told.category(CAI, CAR)
    item = only(queued([asked("e1")], told))
    assert (item.kind, item.task, item.proposal) == (Kind.CONFLICT, Task.ROUTE, "")
    assert [(each.value, each.members) for each in item.choices] == [("car", (CAI,)), ("pool", (BEN,))]
    assert item.seen == ("f0", "f1")


def test_what_most_say_is_proposed(told: Told) -> None:
    for member, topic_ in ((BEN, POOL), (CAI, CAR), (DEE, CAR)):
        told.category(member, topic_)
    assert only(queued([asked("e1")], told)).proposal == CAR


def test_a_topic_that_is_gone_is_not_proposed(told: Told) -> None:
    told.category(BEN, OLD, role=Role.ADMIN)
    item = only(queued([asked("e1")], told))
    assert (item.kind, item.proposal) == (Kind.GONE, "")


def test_one_members_better_answer(told: Told) -> None:
    told.answer(BEN, "In June, says Colin.")
    item = only(queued([asked("e1")], told))
    assert (item.kind, item.task, item.proposal) == (
        Kind.UNCONFIRMED,
        Task.ANSWER,
        "In June, says [name].",
    )


def test_a_disliked_answer(told: Told) -> None:
    told.vote(BEN, -1)
    answer = replace(VERIFIED, text="In May 2024, says Colin.")
    item = only(queued([asked("e1", answer=answer)], told))
    assert (item.kind, item.proposal) == (Kind.DISLIKED, "In May 2024, says [name].")


def test_an_unanswered_question_disliked_or_not(told: Told) -> None:
    told.vote(BEN, -1)
    item = only(queued([asked("e1", answer=UNKNOWN)], told))
    assert (item.kind, item.proposal) == (Kind.UNANSWERED, "")


@pytest.mark.parametrize(
    ("of", "expected"),
    [
        (None, 0.0),
        (a_route(CAR), 0.0),
        (route(0.9), 0.0),
        (route(UNSURE), 0.0),
        (route(0.6), 0.4),
        (route(0.6, RouteDecision.SINGLE), 0.4),
        (route(0.6, RouteDecision.GIVEN), 0.0),
        (route(0.2, out=0.75), 0.0),
        (route(0.5, out=0.3), 0.5),
    ],
)
def test_how_unsure_a_route_was(of: Route | None, expected: float) -> None:
    assert unsure(asked("e1", route=of)) == pytest.approx(expected)


def test_a_route_of_low_confidence_proposes_its_best_category(told: Told) -> None:
    item = only(queued([asked("e1", route=route(0.6))], told))
    assert (item.kind, item.task, item.proposal) == (Kind.LOW_CONFIDENCE, Task.ROUTE, POOL)
    assert item.benefit == pytest.approx(0.4 * WEIGHTS[Kind.LOW_CONFIDENCE])
    told.category(BEN, CAR)
    assert only(queued([asked("e1", route=route(0.6))], told)).proposal == CAR
    told.category(CAI, CAR)
    assert queued([asked("e1", route=route(0.6))], told) == ()


def test_what_concerns_more_members_comes_first_and_repeating_raises_nothing() -> None:
    declined: dict[str, Any] = {"answer": UNKNOWN}
    again = [asked(f"a{n}", "Who has the key?", **declined) for n in range(5)]
    by_two = [asked("b1", "Where is the drill?", **declined)]
    by_two.append(asked("b2", "where is the drill", member=BEN, **declined))
    items = queued([*again, *by_two])
    assert [item.question for item in items] == ["Where is the drill?", "Who has the key?"]
    assert items[1].episodes == ("a0", "a1", "a2", "a3", "a4")


def test_what_people_said_comes_before_what_nobody_said_anything_about(told: Told) -> None:
    told.answer(BEN, "In June.", on="e3")
    told.vote(BEN, -1, on="e4")
    told.category(BEN, POOL, on="e5")
    told.category(CAI, CAR, on="e5")
    episodes = [
        asked("e1", "one?", route=route(0.5)),
        asked("e2", "two?", answer=UNKNOWN, route=None),
        asked("e3", "three?"),
        asked("e4", "four?"),
        asked("e5", "five?"),
    ]
    kinds = [item.kind for item in queued(episodes, told)]
    assert kinds[0] is Kind.CONFLICT
    assert set(kinds[1:3]) == {Kind.UNCONFIRMED, Kind.DISLIKED}
    assert kinds[3:] == [Kind.UNANSWERED, Kind.LOW_CONFIDENCE]


def test_ids_are_stable(told: Told) -> None:
    before = only(queued([asked("e1", answer=UNKNOWN)]))
    told.vote(BEN, -1, on="e2")
    after = queued([asked("e1", answer=UNKNOWN), asked("e2", answer=UNKNOWN, member=BEN)], told)
    assert only(after).id == before.id
    assert only(after).version != before.version


@pytest.mark.parametrize(
    "made",
    [topic("d1", CAR, seen=("f0", "f1")), decision("d1", act=Act.DISCARD, seen=("f0", "f1"))],
)
def test_what_was_decided_does_not_come_back(told: Told, made: Decision) -> None:
    told.category(BEN, POOL)
    told.category(CAI, CAR)
    assert queued([asked("e1")], told, [made]) == ()


def test_it_comes_back_when_somebody_says_otherwise_who_was_not_known(told: Told) -> None:
    seen = (told.category(BEN, POOL), told.category(CAI, CAR))
    decided = topic("d1", CAR, seen=seen)
    agreeing = told.category(DEE, CAR)
    assert queued([asked("e1")], told, [decided]) == ()
    against = told.category(DEE, POOL)
    item = only(queued([asked("e1")], told, [decided]))
    assert (item.kind, item.decided_by) == (Kind.CONFLICT, ())
    assert set(item.seen) >= {"d1", against}
    assert agreeing not in item.seen, "what Dee said before stands no longer"
    again = topic("d2", CAR, SAL, seen=item.seen)
    assert queued([asked("e1")], told, [decided, again]) == ()


def test_what_was_discarded_comes_back_with_a_new_correction(told: Told) -> None:
    told.vote(BEN, -1)
    discarded = decision("d1", act=Act.DISCARD, task=Task.ANSWER, seen=("f0",))
    assert queued([asked("e1")], told, [discarded]) == ()
    told.vote(CAI, -1)
    assert queued([asked("e1")], told, [discarded]) == ()
    told.answer(CAI, "In June.")
    assert only(queued([asked("e1")], told, [discarded])).task is Task.ANSWER


def test_a_right_answer_that_is_disliked_since_comes_back(told: Told) -> None:
    right = written("d1", VERIFIED.text, act=Act.ACCEPT)
    assert queued([asked("e1")], told, [right]) == ()
    told.vote(BEN, -1)
    assert only(queued([asked("e1")], told, [right])).kind is Kind.DISLIKED


def test_a_topic_that_is_gone_since_comes_back() -> None:
    decided = topic("d1", POOL)
    assert queued([asked("e1")], None, [decided]) == ()
    assert only(queued([asked("e1")], None, [decided], known=[CAR])).kind is Kind.GONE


def test_what_is_undone_comes_back(told: Told) -> None:
    told.vote(BEN, -1)
    made = [decision("d1", act=Act.DISCARD, task=Task.ANSWER, seen=("f0",)), undo("d2", "d1")]
    assert only(queued([asked("e1")], told, made)).kind is Kind.DISLIKED


def test_two_who_disagree_unseen_come_back_as_a_conflict() -> None:
    item = only(queued([asked("e1")], None, [topic("d1", POOL), topic("d2", CAR, SAL)]))
    assert (item.kind, item.seen) == (Kind.CONFLICT, ("d1", "d2"))


def test_some_are_asked_of_two_who_do_not_see_each_other(told: Told) -> None:
    told.vote(BEN, -1)
    first = decision("d1", act=Act.DISCARD, task=Task.ANSWER, seen=("f0",))
    item = only(queued([asked("e1")], told, [first], double_share=1.0))
    assert (item.wanted, item.decided_by, item.seen) == (2, (REX,), ("f0",))
    assert for_reviewer([item], REX) == ()
    assert for_reviewer([item], SAL) == (item,)
    second = decision("d2", SAL, Act.DISCARD, task=Task.ANSWER, seen=("f0",))
    assert queued([asked("e1")], told, [first, second], double_share=1.0) == ()
    assert queued([asked("e1")], told, [first], double_share=0.0) == ()


def test_the_share_that_is_asked_of_two_is_kept() -> None:
    episodes = [asked(f"e{n}", f"Question {n}?", answer=UNKNOWN) for n in range(400)]
    wanted = [item.wanted for item in queued(episodes, double_share=0.25)]
    assert 0.18 < wanted.count(2) / len(wanted) < 0.32
    assert [item.wanted for item in queued(episodes, double_share=0.25)] == wanted


def test_a_report_of_a_detector_waits_until_it_is_decided() -> None:
    report = Report(id="retrieval/pool", text="Pool is found less often.", members=3)
    item = only(queued([], reports=[report]))
    assert (item.kind, item.task, item.question) == (Kind.REPORT, None, report.text)
    decided = decision("d1", act=Act.ACCEPT, task=None, episode=None, item=item.id)
    assert queued([], decisions=[decided], reports=[report]) == ()
    other = replace(report, id="retrieval/car")
    assert only(queued([], decisions=[decided], reports=[report, other])).id != item.id


def test_a_reviewer_sees_last_what_they_skipped_and_not_what_somebody_looks_at() -> None:
    items = queued([asked("e1", "one?", answer=UNKNOWN), asked("e2", "two?", answer=UNKNOWN)])
    first, second = for_reviewer(items, ANA)
    assert for_reviewer(items, ANA, skipped=[first.id]) == (second, first)
    assert for_reviewer(items, ANA, skipped=[second.id, first.id]) == (second, first)
    assert for_reviewer(items, ANA, skipped=[first.id, second.id]) == (first, second)
    assert for_reviewer(items, ANA, taken=[first.id]) == (second,)


def test_the_queue_is_the_same_in_whatever_order_decisions_were_read(told: Told) -> None:
    told.vote(BEN, -1, on="e2")
    episodes = [asked("e1", "one?", answer=UNKNOWN), asked("e2", "two?", member=MemberId("zoe"))]
    decisions = [topic("d1", POOL, episode=EpisodeId("e1")), topic("d2", CAR, episode=EpisodeId("e2"))]
    assert queued(episodes, told, decisions) == queued(episodes, told, decisions[::-1])
