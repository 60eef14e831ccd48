"""Reactions, buttons, the form and the list of topics, on answers from before and after a restart."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest

from agent.contracts import LOCAL_GUILD, Feedback, FeedbackKind, MemberId, Role
from agent.privacy.privacy import ACTION as FORGOT
from bot.cogs.reactions import missed_vote, taken_away
from bot.state.config import GuildConfig, Power
from bot.state.store import AnswerMessage
from tests.agent.journal.episodes import NOON, an_episode, an_event
from tests.bot.discord.conftest import Stage
from tests.discord.members import Member
from tests.discord.model import Message

pytestmark = pytest.mark.asyncio(loop_scope="session")

_PUMP = "When did we replace our pool pump?"


async def _asked(stage: Stage, member: Member, question: str = _PUMP) -> Message:
    return await stage.answer_to(await member.asks("general", question))


async def _row(stage: Stage, answer: Message) -> AnswerMessage:
    found = await stage.bot.state.answer(answer.id)
    assert found is not None
    return found


async def _votes(stage: Stage, answer: Message, expected: Mapping[Member, int]) -> None:
    """Wait until exactly these votes stand."""
    row = await _row(stage, answer)
    wanted = {MemberId(str(member.id)): vote for member, vote in expected.items()}

    async def stand() -> bool:
        return await stage.installation.stores.journal.votes(LOCAL_GUILD, row.episode) == wanted

    await stage.until(stand)


async def _made_again(stage: Stage, answer: Message, before: str) -> None:
    """Wait until the message is the answer of another episode, with its buttons."""

    async def is_another() -> bool:
        return (await _row(stage, answer)).episode != before

    await stage.until(is_another)
    await stage.idle()


async def _events(stage: Stage, answer: Message) -> list[Feedback]:
    row = await _row(stage, answer)
    return list(await stage.installation.stores.journal.feedback(LOCAL_GUILD, episode=row.episode))


async def test_reactions_are_added_switched_and_removed_by_anyone(stage: Stage) -> None:
    ana, ben = stage.loopback.member("ana"), stage.loopback.member("ben")
    answer = await _asked(stage, ana)
    await ana.reacts(answer, "👍")
    await ben.reacts(answer, "👎🏽")
    await _votes(stage, answer, {ana: 1, ben: -1})
    await ana.reacts(answer, "👎")
    await _votes(stage, answer, {ana: -1, ben: -1})
    await ana.unreacts(answer, "👎")
    await _votes(stage, answer, {ana: 1, ben: -1})
    await ana.unreacts(answer, "👍")
    await ben.unreacts(answer, "👎🏽")
    await _votes(stage, answer, {})


async def test_a_reaction_to_somebody_elses_message_is_no_vote(stage: Stage) -> None:
    ana = stage.loopback.member("ana")
    said = await ana.says("general", "hello")
    await ana.reacts(said, "👍")
    answer = await _asked(stage, ana)
    await ana.reacts(answer, "🎉")
    await stage.loopback.other_bot().reacts(answer, "👍")
    await ana.reacts(answer, "👍")
    await _votes(stage, answer, {ana: 1})


async def test_a_button_is_one_vote_however_often_it_is_pressed(stage: Stage) -> None:
    ana = stage.loopback.member("ana")
    answer = await _asked(stage, ana)
    for _ in range(3):
        pressed = await ana.clicks(answer, "👍")
        assert [(m.content, m.is_ephemeral) for m in pressed.messages()] == [("Thank you!", True)]
    await _votes(stage, answer, {ana: 1})
    assert len([e for e in await _events(stage, answer) if e.kind is FeedbackKind.VOTE]) == 1


async def test_not_helpful_opens_a_form_and_counts_at_once(stage: Stage) -> None:
    ana = stage.loopback.member("ana")
    answer = await _asked(stage, ana)
    opened = await ana.clicks(answer, "Not helpful")
    assert opened.modal is not None
    await _votes(stage, answer, {ana: -1})
    done = await ana.submits(
        opened, {"Reason": "outdated", "What would have been right?": "In May 2025, by Ana."}
    )
    assert [message.is_ephemeral for message in done.messages()] == [True]
    events = {event.kind: event.value for event in await _events(stage, answer)}
    assert events[FeedbackKind.REASON] == {"reason": "outdated"}
    assert events[FeedbackKind.CORRECTION] == {"answer": "In May 2025, by Ana."}


async def test_the_form_speaks_the_members_language(stage: Stage) -> None:
    answer = await _asked(stage, stage.loopback.member("ana"))
    pilar = stage.loopback.member("pilar", locale="es-ES")
    opened = await pilar.clicks(answer, "👎")
    assert opened.modal is not None
    assert opened.modal["title"] == "¿Qué estaba mal?"


async def test_everything_works_on_an_answer_from_before_a_restart(stage: Stage) -> None:
    ana, ben = stage.loopback.member("ana"), stage.loopback.member("ben")
    answer = await _asked(stage, ana)
    await stage.stop()
    await stage.start()
    await ana.clicks(answer, "👍")
    await ben.reacts(answer, "👎")
    await _votes(stage, answer, {ana: 1, ben: -1})
    opened = await ben.clicks(answer, "👎")
    await ben.submits(opened, {"Reason": "tone"})
    await ana.clicks(answer, "🏷️")
    shown = await ana.clicks(answer, "📚")
    assert "**Sources**" in shown.messages()[0].content


async def test_a_topic_that_is_corrected_is_learnt_and_answered_again(stage: Stage) -> None:
    ana = stage.loopback.member("ana")
    question = "How much air goes into the big round ones?"
    answer = await _asked(stage, ana, question)
    before = (await _row(stage, answer)).episode
    offered = await ana.clicks(answer, "Wrong topic")
    await ana.chooses(offered.messages()[0], "What is this", "car")
    await _made_again(stage, answer, before)
    examples = await stage.installation.stores.catalog.examples(LOCAL_GUILD)
    assert [e.category for e in examples if e.question == question] == ["car"]
    await stage.installation.stores.catalog.remove_examples(LOCAL_GUILD, [question])


async def test_a_topic_from_who_may_not_teach_waits(stage: Stage) -> None:
    ana = stage.loopback.member("ana")
    question = "What about the big round ones?"
    answer = await _asked(stage, ana, question)
    teachers = frozenset({stage.loopback.role("Teachers").id})
    await stage.bot.state.change_config(
        LOCAL_GUILD,
        lambda _: GuildConfig().with_roles(Power.TEACH, teachers),
        by=MemberId("1"),
        action="test",
        detail={},
    )
    offered = await ana.clicks(answer, "Wrong topic")
    await ana.chooses(offered.messages()[0], "What is this", "car")
    events = {event.kind: event.value for event in await _events(stage, answer)}
    assert events[FeedbackKind.CORRECTION] == {"category": "car"}
    examples = await stage.installation.stores.catalog.examples(LOCAL_GUILD)
    assert question not in [example.question for example in examples]
    told = await stage.loopback.wait.reply_to(await ana.asks("general", "remember that the gate code is 12"))
    assert "/roles" in told.content


async def test_an_interaction_that_is_told_twice_is_one_correction(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    ana = stage.loopback.member("ana")
    answer = await _asked(stage, ana)
    teachers = GuildConfig().with_roles(Power.TEACH, frozenset({1}))
    await stage.bot.state.change_config(
        LOCAL_GUILD, lambda _: teachers, by=MemberId("1"), action="test", detail={}
    )
    give, given = stage.bot.agent.give_feedback, []

    async def count(*arguments: Any, **named: Any) -> Feedback:
        given.append(await give(*arguments, **named))
        return given[-1]

    monkeypatch.setattr(stage.bot.agent, "give_feedback", count)
    offered = await ana.clicks(answer, "Wrong topic")
    await ana.chooses(offered.messages()[0], "What is this", "car")
    stage.loopback.gateway.repeat("INTERACTION_CREATE")
    await stage.until(lambda: len(given) == 2)
    assert [event.id for event in await _events(stage, answer)] == [given[0].id]
    offered = await ana.clicks(answer, "Wrong topic")
    await ana.chooses(offered.messages()[0], "What is this", "pool")
    assert len(await _events(stage, answer)) == 2


@pytest.mark.parametrize("role", [Role.MEMBER, Role.ADMIN])
async def test_a_correction_says_in_which_capacity_it_was_given(role: Role, stage: Stage) -> None:
    member = stage.loopback.admin() if role is Role.ADMIN else stage.loopback.member("ana")
    answer = await _asked(stage, member)
    opened = await member.clicks(answer, "👎")
    await member.submits(opened, {"Reason": "outdated", "What would have been right?": "In 2026."})
    given = {event.kind: event.role for event in await _events(stage, answer)}
    assert (given[FeedbackKind.REASON], given[FeedbackKind.CORRECTION]) == (role, role)


async def test_an_answer_is_made_again_by_who_asked_only(stage: Stage) -> None:
    ana, ben = stage.loopback.member("ana"), stage.loopback.member("ben")
    answer = await _asked(stage, ana)
    before = (await _row(stage, answer)).episode
    refused = await ben.clicks(answer, "🔁")
    assert [m.content for m in refused.messages()] == ["Only who asked, or a moderator, can do that."]
    await ana.clicks(answer, "🔁")
    await _made_again(stage, answer, before)
    assert answer.button("👍")["custom_id"].endswith((await _row(stage, answer)).episode)
    assert len(stage.loopback.said_by_bot(answer.channel)) == 1


async def test_an_answer_is_dismissed_by_who_asked_or_a_moderator(stage: Stage) -> None:
    ana, ben = stage.loopback.member("ana"), stage.loopback.member("ben")
    first, second = await _asked(stage, ana), await _asked(stage, ana)
    await ben.clicks(first, "🗑️")
    assert not first.deleted
    await ana.clicks(first, "🗑️")
    await stage.loopback.admin().clicks(second, "🗑️")
    await stage.loopback.wait.until(lambda: (first.deleted and second.deleted) or None, what="the deletion")


async def test_a_fact_is_remembered_and_taken_back(stage: Stage) -> None:
    ana = stage.loopback.member("ana")
    noted = await _asked(stage, ana, "remember that the spare gate key hangs behind the blue barrel")
    assert noted.content.startswith("Noted")
    found = await _asked(stage, ana, "Where does the spare gate key hang?")
    assert "blue barrel" in found.content
    assert noted.button("Undo")
    await ana.clicks(noted, "Undo")
    await stage.loopback.wait.until(lambda: True if noted.content == "Forgotten." else None)
    gone = await _asked(stage, ana, "Where does the spare gate key hang now?")
    assert "blue barrel" not in gone.content


@pytest.mark.parametrize(
    ("shown", "standing", "given", "expected"),
    [
        ({1}, 0, set(), 1),
        ({-1}, 1, {1}, -1),
        ({1, -1}, 1, {1}, -1),
        ({1}, 0, {1, 0}, 1),
        ({1}, 1, {1}, None),
        ({1}, -1, {1, -1}, None),
        ({1, -1}, 0, set(), None),
        (set(), 1, {1}, None),
    ],
    ids=[
        "new",
        "switched",
        "switched, the first still there",
        "given, taken back, given",
        "known",
        "outdone by a button",
        "both, nobody knows in which order",
        "taken back, or by a button",
    ],
)
async def test_what_a_thumb_that_stands_there_says(
    shown: set[int], standing: int, given: set[int], expected: int | None
) -> None:
    assert missed_vote(shown, standing, given) == expected


async def test_thumbs_of_an_absence_count(stage: Stage) -> None:
    ana, ben = stage.loopback.member("ana"), stage.loopback.member("ben")
    answer = await _asked(stage, ana)
    await ben.reacts(answer, "👍")
    await _votes(stage, answer, {ben: 1})
    await stage.stop()
    await ana.reacts(answer, "👎🏽")
    await ben.unreacts(answer, "👍")
    await ben.reacts(answer, "👎")
    await stage.loopback.other_bot().reacts(answer, "👍")
    stage.loopback.faults.fail(r"GET /channels/\d+/messages", 503)
    await stage.start()
    await _votes(stage, answer, {ana: -1, ben: -1})


async def test_thumbs_from_before_somebody_was_forgotten_are_not_read_again(stage: Stage) -> None:
    ana, ben = stage.loopback.member("ana"), stage.loopback.member("ben")
    answer = await _asked(stage, ana)
    await ben.reacts(answer, "👍")
    await _votes(stage, answer, {ben: 1})
    await stage.bot.state.audit(LOCAL_GUILD, by=MemberId("forgotten"), action=FORGOT, detail={})
    await stage.stop()
    await ana.reacts(answer, "👍")
    await stage.start()
    later = await _asked(stage, ana)
    await ana.reacts(later, "👍")
    await _votes(stage, later, {ana: 1})
    await _votes(stage, answer, {ben: 1})


def _vote(vote: int, *, shown: bool = True, member: str = "ana", at: datetime = NOON) -> Feedback:
    value = {"vote": vote, "shown": True} if shown else {"vote": vote}
    return an_event(an_episode(), FeedbackKind.VOTE, value, member=MemberId(member), at=at)


@pytest.mark.parametrize(
    ("shown", "events", "taken"),
    [
        ({}, [_vote(1)], ["ana"]),
        ({"ana": {1}}, [_vote(1)], []),
        ({"ana": {-1}}, [_vote(1)], ["ana"]),
        ({"ben": {1}}, [_vote(1)], ["ana"]),
        ({}, [_vote(1, shown=False)], []),
        ({}, [_vote(1), _vote(-1, shown=False)], []),
        ({}, [_vote(1), _vote(0, shown=False)], []),
        ({}, [_vote(1, at=NOON + timedelta(seconds=1))], []),
        ({}, [_vote(1), _vote(-1, member="ben")], ["ana", "ben"]),
    ],
    ids=[
        "gone",
        "there",
        "the other one is there",
        "somebody else's",
        "pressed",
        "pressed after it",
        "taken back before",
        "given while it was read",
        "two",
    ],
)
async def test_what_a_thumb_that_is_gone_says(
    shown: dict[str, set[int]], events: list[Feedback], taken: list[str]
) -> None:
    there = {MemberId(member): votes for member, votes in shown.items()}
    assert taken_away(there, events, NOON + timedelta(seconds=1)) == taken


async def test_thumbs_that_were_taken_away_during_an_absence_count_no_longer(stage: Stage) -> None:
    ana, ben, cai = (stage.loopback.member(name) for name in ("ana", "ben", "cai"))
    answer = await _asked(stage, ana)
    await ana.reacts(answer, "👍")
    await ben.reacts(answer, "👎")
    await cai.clicks(answer, "Helpful")
    await _votes(stage, answer, {ana: 1, ben: -1, cai: 1})
    await stage.stop()
    await ana.unreacts(answer, "👍")
    await stage.start()
    await _votes(stage, answer, {ben: -1, cai: 1})
