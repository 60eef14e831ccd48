"""What a label must be: its schema, and the rules beyond it, one by one."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest
from jsonschema.validators import validator_for

from agent.contracts import Role, Slug
from agent.serving.served import Task
from tests.agent.journal.episodes import BEN
from tests.tuning.test_decided_labels import topic, written
from tests.tuning.test_labels import CAR, KNOWN, POOL, Told, asked, derived, only
from tuning.annotation.schemas import file_name, schema, schema_faults
from tuning.annotation.schemas import written as schema_text
from tuning.annotation.validation import Draft, Rule, faults
from tuning.labels.label import Label
from tuning.labels.records import line

SCHEMAS: Final = Path(__file__).parents[2] / "docs" / "schemas"

ROUTED: Final = Draft(
    task=Task.ROUTE, question="When was the pump replaced?", language="en", categories=("pool",)
)
ANSWERED: Final = Draft(
    task=Task.ANSWER,
    question="When was the pump replaced?",
    language="en",
    answer="It was replaced in spring: “we replaced the pump in May 2024” [1].",
    quotes=("we replaced the pump in May 2024",),
    evidence=("Yesterday we replaced the pump in May 2024, says [name].",),
)


def labels() -> dict[str, Label]:
    told = Told()
    told.vote(BEN, -1)
    corrected = Told()
    corrected.category(BEN, POOL, role=Role.ADMIN)
    decisions = [topic("d1", POOL), written("d2", "In “May 2024”.")]
    decided = derived([asked("e1")], [], decisions=decisions).labels
    return {
        "decided topic": next(each for each in decided if each.task is Task.ROUTE),
        "decided answer": next(each for each in decided if each.task is Task.ANSWER),
        "disliked": only(derived([asked("e1")], told.events)),
        "corrected": only(derived([asked("e1")], corrected.events)),
    }


@pytest.mark.parametrize("task", Task)
def test_the_published_schema_is_that_of_the_type(task: Task) -> None:
    assert (SCHEMAS / file_name(task)).read_text("utf-8") == schema_text(task)
    validator_for(schema(task)).check_schema(schema(task))


@pytest.mark.parametrize(("name", "label"), labels().items())
def test_every_label_that_the_rules_make_satisfies_its_schema(name: str, label: Label) -> None:
    assert schema_faults(json.loads(line(label))) == ()


@pytest.mark.parametrize(
    ("name", "changes", "said"),
    [
        ("decided topic", {"task": "both"}, "task is 'both'"),
        ("decided topic", {"category": None}, "category"),
        ("decided topic", {"category": "Pool Pump"}, "category"),
        ("decided topic", {"answer": "In May."}, "answer"),
        ("decided topic", {"polarity": "negative"}, "polarity"),
        ("decided topic", {"weight": 2}, "weight"),
        ("decided topic", {"mood": "good"}, "mood"),
        ("decided answer", {"answer": " "}, "answer"),
        ("decided answer", {"category": "pool"}, "category"),
        ("decided answer", {"evidence_sha256": ["abc"]}, "evidence_sha256"),
        ("decided answer", {"members": "rex"}, "members"),
    ],
)
def test_what_the_schema_refuses(name: str, changes: dict[str, Any], said: str) -> None:
    broken = schema_faults(json.loads(line(labels()[name])) | changes)
    assert any(said in fault for fault in broken)


def test_a_row_that_lacks_something_is_refused() -> None:
    row = json.loads(line(labels()["decided topic"]))
    del row["rule"]
    assert schema_faults(row) == ("the label: 'rule' is a required property",)


@pytest.mark.parametrize(
    ("draft", "rules"),
    [
        (ROUTED, []),
        (replace(ROUTED, categories=()), [Rule.ONE_CATEGORY]),
        (replace(ROUTED, categories=("car", "pool")), [Rule.ONE_CATEGORY]),
        (replace(ROUTED, categories=("boat",)), [Rule.KNOWN_CATEGORY]),
        (ANSWERED, []),
        (replace(ANSWERED, answer="  "), [Rule.WRITTEN]),
        (replace(ANSWERED, answer="In spring.", quotes=()), [Rule.QUOTED]),
        (replace(ANSWERED, answer="In spring.", quotes=(), must_quote=False), []),
        (replace(ANSWERED, answer="In spring.", quotes=(), evidence=()), [Rule.QUOTED]),
        (replace(ANSWERED, quotes=("we replaced it in May 2024",)), [Rule.VERBATIM]),
        (replace(ANSWERED, answer="So: “we bought a pump”."), [Rule.VERBATIM]),
        (
            replace(ANSWERED, answer="La cambiamos y está como nueva: “we replaced the pump”."),
            [Rule.LANGUAGE],
        ),
        (replace(ANSWERED, language="es"), [Rule.LANGUAGE]),
        (replace(ANSWERED, language="es", answer="La bomba está cambiada: “we replaced the pump”."), []),
    ],
)
def test_each_rule_beyond_the_schema(draft: Draft, rules: list[Rule]) -> None:
    assert [fault.rule for fault in faults(draft, known=KNOWN, accepted=())] == rules


@pytest.mark.parametrize(
    ("draft", "against", "contradicts"),
    [
        (replace(ROUTED, categories=(str(CAR),)), "decided topic", True),
        (ROUTED, "decided topic", False),
        (replace(ROUTED, categories=(str(CAR),)), "corrected", True),
        (replace(ROUTED, categories=(str(CAR),), question="Which oil?"), "decided topic", False),
        (replace(ANSWERED, question="when was the PUMP replaced"), "decided answer", True),
        (replace(ANSWERED, answer="in “May 2024”", quotes=()), "decided answer", False),
        (ANSWERED, "disliked", False),
        (ANSWERED, "decided topic", False),
    ],
)
def test_a_label_that_was_decided_is_not_contradicted(draft: Draft, against: str, contradicts: bool) -> None:
    found = faults(draft, known=[POOL, CAR, Slug("boat")], accepted=[labels()[against]])
    assert (Rule.CONTRADICTION in {fault.rule for fault in found}) is contradicts
