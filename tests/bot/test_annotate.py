"""`lorekeeper annotate` over a real journal, with the keys of a person out of a pipe."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from prompt_toolkit.application import create_app_session
from prompt_toolkit.input import create_pipe_input
from prompt_toolkit.output import DummyOutput

from agent.contracts import (
    Answer,
    AnswerKind,
    Category,
    CategoryScore,
    EpisodeId,
    FeedbackKind,
    GuildId,
    MemberId,
    Passage,
    PassageId,
    Quote,
    Role,
    Route,
    RouteDecision,
    Slug,
    Source,
    SourceId,
    SourceKind,
)
from agent.knowledge.protocol import IndexSpec
from agent.runtime import Stores
from bot.annotating import KEYS, described
from tests.agent.journal.episodes import ANA, BEN, NOON, an_episode, an_event
from tests.bot.conftest import Command, Ran
from tests.bot.test_labels import LOCAL, in_stores
from tests.docs.commands import commands
from tuning.annotation.exhibit import exhibit_of
from tuning.annotation.reviewing import Reviewing

TEXT = "In May 2024 Marisol replaced the pool pump with a Hayward."
QUOTE = Quote(
    text="In May 2024 Marisol replaced the pool pump",
    number=1,
    passage=PassageId("p1"),
    source=SourceId("s1"),
    title="Pool",
    location="Pump",
    start=0,
    end=42,
)
_END = "\x04"
"""Ctrl-D, where nothing is typed: the end of the input."""
UNSURE = Route(
    scores=(
        CategoryScore(category=Slug("pool"), probability=0.5, contributions={}),
        CategoryScore(category=Slug("car"), probability=0.4, contributions={}),
    ),
    out_of_scope=0.1,
    decision=RouteDecision.UNION,
    categories=(Slug("pool"), Slug("car")),
    model_asked=False,
    reason="",
)


async def seed(stores: Stores) -> None:
    """A disliked answer, and a question that the router was not sure of."""
    for slug in ("pool", "car"):
        await stores.catalog.put_category(LOCAL, Category(slug=Slug(slug), name=slug.title()))
    await stores.store.open_index(IndexSpec(embedder="none", dimension=2, chunker="1"))
    passage = Passage(
        id=PassageId("p1"),
        guild=LOCAL,
        source=SourceId("s1"),
        ordinal=0,
        title="Pool",
        location="Pump",
        text=TEXT,
        start=0,
        end=len(TEXT),
    )
    await stores.store.put_source(LOCAL, passage.source, [passage], {passage.id: np.ones(2, np.float32)})
    source = Source(
        id=passage.source,
        guild=LOCAL,
        uri="/pool.md",
        kind=SourceKind.FILE,
        title="Pool",
        content_hash="0",
        added_at=NOON,
    )
    await stores.catalog.put_source(source, TEXT)
    answer = Answer(text=f"“{QUOTE.text}” [1]", kind=AnswerKind.EXTRACTIVE, quotes=(QUOTE,))
    disliked = an_episode(id=EpisodeId("e1"), guild=LOCAL, member=ANA, answer=answer)
    await stores.journal.record(disliked)
    await stores.journal.add_feedback(
        an_event(disliked, FeedbackKind.VOTE, {"vote": -1}, member=BEN, id="f1")
    )
    await stores.journal.record(
        an_episode(id=EpisodeId("e2"), guild=LOCAL, member=ANA, question="What about the hose?", route=UNSURE)
    )


@pytest.fixture
def typing(command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Ran]:
    """Run `lorekeeper annotate` with these keys; what comes after them is the end of the input."""
    monkeypatch.setenv("LOREKEEPER_REVIEW_DOUBLE_SHARE", "0")
    monkeypatch.setenv("LOREKEEPER_LANGUAGE", "en")
    in_stores(tmp_path, seed)

    def run(keys: str, *options: str) -> Ran:
        with create_pipe_input() as pipe, create_app_session(input=pipe, output=DummyOutput()):
            pipe.send_text(keys + _END)
            return command("annotate", *options)

    return run


def decisions(command: Callable[..., Ran], *options: str) -> list[tuple[str, str, str | None]]:
    listed = command("", "history", "--json").json
    return [(each["member"], each["act"], each["category"] or each["answer"] or None) for each in listed]


def test_what_helps_most_is_shown_first_with_all_that_a_decision_needs(typing: Callable[..., Ran]) -> None:
    ran = typing("q")
    assert ran.code == 0
    shown = ran.out
    assert "[1/2] answer: members found the answer wrong" in shown
    assert "When did we replace our pool pump?" in shown
    assert f"evidence 1: Pool › Pump: {TEXT}" in shown
    assert "votes: 0 helpful, 1 not" in shown
    assert "proposed: “In May 2024 Marisol replaced the pool pump” [1]" in shown
    assert "0 decided in this session; the rest waits." in shown


def test_accepting_and_going_on_until_nothing_waits(typing: Callable[..., Ran]) -> None:
    ran = typing("aa")
    assert "[2/2] route: the router was not sure" in ran.out
    assert "route: pool 50%, car 40%, out of scope 10%" in ran.out
    assert "Nothing waits for me. 2 decided in this session." in ran.out
    assert decisions(typing) == [
        ("me", "accept", "“In May 2024 Marisol replaced the pool pump” [1]"),
        ("me", "accept", "pool"),
    ]


def test_labels_follow_and_the_router_learns_at_once(
    typing: Callable[..., Ran], command: Command, tmp_path: Path
) -> None:
    typing("aa")
    rules = {row["rule"] for row in command("labels", "list", "--json").json["labels"]}
    assert rules == {"answer-decided-in-review", "category-decided-in-review"}
    assert examples(tmp_path) == [("What about the hose?", "pool", "review", "me")]
    typing("uq")
    assert examples(tmp_path) == []


def test_nothing_is_learnt_from_a_reviewer_who_opted_out(
    typing: Callable[..., Ran], command: Command, tmp_path: Path
) -> None:
    command("privacy", "training", "off", "--member", "rex")
    typing("saq", "--as", "rex")
    assert decisions(typing) == [("rex", "accept", "pool")]
    assert examples(tmp_path) == []
    assert "category-decided-in-review" not in command("labels", "export").out
    assert "[1/1] answer" in typing("q", "--as", "rex").out


def test_undoing_brings_back_the_example_of_the_correction_before(
    typing: Callable[..., Ran], tmp_path: Path
) -> None:
    async def correct(stores: Stores) -> None:
        episode = await stores.journal.episode(LOCAL, EpisodeId("e2"))
        assert episode is not None
        event = an_event(episode, FeedbackKind.CORRECTION, {"category": "car"}, member=BEN, role=Role.MEMBER)
        await stores.journal.add_feedback(event)

    in_stores(tmp_path, correct)
    typing("sc" + "pool\r" + "\r" + "uq")
    assert examples(tmp_path) == [("What about the hose?", "car", "correction", "ben")]


def test_a_topic_is_corrected_with_a_reason(typing: Callable[..., Ran]) -> None:
    ran = typing("s" + "c" + "car\r" + "it is the garden hose of the car wash\r" + "q")
    assert "topic (car, pool)>" not in ran.err
    listed = typing("", "history", "--json").json
    assert [(each["category"], each["note"], each["kind"]) for each in listed] == [
        ("car", "it is the garden hose of the car wash", "low_confidence")
    ]
    assert (listed[0]["guideline"], listed[0]["seen"]) == (1, [])


def test_an_answer_is_written_with_a_quote_that_is_checked(typing: Callable[..., Ran]) -> None:
    clear = "\x01\x0b"
    wrong = "c" + clear + "It was in spring.\r" + "we replaced the pump\r" + "\r" + "\r"
    right = "c" + clear + "It was in spring.\r" + "In May 2024\r" + "\r" + "\r"
    ran = typing(wrong + right + "q")
    assert "“we replaced the pump” does not stand in what was found" in ran.out
    assert decisions(typing) == [("me", "correct", "It was in spring.")]
    listed = typing("", "history", "--json").json
    assert (listed[0]["quotes"], listed[0]["seen"]) == (["In May 2024"], ["f1"])
    assert [(each["passage"], len(each["sha256"])) for each in listed[0]["evidence"]] == [("p1", 64)]


@pytest.mark.parametrize(
    ("topics", "said"),
    [("boat\r", "There is no topic boat."), ("pool car\r", "A question has one main topic, not pool, car.")],
)
def test_a_topic_that_cannot_be_is_refused(typing: Callable[..., Ran], topics: str, said: str) -> None:
    assert said in typing("sc" + topics + "\r" + "q").out
    assert decisions(typing) == []


def test_a_session_is_resumed_where_it_was(typing: Callable[..., Ran]) -> None:
    assert "[1/2] answer" in typing("d" + "not for us\r").out
    again = typing("q")
    assert "[1/1] route" in again.out
    assert "answer: members" not in again.out


def test_what_was_decided_is_taken_back_also_later(typing: Callable[..., Ran]) -> None:
    typing("d\r" + "q")
    ran = typing("uq")
    assert "Taken back: discard." in ran.out
    assert "[1/2] answer" in ran.out
    assert [act for _, act, _ in decisions(typing)] == ["discard", "undo"]
    assert "There is nothing to take back." in typing("uq").out


def test_it_says_who_said_what_and_two_are_asked_without_seeing_each_other(
    typing: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOREKEEPER_REVIEW_DOUBLE_SHARE", "1")
    typing("aa", "--as", "ana")
    assert "Nothing waits for ana." in typing("", "--as", "ana").out
    typing("a" + "c" + "car\r\r", "--as", "ben")
    assert decisions(typing) == [
        ("ana", "accept", "“In May 2024 Marisol replaced the pool pump” [1]"),
        ("ana", "accept", "pool"),
        ("ben", "accept", "“In May 2024 Marisol replaced the pool pump” [1]"),
        ("ben", "correct", "car"),
    ]
    third = typing("q", "--as", "cai").out
    assert "[1/1] route: people disagree" in third
    assert "said by 1: car" in third
    rows = typing("", "agreement").lines
    assert "route\tall\t1\t" in rows
    assert "answer\tana, ben\t1\t" in rows


def test_without_two_there_is_no_agreement_to_tell(typing: Callable[..., Ran]) -> None:
    ran = typing("", "agreement")
    assert (ran.out, "decided by two people" in ran.err) == ("", True)


def test_a_list_of_what_waits(typing: Callable[..., Ran]) -> None:
    ran = typing("", "list")
    assert [line.split("\t")[0] for line in ran.lines] == ["disliked", "low_confidence"]
    assert "2 wait for me." in ran.err


def test_the_keys_are_told_where_people_read(typing: Callable[..., Ran]) -> None:
    document = (Path(__file__).parents[2] / "docs" / "annotation.md").read_text("utf-8")
    assert all(f"| `{key}` | {what} |" in document for key, what in KEYS.items())
    assert ("annotate", "agreement") in {each.arguments[:2] for each in commands(document)}


def test_nothing_is_shown_that_a_reviewer_may_not_read(typing: Callable[..., Ran], tmp_path: Path) -> None:
    async def look(stores: Stores) -> None:
        seen = await Reviewing(stores).look(GuildId("local"))
        for may_see, hidden in ((frozenset({"guild"}), 0), (frozenset({"channel:1"}), 1)):
            shown = await exhibit_of(
                stores, seen.items[0], EpisodeId("e1"), scrub=lambda text: text, may_see=may_see
            )
            assert shown is not None
            assert (shown.hidden, shown.withheld, shown.decidable) == (hidden, hidden > 0, hidden == 0)
            assert ("Hayward" in described(shown, seen)) is (hidden == 0)

    in_stores(tmp_path, look)


def examples(tmp_path: Path) -> list[tuple[str, str, str, MemberId | None]]:
    found: list[tuple[str, str, str, MemberId | None]] = []

    async def read(stores: Stores) -> None:
        for each in await stores.catalog.examples(LOCAL):
            found.append((each.question, each.category, each.origin, each.teacher))

    in_stores(tmp_path, read)
    return found


def test_a_session_ends_with_its_input(typing: Callable[..., Ran]) -> None:
    assert "0 decided in this session" in typing("").out
