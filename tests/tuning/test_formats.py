"""Labels as Argilla and TRL read them, and back."""

from __future__ import annotations

import json
import uuid
from dataclasses import asdict
from typing import Any

import pytest

from agent.contracts import Category, EpisodeId, Passage, PassageId, Slug, SourceId
from agent.errors import UsageError
from agent.models.labels import router_prompt
from agent.serving.served import Task
from tests.agent.journal.episodes import HOME
from tests.tuning.test_labels import CAR, POOL, asked
from tests.tuning.test_queue import UNKNOWN, queued
from tests.tuning.test_validation import labels
from tuning.annotation.formats import (
    Context,
    Format,
    Judgement,
    annotator_id,
    judgements,
    line,
    rows,
    waiting_rows,
)
from tuning.labels import records
from tuning.labels.label import Label, Polarity

FOUND = Passage(
    id=PassageId("p1"),
    guild=HOME,
    source=SourceId("s1"),
    ordinal=0,
    title="Pool",
    location="Pump",
    text="We replaced the pump in May 2024.",
    start=0,
    end=33,
)
TOPICS = (Category(slug=CAR, name="Car"), Category(slug=POOL, name="Pool"))
CONTEXT = Context(categories=TOPICS, passages={FOUND.id: FOUND})
LABELS = labels()


def back(format_: Format, label: Label) -> list[Judgement]:
    made = [json.loads(line(row)) for row in rows(format_, [label], CONTEXT)]
    return [each for row in made for each in judgements(format_, row)]


def meant(label: Label) -> Judgement:
    return Judgement(
        task=label.task,
        episode=label.episodes[0],
        categories=(str(label.category),) if label.category else (),
        answer=label.answer,
        quotes=label.quotes,
        polarity=label.polarity,
    )


@pytest.mark.parametrize("format_", Format)
@pytest.mark.parametrize("name", [name for name in LABELS if name != "disliked"])
def test_what_is_right_comes_back_as_it_went(format_: Format, name: str) -> None:
    assert back(format_, LABELS[name]) == [meant(LABELS[name])]


@pytest.mark.parametrize(
    ("format_", "comes_back"),
    [(Format.JSONL, True), (Format.TRL_KTO, True), (Format.TRL, False), (Format.ARGILLA, False)],
)
def test_what_is_wrong_is_never_taken_for_right(format_: Format, comes_back: bool) -> None:
    assert back(format_, LABELS["disliked"]) == ([meant(LABELS["disliked"])] if comes_back else [])


def test_labels_themselves_are_the_bytes_of_before() -> None:
    for label in LABELS.values():
        (row,) = rows(Format.JSONL, [label], CONTEXT)
        assert line(row) == records.line(label)


def test_rows_for_trl_ask_as_the_bot_asks() -> None:
    routed, answered_ = rows(Format.TRL, [LABELS["decided topic"], LABELS["decided answer"]], CONTEXT)
    question = "When was the pump replaced?"
    assert routed["prompt"] == [asdict(each) for each in router_prompt(TOPICS, question).messages]
    assert routed["completion"] == [{"role": "assistant", "content": "(B)"}]
    system, asked_ = answered_["prompt"]
    assert (system["role"], asked_["role"]) == ("system", "user")
    assert FOUND.text in asked_["content"]
    assert question in asked_["content"]
    assert answered_["completion"] == [{"role": "assistant", "content": "In “May 2024”."}]


def test_rows_for_kto_hold_what_should_not_be_said() -> None:
    kept = rows(Format.TRL_KTO, [LABELS["decided topic"], LABELS["disliked"]], CONTEXT)
    assert [(row["value"], row["label"]) for row in kept] == [("pool", True), ("In May 2024.", False)]


def test_evidence_that_changed_since_is_left_out() -> None:
    (row,) = rows(Format.TRL, [LABELS["decided answer"]], Context(categories=TOPICS, passages={}))
    assert FOUND.text not in row["prompt"][1]["content"]


