"""Versions written out, and instructions brought in."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from agent.errors import UsageError
from agent.models.protocol import ChatMessage
from agent.serving.served import Task
from tests.tuning.datasets.labels import some_labels
from tuning.datasets.files import export_jsonl, import_instructions
from tuning.datasets.item import Split
from tuning.datasets.version import build


def test_a_version_is_written_a_line_an_item(tmp_path: Path) -> None:
    version = build(some_labels(20), Task.ROUTE, threads={}, before={}, salt="")
    export_jsonl(version, tmp_path / "out.jsonl")
    told = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]

    assert {each["id"]: each["split"] for each in told} == version.splits
    assert told[0]["question"] == version.entries[0].item.label.question


def _file(folder: Path, *lines: Any) -> Path:
    path = folder / "instructions.jsonl"
    path.write_text("".join(f"{line if isinstance(line, str) else json.dumps(line)}\n" for line in lines))
    return path


def test_instructions_of_both_forms_become_rows(tmp_path: Path) -> None:
    chat = [
        {"role": "system", "content": "Be short."},
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": " Hello. "},
    ]
    plain = {"instruction": "Translate.", "input": "hola", "output": "hello"}
    rows = import_instructions(_file(tmp_path, {"messages": chat}, "", plain))
    one, other = sorted((row for each in rows.values() for row in each), key=lambda row: row.completion)

    assert (one.completion, len(one.messages)) == ("Hello.", 2)
    assert other.messages == (ChatMessage(role="user", content="Translate.\n\nhola"),)
    assert other.completion == "hello"


def test_one_in_ten_is_held_out_and_the_same_words_are_never_parted(tmp_path: Path) -> None:
    told = [{"instruction": f"Say {n // 2}{'!' * (n % 2)}", "output": str(n)} for n in range(600)]
    rows = import_instructions(_file(tmp_path, *told))
    words = {
        split: {row.messages[0].content.rstrip("!") for row in rows[split]}
        for split in (Split.TRAIN, Split.VALIDATION)
    }

    assert 30 <= len(rows[Split.VALIDATION]) <= 90
    assert not words[Split.TRAIN] & words[Split.VALIDATION]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{", "Line 2 of .* is no JSON"),
        ({"instruction": "x"}, "Line 2 of .* is no instruction: output Field required"),
        ({"messages": [{"role": "robot", "content": "x"}]}, r"messages\.0\.role"),
        ({"messages": []}, "does not end with what the assistant should say"),
        ({"messages": [{"role": "user", "content": "x"}]}, "does not end with"),
        ({"messages": [{"role": "assistant", "content": "x"}]}, "does not end with"),
        ({"instruction": "x", "output": "  "}, "does not end with"),
        ([1], "is no instruction"),
    ],
)
def test_a_line_that_is_no_instruction_is_named(tmp_path: Path, line: Any, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        import_instructions(_file(tmp_path, {"instruction": "x", "output": "y"}, line))


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        import_instructions(tmp_path / "nothing.jsonl")
