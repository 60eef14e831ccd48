from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from agent.contracts import ModelInfo
from agent.errors import StoreError
from tuning.evaluation.kept import Kept, key_of

_MODEL = ModelInfo(name="m", engine="e", digest="d")


def test_what_was_said_is_known_after_a_kill(tmp_path: Path) -> None:
    file = tmp_path / "run" / "answers.jsonl"
    kept = Kept(file)
    kept.keep("one", ["Año\nnuevo", 1.5])
    kept.keep("two", True)
    with file.open("a") as opened:
        opened.write('["three", "cut o')
    again = Kept(file)
    assert again.recall("one") == ["Año\nnuevo", 1.5]
    assert again.recall("two") is True
    assert again.recall("three") is None
    again.keep("three", "whole")
    assert Kept(file).recall("three") == "whole"


def test_a_disk_that_cannot_be_written_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(StoreError):
        Kept(tmp_path / "file" / "answers.jsonl").keep("one", 1)


def test_another_model_adapter_or_question_is_another_key() -> None:
    keys = {
        key_of(_MODEL, "a", "b"),
        key_of(_MODEL, "ab"),
        key_of(_MODEL, "a"),
        key_of(replace(_MODEL, digest="x"), "a"),
        key_of(replace(_MODEL, adapter_digest="x"), "a"),
    }
    assert len(keys) == 5
    assert key_of(_MODEL, "a") == key_of(replace(_MODEL, name="renamed"), "a")
