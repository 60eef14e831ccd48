"""`lorekeeper labels export` and `import` over a real journal, from one tool to the other and back."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.bot.conftest import Command, Ran
from tests.bot.test_annotate import seed
from tests.bot.test_labels import in_stores

ANSWER = "“In May 2024 Marisol replaced the pool pump” [1]"


@pytest.fixture
def journal(command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    monkeypatch.setenv("LOREKEEPER_REVIEW_DOUBLE_SHARE", "0")
    in_stores(tmp_path, seed)
    return command


def waiting(command: Command) -> list[dict[str, Any]]:
    return [
        json.loads(line) for line in command("labels", "export", "--format", "argilla", "--waiting").lines
    ]


def brought(command: Command, tmp_path: Path, format_: str, rows: list[dict[str, Any]]) -> Ran:
    file = tmp_path / "in.jsonl"
    file.write_text("".join(f"{json.dumps(row)}\n" for row in rows), "utf-8")
    return command("labels", "import", str(file), "--format", format_, "--as", "ana")


def answered(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """As two people would in Argilla: both agree with what is suggested."""
    for row in rows:
        task = row["metadata"]["task"]
        value = row["suggestions"][task]["value"]
        row["responses"] = {task: [{"value": value, "user_id": user} for user in ("u-1", "u-2")]}
    return rows


def test_what_waits_is_annotated_elsewhere_and_comes_back(journal: Command, tmp_path: Path) -> None:
    rows = waiting(journal)
    assert [row["suggestions"][row["metadata"]["task"]]["value"] for row in rows] == [ANSWER, "pool"]
    assert "Hayward" in rows[0]["fields"]["evidence"]
    ran = brought(journal, tmp_path, "argilla", answered(rows))
    assert (ran.code, "4 decided, 0 known already" in ran.err) == (0, True)
    made = journal("labels", "list", "--json").json["labels"]
    assert {each["rule"] for each in made} == {"answer-decided-in-review", "category-decided-in-review"}
    assert all(set(each["members"]) >= {"u-1", "u-2"} for each in made)
    assert waiting(journal) == []
    again = brought(journal, tmp_path, "argilla", answered(rows))
    assert "0 decided, 4 known already" in again.err


@pytest.mark.parametrize("format_", ["jsonl", "argilla", "trl", "trl-kto"])
def test_labels_go_out_and_come_back_into_an_empty_installation(
    journal: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, format_: str
) -> None:
    brought(journal, tmp_path, "argilla", answered(waiting(journal)))
    before = journal("labels", "list", "--json").json["labels"]
    exported = [json.loads(line) for line in journal("labels", "export", "--format", format_).lines]
    assert len(exported) == 2
    same = brought(journal, tmp_path, format_, exported)
    assert "0 decided, 2 known already" in same.err
    other = tmp_path / "other"
    in_stores(other, seed)
    monkeypatch.setenv("LOREKEEPER_DATA_DIR", str(other / "data"))
    assert "2 decided, 0 known" in brought(journal, tmp_path, format_, exported).err
    after = journal("labels", "list", "--json").json["labels"]
    told = ("task", "question", "category", "answer", "quotes", "evidence", "evidence_sha256", "rule")
    assert [[each[name] for name in told] for each in after] == [
        [each[name] for name in told] for each in before
    ]
    assert {each["members"][0] for each in after} == {"ana"}


def test_disliked_answers_go_to_kto_only_and_are_not_brought_in(journal: Command, tmp_path: Path) -> None:
    kto = [json.loads(line) for line in journal("labels", "export", "--format", "trl-kto").lines]
    assert [(row["label"], ANSWER in row["value"].replace("[name]", "Marisol")) for row in kto] == [
        (False, True)
    ]
    assert journal("labels", "export", "--format", "trl").out == ""
    assert "1 that say what not to say" in brought(journal, tmp_path, "trl-kto", kto).err


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda row: row["metadata"].update(episode="e9"), "There is no question e9 here"),
        (lambda row: row["responses"]["route"][0].update(value=["pool", "car"]), "one main topic"),
        (lambda row: row["responses"]["route"][0].update(value="boat"), "There is no topic boat."),
        (lambda row: row.pop("metadata"), "This is no row of argilla"),
    ],
)
def test_what_breaks_a_rule_is_named_with_its_line_and_the_rest_is_taken(
    journal: Command, tmp_path: Path, change: Callable[[dict[str, Any]], object], said: str
) -> None:
    rows = answered(waiting(journal))
    for row in rows:
        for each in row["responses"].values():
            del each[1:]
    change(rows[1])
    ran = brought(journal, tmp_path, "argilla", rows)
    assert (ran.code, "1 decided" in ran.err) == (2, True)
    assert "Line 2: " in ran.err
    assert said in ran.err


def test_a_label_that_was_decided_here_is_not_contradicted(journal: Command, tmp_path: Path) -> None:
    brought(journal, tmp_path, "argilla", answered(waiting(journal)))
    rows = [json.loads(line) for line in journal("labels", "export").lines]
    (routed,) = (row for row in rows if row["task"] == "route")
    ran = brought(journal, tmp_path, "jsonl", [routed | {"category": "car"}])
    assert "It was decided before that this question is about pool." in ran.err


def test_formats_that_do_not_exist_or_do_not_fit_are_named(journal: Command) -> None:
    assert "There is no format xml" in journal("labels", "export", "--format", "xml").err
    assert "Add --format argilla" in journal("labels", "export", "--waiting").err
