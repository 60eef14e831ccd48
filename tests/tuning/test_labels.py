"""The rules by which feedback becomes labels: each alone, together, and in any order of arrival."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.contracts import (
    AnswerKind,
    Episode,
    EpisodeId,
    Feedback,
    FeedbackKind,
    Intent,
    MemberId,
    Role,
    Slug,
)
from agent.journal.feedback import standing_votes
from agent.serving.served import Task
from tests.agent.journal.episodes import ANA, BEN, HOME, NOON, a_proven, a_route, an_episode
from tuning.labels.cases import Allows
from tuning.labels.derive import derive
from tuning.labels.grouping import grouped, same_words
from tuning.labels.label import Derivation, Doubt, Label, Polarity
from tuning.labels.records import lines
from tuning.labels.standing import Aspect, standing

CAI, DEE = MemberId("cai"), MemberId("dee")
POOL, CAR, OLD = Slug("pool"), Slug("car"), Slug("old")
KNOWN = {POOL, CAR}
VERIFIED = a_proven("In May 2024.", "May 2024")


def asked(id: str, question: str = "When was the pump replaced?", **changes: Any) -> Episode:  # noqa: A002
    values: dict[str, Any] = {"id": EpisodeId(id), "question": question, "answer": VERIFIED}
    return an_episode(**values | {"route": a_route(CAR)} | changes)


class Told:
    """Feedback as it comes in, with ids that count."""

    def __init__(self) -> None:
        self.events: list[Feedback] = []

    def __call__(
        self,
        member: MemberId,
        value: Any,
        *,
        on: str = "e1",
        kind: FeedbackKind = FeedbackKind.CORRECTION,
        role: Role = Role.MEMBER,
    ) -> str:
        id = f"f{len(self.events)}"  # noqa: A001
        self.events.append(
            Feedback(
                id=id,
                guild=HOME,
                episode=EpisodeId(on),
                member=member,
                at=NOON + timedelta(minutes=len(self.events)),
                kind=kind,
                value=value,
                role=role,
            )
        )
        return id

    def category(self, member: MemberId, slug: Slug, on: str = "e1", role: Role = Role.MEMBER) -> str:
        return self(member, {"category": slug}, on=on, role=role)

    def answer(self, member: MemberId, text: str, on: str = "e1", role: Role = Role.MEMBER) -> str:
        return self(member, {"answer": text}, on=on, role=role)

    def vote(self, member: MemberId, vote: int, on: str = "e1") -> str:
        return self(member, {"vote": vote}, on=on, kind=FeedbackKind.VOTE)

    def retract(self, member: MemberId, event: str, on: str = "e1") -> str:
        return self(member, {"event": event}, on=on, kind=FeedbackKind.RETRACTION)


@pytest.fixture
def told() -> Told:
    return Told()


def derived(
    episodes: Sequence[Episode],
    events: Iterable[Feedback],
    allows: Allows = lambda member, at: True,
    **changes: Any,
) -> Derivation:
    values: dict[str, Any] = {
        "scrub": lambda text: text,
        "quotable": lambda source: True,
        "categories": KNOWN,
    }
    return derive(episodes, events, allows=allows, **values | changes)


def only(derivation: Derivation) -> Label:
    assert not derivation.reviews
    (label,) = derivation.labels
    return label


def routes(outcome: Derivation) -> Derivation:
    return replace(outcome, labels=tuple(each for each in outcome.labels if each.task is Task.ROUTE))


def liked(outcome: Derivation) -> Derivation:
    those = (each for each in outcome.labels if each.polarity is Polarity.LIKED)
    return replace(outcome, labels=tuple(those))


def test_an_admins_category_counts_alone(told: Told) -> None:
    event = told.category(BEN, POOL, role=Role.ADMIN)
    label = only(derived([asked("e1")], told.events))
    assert (label.task, label.category, label.polarity) == (Task.ROUTE, POOL, Polarity.POSITIVE)
    assert (label.rule, label.rule_version, label.weight) == ("category-corrected-by-admin", 1, 1.0)
    assert (label.episodes, label.events, label.members) == (("e1",), (event,), (ANA, BEN))
    assert (label.guild, label.question, label.language) == (HOME, "When was the pump replaced?", "en")


def test_one_members_category_waits_for_another_who_agrees(told: Told) -> None:
    told.category(BEN, POOL)
    assert derived([asked("e1")], told.events) == Derivation(labels=(), reviews=())
    told.category(CAI, POOL)
    assert only(derived([asked("e1")], told.events)).rule == "category-corrected-by-members"


def test_one_member_twice_is_not_two(told: Told) -> None:
    told.category(BEN, POOL, on="e1")
    told.category(BEN, POOL, on="e2")
    assert not derived([asked("e1"), asked("e2")], told.events).labels


def test_members_agree_across_near_duplicates(told: Told) -> None:
    told.category(BEN, POOL, on="e1")
    told.category(CAI, POOL, on="e2")
    label = only(derived([asked("e1"), asked("e2", "when was the PUMP replaced")], told.events))
    assert label.question == "When was the pump replaced?"
    assert label.episodes == ("e1", "e2")


def test_near_duplicates_in_other_words_are_known_by_their_vectors(told: Told) -> None:
    told.category(BEN, POOL, on="e1")
    told.category(CAI, POOL, on="e3")
    episodes = [asked("e1"), asked("e2", "Which tyres?"), asked("e3", "The pump is new since?")]
    near = np.array([[1.0, 0.0], [0.0, 1.0], [0.95, 0.31]], dtype=np.float32)
    assert not derived(episodes, told.events).labels
    assert only(derived(episodes, told.events, vectors=near)).members == (ANA, BEN, CAI)


def test_members_who_disagree_are_for_review(told: Told) -> None:
    told.category(BEN, POOL)
    told.category(CAI, CAR)
    (review,) = derived([asked("e1")], told.events).reviews
    assert (review.doubt, review.task) == (Doubt.CONFLICT, Task.ROUTE)
    assert [(choice.value, choice.members) for choice in review.choices] == [
        ("car", (CAI,)),
        ("pool", (BEN,)),
    ]


def test_an_admin_decides_between_members_and_admins_who_disagree_are_for_review(told: Told) -> None:
    told.category(BEN, POOL)
    told.category(CAI, CAR)
    told.category(DEE, CAR, role=Role.REVIEWER)
    assert only(derived([asked("e1")], told.events)).category == CAR
    told.category(ANA, POOL, role=Role.ADMIN)
    assert derived([asked("e1")], told.events).reviews[0].doubt is Doubt.CONFLICT


def test_a_category_that_is_gone_is_for_review(told: Told) -> None:
    told.category(BEN, OLD, role=Role.ADMIN)
    outcome = derived([asked("e1")], told.events)
    assert (outcome.labels, outcome.reviews[0].doubt) == ((), Doubt.GONE)


def test_a_changed_mind_counts_and_a_retraction_takes_back(told: Told) -> None:
    told.category(BEN, CAR, role=Role.ADMIN)
    event = told.category(BEN, POOL, role=Role.ADMIN)
    assert only(derived([asked("e1")], told.events)).events == (event,)
    told.retract(BEN, event)
    assert only(derived([asked("e1")], told.events)).category == CAR


@pytest.mark.parametrize(("first", "then"), [("e1", "e2"), ("e2", "e1")])
def test_a_mind_changed_on_the_same_question_asked_again_counts(told: Told, first: str, then: str) -> None:
    told.category(BEN, CAR, on=first, role=Role.ADMIN)
    told.category(BEN, POOL, on=then, role=Role.ADMIN)
    assert only(derived([asked("e1"), asked("e2")], told.events)).category == POOL


@pytest.mark.parametrize("intent", sorted(set(Intent) - {Intent.ASK}))
def test_only_questions_count(told: Told, intent: Intent) -> None:
    told.category(BEN, POOL, role=Role.ADMIN)
    assert not derived([asked("e1", intent=intent)], told.events).labels


@pytest.mark.parametrize("texts", [("in may", "In May."), ("In May.", "in may")])
def test_who_writes_the_same_answer_first_makes_no_difference(told: Told, texts: tuple[str, str]) -> None:
    for member, text in zip((BEN, CAI), texts, strict=True):
        told.answer(member, text)
    assert only(derived([asked("e1")], told.events)).answer == "In May."


def test_a_helpful_vote_on_a_verified_answer_confirms_the_category_weakly(told: Told) -> None:
    event = told.vote(BEN, 1)
    label = only(routes(derived([asked("e1")], told.events)))
    assert (label.rule, label.category, label.events) == ("category-confirmed-by-vote", CAR, (event,))
    assert label.weight < 0.5


def test_only_helpful_votes_are_what_confirms(told: Told) -> None:
    helpful = [told.vote(BEN, 1), told.vote(CAI, 1)]
    told.vote(DEE, -1)
    label = only(routes(derived([asked("e1")], told.events)))
    assert (label.events, label.members) == (tuple(helpful), (ANA, BEN, CAI))


@pytest.mark.parametrize(
    "changes",
    [
        {"answer": replace(VERIFIED, kind=AnswerKind.DECLINED)},
        {"answer": replace(VERIFIED, quotes=())},
        {"answer": None},
        {"route": a_route(CAR, POOL)},
        {"route": a_route()},
        {"route": a_route(OLD)},
        {"route": None},
    ],
)
def test_a_vote_confirms_no_other_category(told: Told, changes: dict[str, Any]) -> None:
    told.vote(BEN, 1)
    outcome = derived([asked("e1", **changes)], told.events)
    assert routes(outcome) == Derivation(labels=(), reviews=())


def test_an_answer_that_most_found_helpful_is_liked(told: Told) -> None:
    helpful = [told.vote(BEN, 1), told.vote(CAI, 1)]
    told.vote(DEE, -1)
    label = only(liked(derived([asked("e1")], told.events)))
    assert (label.rule, label.task, label.answer) == ("answer-liked", Task.ANSWER, "In May 2024.")
    assert (label.evidence, label.events) == (("p1",), tuple(sorted(helpful)))


@pytest.mark.parametrize("said", ["In June 2024.", "in may 2024"])
def test_what_somebody_wrote_counts_and_not_that_others_liked_the_answer(told: Told, said: str) -> None:
    told.vote(BEN, 1)
    told.answer(CAI, said, role=Role.ADMIN)
    assert not liked(derived([asked("e1")], told.events)).labels


def test_an_answer_that_is_liked_here_and_disliked_there_is_not_liked(told: Told) -> None:
    told.vote(BEN, 1, on="e1")
    told.vote(CAI, -1, on="e2")
    assert not liked(derived([asked("e1"), asked("e2")], told.events)).labels


def test_a_correction_outweighs_votes(told: Told) -> None:
    for member in (ANA, CAI, DEE):
        told.vote(member, 1)
    told.category(BEN, POOL)
    assert not routes(derived([asked("e1")], told.events)).labels


def test_votes_for_different_categories_of_one_question_are_for_review(told: Told) -> None:
    told.vote(BEN, 1, on="e1")
    told.vote(CAI, 1, on="e2")
    outcome = derived([asked("e1"), asked("e2", route=a_route(POOL))], told.events)
    assert (routes(outcome).labels, outcome.reviews[0].doubt) == ((), Doubt.CONFLICT)


def test_a_disliked_answer_is_negative_and_confirms_nothing(told: Told) -> None:
    told.vote(BEN, -1)
    told.vote(CAI, -1)
    told.vote(DEE, 1)
    label = only(derived([asked("e1")], told.events))
    assert (label.task, label.polarity, label.answer) == (Task.ANSWER, Polarity.NEGATIVE, "In May 2024.")
    assert (label.evidence, label.category, label.members) == (("p1",), None, (ANA, BEN, CAI))


def test_no_answer_is_learnt_that_says_the_words_of_who_did_not_agree(told: Told) -> None:
    told.vote(BEN, -1)
    outcome = derived([asked("e1")], told.events, quotable=lambda source: source != VERIFIED.quotes[0].source)
    assert outcome == Derivation(labels=(), reviews=())


def test_a_tie_of_votes_says_nothing(told: Told) -> None:
    told.vote(BEN, -1)
    told.vote(DEE, 1)
    assert derived([asked("e1")], told.events) == Derivation(labels=(), reviews=())


def test_one_answer_disliked_on_two_questions_of_the_same_words_is_one_label(told: Told) -> None:
    told.vote(BEN, -1, on="e1")
    told.vote(CAI, -1, on="e2")
    assert only(derived([asked("e1"), asked("e2")], told.events)).episodes == ("e1", "e2")


def test_an_admins_answer_counts_alone_and_one_members_is_for_review(told: Told) -> None:
    told.answer(BEN, "In June 2024.")
    (review,) = derived([asked("e1")], told.events).reviews
    assert (review.doubt, review.choices[0].value) == (Doubt.UNCONFIRMED, "In June 2024.")
    told.answer(CAI, "in june 2024")
    assert only(derived([asked("e1")], told.events)).rule == "answer-corrected-by-members"
    told.answer(DEE, "In July 2024.", role=Role.ADMIN)
    label = only(derived([asked("e1")], told.events))
    assert (label.rule, label.answer, label.evidence) == (
        "answer-corrected-by-admin",
        "In July 2024.",
        ("p1",),
    )


def test_who_corrects_an_answer_does_not_take_their_category_back(told: Told) -> None:
    told.category(BEN, POOL, role=Role.ADMIN)
    told.answer(BEN, "In June 2024.", role=Role.ADMIN)
    assert {label.task for label in derived([asked("e1")], told.events).labels} == {Task.ROUTE, Task.ANSWER}


def test_an_answer_that_an_admin_calls_right_is_not_learnt_as_wrong(told: Told) -> None:
    told.vote(BEN, -1)
    told.answer(DEE, "In May, 2024", role=Role.ADMIN)
    assert only(derived([asked("e1")], told.events)).polarity is Polarity.POSITIVE


def test_nothing_is_learnt_from_who_did_not_agree(told: Told) -> None:
    told.category(BEN, POOL, role=Role.ADMIN)
    assert not derived([asked("e1")], told.events, lambda member, at: member != ANA).labels
    assert not derived([asked("e1")], told.events, lambda member, at: member != BEN).labels


def test_what_was_taken_back_while_opted_out_is_taken_back(told: Told) -> None:
    event = told.category(BEN, POOL, role=Role.ADMIN)
    told.retract(BEN, event)
    out_since = told.events[-1].at
    assert not derived([asked("e1")], told.events, lambda member, at: member != BEN or at < out_since).labels


def test_personal_data_is_scrubbed_from_questions_and_answers(told: Told) -> None:
    told.answer(BEN, "Ana did.", role=Role.ADMIN)
    label = only(
        derived([asked("e1", "Did Ana?")], told.events, scrub=lambda text: text.replace("Ana", "[name]"))
    )
    assert (label.question, label.answer) == ("Did [name]?", "[name] did.")


MEMBERS = st.sampled_from([ANA, BEN, CAI])
EPISODES = st.sampled_from(["e1", "e2", "e3"])
ALL_ASKED = [
    asked("e1"),
    asked("e2", "when was the pump replaced", route=a_route(POOL)),
    asked("e3", "Tyres?"),
]


@st.composite
def journals(draw: st.DrawFn) -> list[Feedback]:
    told = Told()
    for _ in range(draw(st.integers(0, 12))):
        member, on, role = draw(MEMBERS), draw(EPISODES), draw(st.sampled_from(Role))
        own = [each.id for each in told.events if (each.member, each.episode) == (member, on)]
        kinds = ["vote", "category", "answer", *(["retract"] if own else [])]
        match draw(st.sampled_from(kinds)):
            case "vote":
                told.vote(member, draw(st.sampled_from([-1, 0, 1])), on)
            case "category":
                told.category(member, draw(st.sampled_from([POOL, CAR, OLD])), on, role)
            case "answer":
                told.answer(member, draw(st.sampled_from(["In May.", "in may", "In June."])), on, role)
            case "retract":
                told.retract(member, draw(st.sampled_from(own)), on)
    return told.events


def written(events: Sequence[Feedback]) -> str:
    outcome = derived(ALL_ASKED, events)
    return lines(outcome.labels) + lines(outcome.reviews)


@given(journals(), st.randoms(use_true_random=False))
def test_members_may_be_heard_in_any_order(events: list[Feedback], random: Any) -> None:
    """Each member's own words stay in their order, as the journal keeps them; between members any goes."""
    queues = {member: [each for each in events if each.member == member] for member in (ANA, BEN, CAI)}
    turns = [each.member for each in events]
    random.shuffle(turns)
    mixed = [queues[member].pop(0) for member in turns]
    assert written(mixed) == written(events)


