"""What every journal must do, whatever keeps it."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from sqlalchemy import delete

from agent.contracts import Answer, AnswerKind, Episode, EpisodeId, FeedbackKind, Role
from agent.database import tables
from agent.database.engine import Database
from agent.errors import UsageError
from agent.ids import new_id
from agent.journal.protocol import Journal
from tests.agent.journal.episodes import ANA, BEN, HOME, NOON, WORK, an_episode, an_event, episodes

Kind = FeedbackKind


@given(episodes)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
async def test_any_episode_comes_back_as_it_was(journal: Journal, episode: Episode) -> None:
    await journal.record(episode)
    assert await journal.episode(HOME, episode.id) == episode


async def test_recording_again_changes_nothing(journal: Journal) -> None:
    episode = an_episode()
    await journal.record(episode)
    await journal.record(replace(episode, question="another", member=BEN))

    assert await journal.episodes(HOME) == (episode,)


async def test_no_guild_sees_episodes_or_feedback_of_another(journal: Journal) -> None:
    ours = an_episode()
    theirs = replace(ours, guild=WORK, question="a secret")
    for episode in (ours, theirs):
        await journal.record(episode)
    event = an_event(theirs, Kind.VOTE, {"vote": 1})
    await journal.add_feedback(event)

    assert await journal.episodes(HOME) == (ours,)
    assert await journal.episode(WORK, ours.id) == theirs
    assert await journal.feedback(HOME) == ()
    assert await journal.votes(HOME, ours.id) == {}
    assert await journal.feedback(WORK) == (event,)


async def test_an_episode_that_never_was_is_none(journal: Journal) -> None:
    assert await journal.episode(HOME, EpisodeId(new_id())) is None
    assert await journal.episodes(HOME) == ()


async def test_a_failed_question_is_an_episode_too(journal: Journal) -> None:
    failed = an_episode(answer=None, error="The model is gone.", error_id=new_id())
    await journal.record(failed)
    assert await journal.episode(HOME, failed.id) == failed


@pytest.mark.parametrize("clock", [1, -1], ids=["a clock that runs on", "a clock that jumps back"])
async def test_episodes_are_paged_in_the_order_they_were_stored(journal: Journal, clock: int) -> None:
    recorded = tuple(an_episode(question=f"{number}?") for number in range(7))[::clock]
    for episode in recorded:
        await journal.record(episode)

    pages = [await journal.episodes(HOME, limit=3)]
    while pages[-1]:
        pages.append(await journal.episodes(HOME, limit=3, after=pages[-1][-1].id))

    assert [len(page) for page in pages] == [3, 3, 1, 0]
    assert sum(pages, ()) == recorded


async def test_episodes_since_a_time_in_any_zone(journal: Journal) -> None:
    recorded = [an_episode(asked_at=NOON + timedelta(hours=hour)) for hour in range(4)]
    for episode in recorded:
        await journal.record(episode)
    since = (NOON + timedelta(hours=2)).astimezone(tz=None)

    assert await journal.episodes(HOME, since=since) == tuple(recorded[2:])
    assert await journal.episodes(HOME, since=since, after=recorded[2].id) == (recorded[3],)


async def test_a_time_without_zone_is_refused(journal: Journal) -> None:
    with pytest.raises(UsageError, match="no time zone"):
        await journal.record(an_episode(asked_at=NOON.replace(tzinfo=None)))
    assert await journal.episodes(HOME) == ()


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (Kind.VOTE, {"vote": -1}),
        (Kind.REASON, {"reason": "it was the old pump\0"}),
        (Kind.CORRECTION, {"category": "pool", "answer": "In June."}),
        (Kind.COMMENT, {"text": "gracias ✨"}),
    ],
)
async def test_feedback_comes_back_as_it_was(journal: Journal, kind: FeedbackKind, value: Any) -> None:
    episode = an_episode()
    event = an_event(episode, kind, value)
    await journal.record(episode)
    await journal.add_feedback(event)

    assert await journal.feedback(HOME) == (event,)


async def test_feedback_again_changes_nothing(journal: Journal) -> None:
    episode = an_episode()
    event = an_event(episode, Kind.VOTE, {"vote": 1})
    await journal.record(episode)
    for value in (1, -1):
        await journal.add_feedback(replace(event, value={"vote": value}))

    assert await journal.feedback(HOME) == (event,)


async def test_an_episode_from_a_machine_whose_clock_is_behind_is_on_a_later_page(journal: Journal) -> None:
    behind = an_episode(asked_at=NOON - timedelta(hours=1))
    seen = an_episode()
    for episode in (seen, behind):
        await journal.record(episode)

    assert behind.id < seen.id
    assert await journal.episodes(HOME, after=seen.id) == (behind,)


async def test_paging_goes_on_behind_an_episode_that_was_forgotten(
    database: Database, journal: Journal
) -> None:
    forgotten, left = an_episode(), an_episode()
    for episode in (forgotten, left):
        await journal.record(episode)
    async with database.write() as connection:
        await connection.execute(delete(tables.episodes).where(tables.episodes.c.id == forgotten.id))

    assert await journal.episodes(HOME, after=forgotten.id) == (left,)
    assert await journal.episodes(HOME, after=left.id) == ()


async def test_feedback_is_listed_by_episode_and_member_in_the_order_it_was_stored(journal: Journal) -> None:
    first, second = an_episode(), an_episode()
    events = [
        an_event(first, Kind.VOTE, {"vote": 1}, at=NOON),
        an_event(second, Kind.VOTE, {"vote": 1}, at=NOON, member=BEN),
        an_event(first, Kind.COMMENT, {"text": "hm"}, at=NOON - timedelta(hours=1), member=BEN),
    ]
    for episode in (first, second):
        await journal.record(episode)
    for event in events:
        await journal.add_feedback(event)

    assert await journal.feedback(HOME) == tuple(events)
    assert await journal.feedback(HOME, episode=first.id) == (events[0], events[2])
    assert await journal.feedback(HOME, member=BEN) == (events[1], events[2])
    assert await journal.feedback(HOME, episode=second.id, member=ANA) == ()
    assert await journal.feedback_on(HOME, [first.id, EpisodeId(new_id())]) == (events[0], events[2])
    assert await journal.feedback_on(HOME, [second.id, first.id]) == tuple(events)
    assert await journal.feedback_on(HOME, []) == ()
    assert await journal.feedback_on(WORK, [first.id]) == ()


async def test_feedback_on_no_episode_is_refused(journal: Journal) -> None:
    episode = an_episode()
    await journal.record(replace(episode, guild=WORK))
    with pytest.raises(UsageError, match="no episode"):
        await journal.add_feedback(an_event(episode, Kind.VOTE, {"vote": 1}))
    assert await journal.feedback(HOME) == ()


async def test_feedback_with_a_wrong_value_is_refused(journal: Journal) -> None:
    episode = an_episode()
    await journal.record(episode)
    with pytest.raises(UsageError, match="a vote is 1, -1 or 0"):
        await journal.add_feedback(an_event(episode, Kind.VOTE, {"vote": 5}))
    assert await journal.feedback(HOME) == ()


async def test_retractions_are_kept_beside_what_they_retract(journal: Journal) -> None:
    episode = an_episode()
    vote = an_event(episode, Kind.VOTE, {"vote": 1})
    retraction = an_event(episode, Kind.RETRACTION, {"event": vote.id})
    await journal.record(episode)
    await journal.add_feedback(vote)
    assert await journal.votes(HOME, episode.id) == {ANA: 1}
    await journal.add_feedback(retraction)

    assert await journal.votes(HOME, episode.id) == {}
    assert await journal.feedback(HOME) == (vote, retraction)


@pytest.mark.parametrize("retracted", ["another's", "another episode's", "a retraction", "never was"])
async def test_a_member_retracts_only_own_events_of_the_episode(journal: Journal, retracted: str) -> None:
    episode, other = an_episode(), an_episode()
    vote = an_event(episode, Kind.VOTE, {"vote": 1})
    events = {
        "another's": an_event(episode, Kind.VOTE, {"vote": 1}, member=BEN),
        "another episode's": an_event(other, Kind.VOTE, {"vote": 1}),
        "a retraction": an_event(episode, Kind.RETRACTION, {"event": vote.id}),
    }
    for one in (episode, other):
        await journal.record(one)
    for event in (vote, *events.values()):
        await journal.add_feedback(event)
    named = events[retracted].id if retracted in events else new_id()

    with pytest.raises(UsageError, match="to retract"):
        await journal.add_feedback(an_event(episode, Kind.RETRACTION, {"event": named}))
    assert len(await journal.feedback(HOME)) == 4


@pytest.mark.parametrize("clock", [1, -60], ids=["a clock that runs on", "a clock that jumps back"])
async def test_votes_count_once_per_member_and_a_changed_mind_counts(journal: Journal, clock: int) -> None:
    episode, other = an_episode(), an_episode()
    for one in (episode, other):
        await journal.record(one)
    for minute, (member, value) in enumerate([(ANA, 1), (BEN, 1), (ANA, 1), (BEN, -1)]):
        at = NOON + timedelta(minutes=minute * clock)
        await journal.add_feedback(an_event(episode, Kind.VOTE, {"vote": value}, at=at, member=member))

    assert await journal.votes(HOME, episode.id) == {ANA: 1, BEN: -1}
    assert await journal.votes(HOME, other.id) == {}


async def test_tasks_that_write_at_once_lose_nothing(journal: Journal) -> None:
    recorded = [an_episode() for _ in range(40)]

    async def ask_and_vote(episode: Episode) -> None:
        await journal.record(episode)
        await journal.add_feedback(an_event(episode, Kind.VOTE, {"vote": 1}))

    await asyncio.gather(*map(ask_and_vote, recorded))

    listed = await journal.episodes(HOME)
    assert sorted(episode.id for episode in listed) == [episode.id for episode in recorded]
    assert len(await journal.feedback(HOME)) == 40


async def test_a_long_episode_comes_back(journal: Journal) -> None:
    long = an_episode(question="why " * 25_000, answer=Answer(text="x" * 10**6, kind=AnswerKind.SUMMARY))
    await journal.record(long)
    assert await journal.episode(HOME, long.id) == long


async def test_check_counts(journal: Journal) -> None:
    episode = an_episode()
    await journal.record(episode)
    await journal.add_feedback(an_event(episode, Kind.VOTE, {"vote": 1}))

    assert (await journal.check()).endswith(": 1 episode, 1 feedback event")


async def test_a_member_is_forgotten_with_what_others_said_of_their_questions(journal: Journal) -> None:
    asked, other = an_episode(), an_episode(member=BEN)
    elsewhere = replace(asked, guild=WORK)
    for episode in (asked, other, elsewhere):
        await journal.record(episode)
    vote = {"vote": 1}
    stays = an_event(other, Kind.VOTE, vote, member=BEN)
    for event in (
        an_event(asked, Kind.VOTE, vote),
        an_event(asked, Kind.VOTE, vote, member=BEN),
        an_event(other, Kind.COMMENT, {"text": "mine"}),
        stays,
        an_event(elsewhere, Kind.VOTE, vote),
    ):
        await journal.add_feedback(event)

    assert await journal.forget(HOME, ANA) == (1, 3)
    assert await journal.forget(HOME, ANA) == (0, 0)

    assert await journal.episodes(HOME) == (other,)
    assert await journal.feedback(HOME) == (stays,)
    assert await journal.episodes(WORK) == (elsewhere,)
    assert len(await journal.feedback(WORK)) == 1


async def test_a_redacted_episode_keeps_its_place_and_its_feedback(journal: Journal) -> None:
    first, second, third = (an_episode() for _ in range(3))
    for episode in (first, second, third):
        await journal.record(episode)
    event = an_event(second, Kind.CORRECTION, {"category": "pool"}, member=BEN, role=Role.REVIEWER)
    await journal.add_feedback(event)
    less = replace(second, answer=Answer(text="", kind=AnswerKind.EXTRACTIVE), evidence=())

    await journal.redact(less)
    await journal.redact(replace(an_episode(), question="never recorded"))

    assert await journal.episodes(HOME) == (first, less, third)
    assert await journal.feedback(HOME) == (event,)
    await journal.record(later := an_episode())
    assert (await journal.episodes(HOME))[-1] == later


@pytest.mark.parametrize("role", Role)
async def test_feedback_says_in_which_capacity_it_was_given(journal: Journal, role: Role) -> None:
    await journal.record(episode := an_episode())
    await journal.add_feedback(event := an_event(episode, Kind.VOTE, {"vote": 1}, role=role))

    assert await journal.feedback(HOME) == (event,)
