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
from tuning.datasets.files import export_jsonl, import_instructions, read_instructions
from tuning.datasets.item import Split
from tuning.datasets.splitting import SHARES
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
    _, rows = import_instructions(_file(tmp_path, {"messages": chat}, "", plain))
    one, other = sorted((row for each in rows.values() for row in each), key=lambda row: row.completion)

    assert (one.completion, len(one.messages)) == ("Hello.", 2)
    assert other.messages == (ChatMessage(role="user", content="Translate.\n\nhola"),)
    assert other.completion == "hello"


def test_they_are_split_as_labels_are_and_the_same_words_are_never_parted(tmp_path: Path) -> None:
    told = [{"instruction": f"Say {n // 2}{'!' * (n % 2)}", "output": str(n)} for n in range(600)]
    _, rows = import_instructions(_file(tmp_path, *told))
    words = [{row.messages[0].content.rstrip("!") for row in rows[split]} for split in Split]

    assert {split: len(each) / 600 for split, each in rows.items()} == pytest.approx(SHARES, abs=0.05)
    assert sum(map(len, words)) == 300


def test_they_are_read_again_as_long_as_they_are_the_same(tmp_path: Path) -> None:
    path = _file(tmp_path, {"instruction": "x", "output": "y"})
    instructions, rows = import_instructions(path)
    assert Path(instructions.path) == path
    assert read_instructions(instructions) == rows
    assert not any(read_instructions(None).values())
    path.write_text(path.read_text() * 2)
    with pytest.raises(UsageError, match="another file than when the run began"):
        read_instructions(instructions)


@pytest.mark.parametrize("text", ["", " \n\n"])
def test_a_file_without_a_line_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "instructions.jsonl"
    path.write_text(text)
    with pytest.raises(UsageError, match="no instructions"):
        import_instructions(path)


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
