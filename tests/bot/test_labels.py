"""`lorekeeper labels` over a real journal: what the rules make of it, and what leaves it again."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path

import pytest

from agent.contracts import (
    Answer,
    AnswerKind,
    Category,
    EpisodeId,
    Feedback,
    FeedbackKind,
    GuildId,
    MemberId,
    PassageId,
    Quote,
    Role,
    Slug,
    Source,
    SourceId,
    SourceKind,
)
from agent.ids import new_id
from agent.privacy.consents import Consents
from agent.privacy.privacy import Privacy
from agent.runtime import Stores, open_stores
from agent.settings import Settings
from tests.agent.journal.episodes import ANA, BEN, NOON, an_episode, an_event
from tests.bot.conftest import Command

LOCAL = GuildId("local")
CAI, DEE = MemberId("cai"), MemberId("dee")
QUESTIONS = {
    "e1": "Did Marisol replace the pool pump?",
    "e2": "which oil does the car take",
    "e3": "Which OIL does the car take?",
    "e4": "Who replaced the pump of the pool, Marisol?",
}


def correction(episode: str, member: MemberId, category: str, role: Role = Role.MEMBER) -> Feedback:
    return Feedback(
        id=f"{episode}-{member}",
        guild=LOCAL,
        episode=EpisodeId(episode),
        member=member,
        at=NOON + timedelta(hours=1),
        kind=FeedbackKind.CORRECTION,
        value={"category": category},
        role=role,
    )


async def seed(stores: Stores) -> None:
    for slug in ("pool", "car"):
        await stores.catalog.put_category(LOCAL, Category(slug=Slug(slug), name=slug.title()))
    entry = Source(
        id=SourceId("s1"),
        guild=LOCAL,
        uri="entry:s1",
        kind=SourceKind.ENTRY,
        title="Pump",
        content_hash="0",
        author=DEE,
        author_name="Marisol",
        added_at=NOON,
    )
    await stores.catalog.put_source(entry, "The pump was replaced.")
    for id, question in QUESTIONS.items():  # noqa: A001
        await stores.journal.record(an_episode(id=EpisodeId(id), guild=LOCAL, member=ANA, question=question))
    for event in (
        correction("e1", BEN, "pool", Role.ADMIN),
        correction("e2", BEN, "car"),
        correction("e3", CAI, "car"),
        correction("e4", CAI, "pool", Role.ADMIN),
    ):
        await stores.journal.add_feedback(event)


@pytest.fixture
def labels(command: Command, tmp_path: Path) -> Command:
    """`command` over a journal of four questions and their corrections."""
    in_stores(tmp_path, seed)
    return command


def in_stores(tmp_path: Path, work: Callable[[Stores], Awaitable[object]]) -> None:
    async def run() -> None:
        async with open_stores(Settings(data_dir=tmp_path / "data")) as stores:
            await work(stores)

    asyncio.run(run())


def test_a_list_for_people(labels: Command) -> None:
    ran = labels("labels", "list")
    assert (ran.code, len(ran.lines)) == (0, 3)
    assert "route\tcar\twhich oil does the car take\t0.8\tcategory-corrected-by-members\t3" in ran.lines
    assert "3 labels; 0 questions wait" in ran.err


def test_a_list_for_scripts(labels: Command) -> None:
    listed = labels("labels", "list", "--json").json
    assert {label["question"] for label in listed["labels"]} == {
        "Did [name] replace the pool pump?",
        "which oil does the car take",
        "Who replaced the pump of the pool, [name]?",
    }
    assert listed["reviews"] == []


def test_an_export_is_the_same_bytes_each_time(labels: Command) -> None:
    ran = labels("labels", "export")
    assert ran.out == labels("labels", "export").out
    rows = [json.loads(line) for line in ran.lines]
    assert [(row["category"], row["events"]) for row in rows] == [
        ("car", ["e2-ben", "e3-cai"]),
        ("pool", ["e1-ben"]),
        ("pool", ["e4-cai"]),
    ]


def test_a_retracted_correction_is_no_label(labels: Command, tmp_path: Path) -> None:
    async def retract(stores: Stores) -> None:
        event = correction("e2", BEN, "car")
        await stores.journal.add_feedback(
            Feedback(
                id=new_id(),
                guild=LOCAL,
                episode=event.episode,
                member=BEN,
                at=event.at,
                kind=FeedbackKind.RETRACTION,
                value={"event": event.id},
            )
        )

    in_stores(tmp_path, retract)
    assert {row["category"] for row in labels("labels", "list", "--json").json["labels"]} == {"pool"}


def test_who_opts_out_is_not_learnt_from_any_longer(labels: Command, tmp_path: Path) -> None:
    async def opt_out(stores: Stores) -> None:
        await Consents(stores.database, stores.settings).set(LOCAL, BEN, False, NOON + timedelta(hours=2))

    in_stores(tmp_path, opt_out)
    assert [row["events"] for row in labels("labels", "list", "--json").json["labels"]] == [["e4-cai"]]


def test_an_answer_with_the_words_of_who_opted_out_is_not_learnt(labels: Command, tmp_path: Path) -> None:
    quote = Quote(
        text="The pump was replaced.",
        number=1,
        passage=PassageId("p1"),
        source=SourceId("s1"),
        title="Pump",
        location="Pump",
        start=0,
        end=22,
    )
    answer = Answer(text=quote.text, kind=AnswerKind.EXTRACTIVE, quotes=(quote,))

    async def dislike(stores: Stores) -> None:
        episode = an_episode(id=EpisodeId("e5"), guild=LOCAL, member=ANA, question="So?", answer=answer)
        await stores.journal.record(episode)
        await stores.journal.add_feedback(an_event(episode, FeedbackKind.VOTE, {"vote": -1}))

    async def opt_out(stores: Stores) -> None:
        await Consents(stores.database, stores.settings).set(LOCAL, DEE, False, NOON)

    in_stores(tmp_path, dislike)
    assert (
        "answer\tnot: The pump was replaced.\tSo?\t0.5\tanswer-disliked\t1" in labels("labels", "list").lines
    )
    in_stores(tmp_path, opt_out)
    assert "answer-disliked" not in labels("labels", "list").out


def test_who_is_forgotten_is_in_no_label(labels: Command, tmp_path: Path) -> None:
    async def forget(stores: Stores) -> None:
        await Privacy(stores).forget(LOCAL, CAI)

    in_stores(tmp_path, forget)
    assert "cai" not in labels("labels", "export").out
    assert len(labels("labels", "export").lines) == 1


def test_a_guild_that_asks_first_learns_from_nobody(labels: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOREKEEPER_TRAINING_CONSENT", "opt-in")
    assert labels("labels", "export").out == ""


def test_questions_in_other_words_are_one_group_on_request(labels: Command, lent_models: None) -> None:
    rows = [json.loads(line) for line in labels("labels", "export", "--similar").lines]
    assert [(row["category"], row["events"]) for row in rows if row["category"] == "pool"] == [
        ("pool", ["e1-ben", "e4-cai"])
    ]


def test_an_unknown_guild_is_named(labels: Command) -> None:
    ran = labels("labels", "list", "--guild", "nowhere")
    assert (ran.code, "nowhere" in ran.err) == (2, True)