@given(journals())
def test_an_event_that_comes_twice_is_one(events: list[Feedback]) -> None:
    assert written([each for event in events for each in (event, event)]) == written(events)


@given(journals())
def test_every_label_names_events_that_stand(events: list[Feedback]) -> None:
    stand = {said.event.id for said in standing(events)}
    outcome = derived(ALL_ASKED, events)
    assert {event for label in outcome.labels for event in label.events} <= stand
    assert all(label.events for label in outcome.labels)


@given(journals())
def test_votes_stand_as_the_journal_counts_them(events: list[Feedback]) -> None:
    for episode in ALL_ASKED:
        here = [event for event in events if event.episode == episode.id]
        ours = {said.event.member: said.value for said in standing(here) if said.aspect is Aspect.VOTE}
        assert ours == standing_votes(here)


@pytest.mark.parametrize(
    ("text", "plain"),
    [("¿Cuándo, la BOMBA?", "cuando la bomba"), ("a  b", "a b"), ("?!", "?!"), ("", "")],
)
def test_same_words(text: str, plain: str) -> None:
    assert same_words(text) == plain


def test_groups_are_the_connected_parts() -> None:
    angles = np.deg2rad([0, 80, 40, 20, 60, 170])
    vectors = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    assert grouped(list("abcdef"), vectors, alike=0.93) == (0, 0, 0, 0, 0, 5)