def test_more_topics_than_the_router_asks_a_model_about_are_named() -> None:
    many = tuple(Category(slug=Slug(f"t{n}"), name=f"T{n}") for n in range(21))
    with pytest.raises(UsageError, match="1 to 20"):
        rows(Format.TRL, [LABELS["decided topic"]], Context(categories=many, passages={}))


def test_a_record_for_argilla() -> None:
    (row,) = rows(Format.ARGILLA, [LABELS["decided answer"]], CONTEXT)
    assert row["fields"] == {
        "question": "When was the pump replaced?",
        "evidence": "We replaced the pump in May 2024.",
    }
    said = row["responses"]["answer"][0]
    assert (said["value"], uuid.UUID(said["user_id"]).version) == ("In “May 2024”.", 5)
    (row,) = rows(Format.ARGILLA, [LABELS["disliked"]], CONTEXT)
    assert (row["responses"], row["suggestions"]) == ({}, {})
    assert row["fields"]["disliked"] == "In May 2024."


def test_what_waits_has_a_suggestion_and_no_response() -> None:
    items = queued([asked("e1", answer=UNKNOWN)])
    (row,) = waiting_rows(items, {items[0].id: "found"})
    assert (row["id"], row["metadata"]["kind"], row["responses"]) == (items[0].id, "unanswered", {})
    assert row["fields"]["evidence"] == "found"
    assert judgements(Format.ARGILLA, row) == ()


def answered(**response: Any) -> dict[str, Any]:
    (row,) = waiting_rows(queued([asked("e1", answer=UNKNOWN)]), {})
    said = {"value": "In May.", "user_id": str(uuid.uuid4())} | response
    return row | {"responses": {"answer": [said], "quotes": [said | {"value": "May\n\n2024 "}]}}


def test_what_people_answered_in_argilla_names_them() -> None:
    row = answered()
    (judgement,) = judgements(Format.ARGILLA, row)
    assert judgement == Judgement(
        task=Task.ANSWER,
        episode=EpisodeId("e1"),
        answer="In May.",
        quotes=("May", "2024"),
        by=row["responses"]["answer"][0]["user_id"],
    )


def test_what_is_a_draft_is_passed_over_and_what_was_discarded_discards() -> None:
    assert judgements(Format.ARGILLA, answered(status="draft")) == ()
    (judgement,) = judgements(Format.ARGILLA, answered(status="discarded", value=None))
    assert judgement.discarded


def test_several_topics_are_seen_to_be_several() -> None:
    row = rows(Format.ARGILLA, [LABELS["decided topic"]], CONTEXT)[0]
    row["responses"]["route"][0]["value"] = ["pool", "car"]
    assert judgements(Format.ARGILLA, row)[0].categories == ("pool", "car")


def test_an_own_label_names_nobody() -> None:
    label = LABELS["decided topic"]
    row = rows(Format.ARGILLA, [label], CONTEXT)[0]
    assert row["responses"]["route"][0]["user_id"] == annotator_id(label.rule)
    assert judgements(Format.ARGILLA, row)[0].by == ""


@pytest.mark.parametrize(
    ("format_", "row"),
    [
        (Format.JSONL, {"task": "route"}),
        (Format.ARGILLA, {"fields": {}}),
        (Format.ARGILLA, {"metadata": {"task": "mood"}, "responses": {}}),
        (Format.TRL, {"prompt": "a", "completion": "b"}),
        (Format.TRL_KTO, {"task": "route", "episode": "e1", "value": "pool", "quotes": None}),
    ],
)
def test_a_row_of_something_else_is_refused(format_: Format, row: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="This is no"):
        judgements(format_, row)


def test_polarity_is_told() -> None:
    (row,) = rows(Format.TRL_KTO, [LABELS["disliked"]], CONTEXT)
    assert judgements(Format.TRL_KTO, row)[0].polarity is Polarity.NEGATIVE
