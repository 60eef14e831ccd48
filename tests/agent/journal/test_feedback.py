from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.contracts import Feedback, FeedbackKind, MemberId
from agent.errors import UsageError
from agent.journal.feedback import check_value, standing_votes
from tests.agent.journal.episodes import ANA, BEN, NOON, an_episode, an_event

EPISODE = an_episode()
Kind = FeedbackKind


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (Kind.VOTE, {"vote": 1}),
        (Kind.VOTE, {"vote": -1}),
        (Kind.VOTE, {"vote": 0}),
        (Kind.REASON, {"reason": "too long"}),
        (Kind.CORRECTION, {"category": "pool"}),
        (Kind.CORRECTION, {"answer": "In June."}),
        (Kind.CORRECTION, {"category": "pool", "answer": "In June."}),
        (Kind.COMMENT, {"text": "gracias ✨"}),
        (Kind.RETRACTION, {"event": "an-id"}),
    ],
)
def test_valid_values(kind: FeedbackKind, value: dict[str, Any]) -> None:
    check_value(kind, value)


@pytest.mark.parametrize(
    ("kind", "value", "named"),
    [
        (Kind.VOTE, {}, "vote.vote"),
        (Kind.VOTE, {"vote": 2}, "a vote is 1, -1 or 0"),
        (Kind.VOTE, {"vote": True}, "integer"),
        (Kind.VOTE, {"vote": 1.0}, "integer"),
        (Kind.VOTE, {"vote": "1"}, "integer"),
        (Kind.VOTE, {"vote": 1, "more": 1}, "vote.more"),
        (Kind.REASON, {"reason": " \n"}, "reason.reason"),
        (Kind.REASON, {"reason": "half a pair: \ud800"}, "reason.reason"),
        (Kind.REASON, {"text": "too long"}, "reason.reason"),
        (Kind.CORRECTION, {}, "a category, an answer or both"),
        (Kind.CORRECTION, {"category": "Pool!"}, "not a category's slug"),
        (Kind.CORRECTION, {"category": None, "answer": "In June."}, "correction.category"),
        (Kind.CORRECTION, {"answer": ""}, "correction.answer"),
        (Kind.COMMENT, {"text": 7}, "comment.text"),
        (Kind.RETRACTION, {"event": ""}, "retraction.event"),
    ],
)
def test_values_that_are_refused(kind: FeedbackKind, value: dict[str, Any], named: str) -> None:
    with pytest.raises(UsageError, match=named) as refused:
        check_value(kind, value)
    assert refused.value.hint.startswith(f"Send what a {kind} is made of")


def vote(value: int, minute: int, member: MemberId = ANA) -> Feedback:
    at = NOON + timedelta(minutes=minute)
    return an_event(EPISODE, Kind.VOTE, {"vote": value}, at=at, member=member, id=f"{minute:04}")


def retraction(of: Feedback, minute: int, member: MemberId = ANA) -> Feedback:
    at = NOON + timedelta(minutes=minute)
    return an_event(EPISODE, Kind.RETRACTION, {"event": of.id}, at=at, member=member, id=f"{minute:04}")


@pytest.mark.parametrize(
    ("events", "votes"),
    [
        ([], {}),
        ([vote(1, 1)], {ANA: 1}),
        ([vote(1, 1), vote(1, 2)], {ANA: 1}),
        ([vote(1, 1), vote(-1, 2)], {ANA: -1}),
        ([vote(-1, 2), vote(1, 1)], {ANA: 1}),
        ([vote(1, 1), vote(0, 2)], {}),
        ([vote(1, 1), vote(0, 2), vote(-1, 3)], {ANA: -1}),
        ([vote(1, 1), retraction(vote(1, 1), 2)], {}),
        ([vote(1, 1), vote(-1, 2), retraction(vote(-1, 2), 3)], {ANA: 1}),
        ([vote(1, 1), vote(0, 2), retraction(vote(0, 2), 3)], {ANA: 1}),
        ([vote(1, 1), retraction(vote(1, 1), 2, BEN)], {ANA: 1}),
        ([vote(1, 1), vote(-1, 2, BEN)], {ANA: 1, BEN: -1}),
        ([an_event(EPISODE, Kind.COMMENT, {"text": "hm"})], {}),
    ],
)
def test_standing_votes(events: list[Feedback], votes: dict[MemberId, int]) -> None:
    assert standing_votes(events) == votes


@given(
    st.lists(
        st.tuples(st.sampled_from([ANA, BEN]), st.sampled_from([1, -1, 0, "retract last", "retract first"]))
    ),
)
def test_standing_votes_follow_what_each_member_did(
    actions: list[tuple[MemberId, int | str]],
) -> None:
    """A model that keeps, for each member, the list of votes that were not retracted."""
    kept: dict[MemberId, list[Feedback]] = {ANA: [], BEN: []}
    events: list[Feedback] = []
    for minute, (member, action) in enumerate(actions):
        if isinstance(action, int):
            events.append(vote(action, minute, member))
            kept[member].append(events[-1])
        elif kept[member]:
            taken = kept[member].pop(-1 if action == "retract last" else 0)
            events.append(retraction(taken, minute, member))

    latest = {member: votes[-1].value["vote"] for member, votes in kept.items() if votes}
    assert standing_votes(events) == {member: value for member, value in latest.items() if value}
