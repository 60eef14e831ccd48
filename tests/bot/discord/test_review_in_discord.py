"""`/review` through the loopback Discord: two clicks a decision, the next one loaded, what is not shown."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import delete

from agent.contracts import (
    LOCAL_GUILD,
    Answer,
    AnswerKind,
    Episode,
    EpisodeId,
    FeedbackKind,
    MemberId,
    Passage,
    Quote,
    Role,
)
from agent.database import tables
from agent.ids import new_id
from agent.knowledge.protocol import SearchQuery
from agent.serving.served import Task
from bot.state.config import Power
from bot.state.store import AnswerMessage
from tests.agent.journal.episodes import an_episode, an_event
from tests.bot.discord.conftest import Stage
from tests.bot.test_annotate import UNSURE
from tests.discord.interactions import Interaction
from tests.discord.members import Member
from tests.discord.model import Message
from tests.discord.permissions import Permission
from tuning.anomalies.anomaly import Found
from tuning.anomalies.anomaly import Kind as AnomalyKind
from tuning.anomalies.anomaly import State as AnomalyState
from tuning.anomalies.log import AnomalyLog
from tuning.labels.decisions import Decision
from tuning.labels.gathering import labels_of
from tuning.labels.store import DecisionStore
from tuning.patterns.log import Event, Facts, PatternLog, State
from tuning.patterns.pattern import Action

pytestmark = pytest.mark.asyncio(loop_scope="session")

ASKER, BEN = MemberId("900001"), MemberId("900002")


@dataclass
class Room:
    """The stage with a journal of its own, and what a test puts into it."""

    stage: Stage
    passage: Passage

    @property
    def admin(self) -> Member:
        return self.stage.loopback.admin()

    async def record(self, question: str, **changes: Any) -> Episode:
        values = {"id": EpisodeId(new_id()), "guild": LOCAL_GUILD, "member": ASKER, "question": question}
        episode = an_episode(**values | {"evidence": ((self.passage.id, 0.9),)} | changes)
        await self.stage.installation.stores.journal.record(episode)
        return episode

    async def unsure(self, question: str = "What about the hose, or the drawer?") -> Episode:
        return await self.record(question, route=UNSURE)

    async def disliked(self, question: str = "When was it replaced?", **changes: Any) -> Episode:
        words = self.passage.text.split(". ")[0]
        quote = Quote(
            text=words,
            number=1,
            passage=self.passage.id,
            source=self.passage.source,
            title="",
            location="",
            start=0,
            end=len(words),
        )
        answer = Answer(text=f"“{words}” [1]", kind=AnswerKind.EXTRACTIVE, quotes=(quote,))
        episode = await self.record(question, answer=answer, **changes)
        await self.stage.installation.stores.journal.add_feedback(
            an_event(episode, FeedbackKind.VOTE, {"vote": -1}, member=BEN)
        )
        return episode

    async def correct(self, episode: Episode, topic: str, role: Role = Role.MEMBER) -> None:
        event = an_event(episode, FeedbackKind.CORRECTION, {"category": topic}, member=BEN, role=role)
        await self.stage.installation.stores.journal.add_feedback(event)

    async def review(self, by: Member) -> Message:
        loopback = self.stage.loopback
        await loopback.wait.until(lambda: loopback.world.commands or None, what="the commands")
        shown = only(await by.slash("review"))
        await self.stage.until(lambda: bool(shown.content))
        return shown

    async def told(self, interaction: Interaction, words: str) -> None:
        """Wait until the member is told something that holds these words."""
        await self.stage.until(lambda: any(words in each.content for each in interaction.messages()))

    async def decisions(self) -> list[Decision]:
        return list(await DecisionStore(self.stage.installation.stores.database).all(LOCAL_GUILD))

    async def acts(self) -> list[tuple[str, str | None]]:
        return [(each.act.value, each.category) for each in await self.decisions()]

    async def asked_in(self, episode: Episode, channel: int) -> None:
        await self.stage.bot.state.put_answers(
            [
                AnswerMessage(
                    guild=LOCAL_GUILD,
                    message=int(new_id().replace("-", "")[:12], 16),
                    channel=channel,
                    question=None,
                    episode=episode.id,
                    member=ASKER,
                )
            ]
        )


def only(interaction: Interaction) -> Message:
    (message,) = interaction.messages()
    assert message.is_ephemeral
    return message


def _moderator(room: Room) -> Member:
    """Discord offers the command to them; whether they may review is said here."""
    role = room.stage.loopback.role("Moderators")
    role.permissions |= Permission.MANAGE_MESSAGES
    return room.stage.loopback.member("mo", roles=("Moderators",))


async def _let_review(room: Room, member: Member, *, may: bool = True) -> None:
    roles = frozenset(member.membership.roles) if may else frozenset[int]()
    await room.stage.bot.state.change_config(
        LOCAL_GUILD,
        lambda config: config.with_roles(Power.REVIEW, roles),
        by=MemberId("1"),
        action="test",
        detail={},
    )


async def _empty(stage: Stage) -> None:
    async with stage.installation.stores.database.write() as connection:
        for table in (tables.decisions, tables.feedback, tables.episodes):
            await connection.execute(delete(table).where(table.c.guild == LOCAL_GUILD))


@pytest_asyncio.fixture(loop_scope="session")
async def room(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Room]:
    """Nothing is asked of two here, and examples that a decision teaches are taken out again."""
    stores = stage.installation.stores
    monkeypatch.setitem(stores.settings.__dict__, "review_double_share", 0.0)
    query = SearchQuery(
        guild=LOCAL_GUILD, text="pool pump", vector=None, may_see=frozenset({"guild"}), limit=1
    )
    (found,) = await stores.store.search(query)
    await _empty(stage)
    before = await stores.catalog.examples(LOCAL_GUILD)
    yield Room(stage, found.passage)
    known = {each.question for each in before}
    taught = [each.question for each in await stores.catalog.examples(LOCAL_GUILD)]
    await stores.catalog.remove_examples(LOCAL_GUILD, [each for each in taught if each not in known])
    await _empty(stage)


async def test_an_item_is_shown_with_all_that_a_decision_needs(room: Room) -> None:
    await room.disliked()
    await room.unsure()
    shown = await room.review(room.admin)
    for part in (
        "**1 of 2** · members found",
        "When was it replaced?",
        "**Found:**",
        "**Votes:** 0 helpful, 1",
    ):
        assert part in shown.content
    assert len(shown.content) <= 2000
    assert " ".join(room.passage.text.split())[:60] in shown.content.replace("\\", "")


async def test_two_clicks_decide_and_the_next_one_is_loaded(room: Room) -> None:
    await room.disliked()
    await room.unsure()
    shown = await room.review(room.admin)
    await room.admin.clicks(shown, "Accept")
    await room.stage.until(lambda: shown.content.startswith("✅ Accepted."))
    assert "**1 of 1** · I was not sure of the topic" in shown.content
    assert "pool 50%, car 40%" in shown.content
    await room.admin.chooses(shown, "Correct", "car")
    await room.stage.until(lambda: shown.content.startswith("✏️ Corrected."))
    assert "Nothing waits for you" in shown.content
    assert await room.acts() == [("accept", None), ("correct", "car")]
    first = (await room.decisions())[0]
    assert (first.member, first.guideline, len(first.seen)) == (str(room.admin.id), 1, 1)
    made = await labels_of(room.stage.installation.stores, LOCAL_GUILD, now=datetime.now(UTC))
    assert {each.rule for each in made.labels} == {"answer-decided-in-review", "category-decided-in-review"}
    examples = await room.stage.installation.stores.catalog.examples(LOCAL_GUILD)
    assert "car" in {each.category for each in examples if each.origin == "review"}


async def test_discarding_and_taking_it_back_also_after_a_restart(room: Room) -> None:
    await room.disliked()
    shown = await room.review(room.admin)
    await room.stage.stop()
    await room.stage.start()
    await room.admin.clicks(shown, "Discard")
    await room.stage.until(lambda: shown.content.startswith("🗑️ Discarded."))
    assert await room.acts() == [("discard", None)]
    await room.admin.clicks(shown, "Undo")
    await room.stage.until(lambda: shown.content.startswith("↩️ Taken back."))
    assert "When was it replaced?" in shown.content
    assert await room.acts() == [("discard", None), ("undo", None)]


async def test_an_answer_is_corrected_in_a_form_whose_quotes_are_checked(room: Room) -> None:
    await room.disliked()
    shown = await room.review(room.admin)
    opened = await room.admin.clicks(shown, "Correct")
    wrong = {"Answer": "It was in spring.", "Quotes, one a line": "nobody ever wrote this", "Why": ""}
    refused = await room.admin.submits(opened, wrong)
    await room.told(refused, "does not stand in what was found")
    assert await room.decisions() == []
    opened = await room.admin.clicks(shown, "Correct")
    quote = " ".join(room.passage.text.split()[:4]).rstrip(".,:")
    right = {"Answer": "It was in spring.", "Quotes, one a line": quote, "Why": "shorter"}
    await room.admin.submits(opened, right)
    await room.stage.until(lambda: shown.content.startswith("✏️ Corrected."))
    (made,) = await room.decisions()
    assert (made.answer, made.quotes, made.note) == ("It was in spring.", (quote,), "shorter")
    assert [each.passage for each in made.evidence] == [room.passage.id]


async def test_two_reviewers_at_once_are_not_shown_the_same(room: Room) -> None:
    await room.disliked()
    await room.unsure()
    helper = _moderator(room)
    await _let_review(room, helper)
    first, second = await room.review(room.admin), await room.review(helper)
    assert "When was it replaced?" in first.content
    assert "What about the hose" in second.content
    await helper.clicks(second, "Discard")
    await room.stage.until(lambda: second.content.startswith("🗑️"))
    assert "Others are looking at 1." in second.content


async def test_the_second_of_two_who_were_shown_the_same_is_told(room: Room) -> None:
    await room.disliked()
    helper = _moderator(room)
    await _let_review(room, helper)
    first = await room.review(room.admin)
    await room.stage.stop()
    await room.stage.start()  # who looks at what is not known any longer
    second = await room.review(helper)
    await helper.clicks(second, "Discard")
    await room.stage.until(lambda: second.content.startswith("🗑️"))
    await room.admin.clicks(first, "Accept")
    await room.stage.until(lambda: first.content.startswith("It was decided meanwhile."))
    assert await room.acts() == [("discard", None)]


async def test_what_was_said_meanwhile_is_shown_before_anything_is_decided(room: Room) -> None:
    episode = await room.unsure()
    shown = await room.review(room.admin)
    await room.correct(episode, "car")
    await room.admin.clicks(shown, "Accept")
    await room.stage.until(lambda: shown.content.startswith("Something new was said"))
    assert "**Proposed:** car" in shown.content
    assert await room.decisions() == []


async def test_what_is_left_for_later_comes_last(room: Room) -> None:
    await room.disliked()
    await room.unsure()
    shown = await room.review(room.admin)
    await room.stage.stop()
    await room.stage.start()
    await room.admin.clicks(shown, "Later")
    await room.stage.until(lambda: "What about the hose" in shown.content)
    await room.admin.clicks(shown, "Later")
    await room.stage.until(lambda: "When was it replaced?" in shown.content)


async def test_only_who_may_review_is_let_in_and_it_is_asked_again_at_each_click(room: Room) -> None:
    await room.disliked()
    helper = _moderator(room)
    await room.told(await helper.slash("review"), "reviewing")
    await _let_review(room, helper)
    shown = await room.review(helper)
    await _let_review(room, helper, may=False)
    await room.told(await helper.clicks(shown, "Accept"), "reviewing")
    assert await room.decisions() == []


async def test_nothing_is_shown_of_what_the_reviewer_cannot_read(room: Room) -> None:
    helper = _moderator(room)
    await _let_review(room, helper)
    staff = room.stage.loopback.guild.channel("staff")
    asked_there = await room.disliked("What did the staff decide?")
    await room.asked_in(asked_there, staff.id)
    hidden = await room.review(helper)
    assert "Nothing waits for you" in hidden.content
    assert "What did the staff decide?" in (await room.review(room.admin)).content


async def test_a_question_of_an_archived_thread_is_shown_and_one_of_direct_messages_is_not(
    room: Room,
) -> None:
    ana = room.stage.loopback.member("ana")
    thread = await ana.opens_thread("general", "about the pool")
    await ana.archives(thread)
    guild = room.stage.bot.get_guild(room.stage.loopback.guild.id)
    assert guild is not None
    await room.stage.until(lambda: guild.get_thread(thread.id) is None)
    await room.asked_in(await room.unsure("What was that in the thread?"), thread.id)
    await room.asked_in(await room.unsure("What did I ask alone?"), ana.direct_channel.id)
    shown = await room.review(room.admin)
    assert "What was that in the thread?" in shown.content
    await room.admin.clicks(shown, "Discard")
    await room.stage.until(lambda: "Nothing waits for you" in shown.content)


async def test_names_of_others_are_not_shown(room: Room) -> None:
    await room.unsure("Call Ben Miller on +34 612 345 678 about the hose?")
    shown = await room.review(room.admin)
    assert "612" not in shown.content
    assert "[phone]" in shown.content.replace("\\", "")


async def test_it_speaks_spanish(room: Room) -> None:
    await room.unsure()
    pilar = room.stage.loopback.member("pilar", roles=("Admin",), locale="es-ES")
    assert "dudaba del tema" in (await room.review(pilar)).content


UNANSWERED = Found(kind=AnomalyKind.UNANSWERED, figures={"now": 60, "before": 5, "count": 12})


@pytest_asyncio.fixture(loop_scope="session")
async def reporting(room: Room) -> AsyncIterator[Room]:
    """The room with the logs of both detectors, which are emptied afterwards."""
    yield room
    async with room.stage.installation.stores.database.write() as connection:
        for table in (tables.anomaly_events, tables.pattern_events):
            await connection.execute(delete(table).where(table.c.guild == LOCAL_GUILD))


async def test_an_anomaly_is_dismissed_in_the_queue_and_that_is_taken_back(reporting: Room) -> None:
    log = AnomalyLog(reporting.stage.installation.stores.database)
    (raised,) = await log.raise_(LOCAL_GUILD, [UNANSWERED], datetime.now(UTC))
    shown = await reporting.review(reporting.admin)
    assert "**1 of 1** · I noticed something" in shown.content
    assert "60 % of 12 questions" in shown.content
    await reporting.admin.clicks(shown, "Discard")
    await reporting.stage.until(lambda: shown.content.startswith("🗑️ Discarded."))
    assert (await log.anomaly(LOCAL_GUILD, raised.id)).state is AnomalyState.DISMISSED
    await reporting.admin.clicks(shown, "Undo")
    await reporting.stage.until(lambda: shown.content.startswith("↩️ Taken back."))
    assert "60 % of 12 questions" in shown.content
    assert (await log.anomaly(LOCAL_GUILD, raised.id)).open


async def test_a_pattern_is_shown_to_who_can_read_where_it_was_asked(reporting: Room) -> None:
    helper = _moderator(reporting)
    await _let_review(reporting, helper)
    asked = await reporting.record("Which hose belongs to the drawer?")
    await reporting.asked_in(asked, reporting.stage.loopback.guild.channel("staff").id)
    facts = Facts(
        task=Task.ANSWER,
        category=None,
        medoid=asked.id,
        action=Action.HUMAN_REVIEW,
        met=(),
        remarks=6,
        members=3,
    )
    found = Event(id=new_id(), pattern="f" * 16, at=asked.asked_at, state=State.FOUND, facts=facts)
    log = PatternLog(reporting.stage.installation.stores.database)
    await log.add(LOCAL_GUILD, [found])
    assert "Nothing waits for you" in (await reporting.review(helper)).content
    shown = await reporting.review(reporting.admin)
    assert "6 remarks by 3 members" in shown.content
    assert "Which hose belongs to the drawer?" in shown.content
    await reporting.admin.clicks(shown, "Accept")
    await reporting.stage.until(lambda: shown.content.startswith("✅ Accepted."))
    assert (await log.standing(LOCAL_GUILD))["f" * 16].state is State.DONE
