"""Each adapter has a copy of the base to itself, and a copy is the base but for its name."""

from __future__ import annotations

from pathlib import Path

import gguf
import numpy as np
import pytest

from agent.models.weights import sha256_of
from agent.serving.served import Task
from agent.serving.slots import SlotCopies, slot_for


@pytest.mark.parametrize(
    ("taken", "serving", "chosen"),
    [
        ({}, "", "route-a"),
        ({"route-a": "x"}, "", "route-b"),
        ({"route-b": "x"}, "", "route-a"),
        ({"answer-a": "x", "answer-b": "y"}, "", "route-a"),
        ({"route-a": "new"}, "", "route-a"),
        ({"answer-b": "new"}, "", "answer-b"),
        ({"route-a": "x", "route-b": "y"}, "y", "route-a"),
        ({"route-a": "x", "route-b": "y"}, "x", "route-b"),
        ({"route-a": "x", "route-b": "y"}, "xy", "route-c"),
        ({"route-a": "x", "route-b": "y", "route-c": "z"}, "xz", "route-b"),
        ({"route-b": "y", "route-c": "z"}, "yz", "route-a"),
    ],
)
def test_a_slot_is_empty_or_its_adapter_serves_no_longer(
    taken: dict[str, str], serving: str, chosen: str
) -> None:
    assert slot_for("new", Task.ROUTE, taken, set(serving)) == chosen


def test_slots_never_end() -> None:
    taken: dict[str, str] = {}
    for number in range(60):
        taken[slot_for(str(number), Task.ANSWER, taken, {str(each) for each in range(60)})] = str(number)
    assert len(taken) == 60


@pytest.fixture
def copies(base_file: Path, tmp_path: Path) -> SlotCopies:
    return SlotCopies(base_file, sha256_of(base_file), tmp_path, "serve-abc")


def test_a_copy_has_the_same_weights_and_another_digest(copies: SlotCopies, base_file: Path) -> None:
    copy = gguf.GGUFReader(copies.file("route-a"))
    base = gguf.GGUFReader(base_file)
    for one, other in zip(copy.tensors, base.tensors, strict=True):
        assert (one.name, one.tensor_type, one.shape.tolist()) == (
            other.name,
            other.tensor_type,
            other.shape.tolist(),
        )
        assert np.array_equal(one.data, other.data)
    said = {name for name in copy.fields if not name.startswith("GGUF.")}
    assert said - set(base.fields) == {"lorekeeper.slot"}
    assert set(base.fields) <= set(copy.fields)
    assert len({copies.digest("route-a"), copies.digest("route-b"), sha256_of(base_file)}) == 3


def test_a_digest_is_remembered_when_the_copy_is_gone(copies: SlotCopies, tmp_path: Path) -> None:
    digest = copies.digest("route-a")
    assert sha256_of(copies.file("route-a")) == digest
    copies.discard("route-a")
    assert copies.digest("route-a") == digest
    assert copies.slot_of(digest) == "route-a"
    assert copies.slot_of("0" * 64) is None
    assert [path.name for path in (tmp_path / "models" / "slots").iterdir()] == ["digests.json"]


def test_the_same_slot_of_another_owner_is_another_file(
    copies: SlotCopies, base_file: Path, tmp_path: Path
) -> None:
    other = SlotCopies(base_file, sha256_of(base_file), tmp_path, "judge-abc")
    assert other.digest("route-a") != copies.digest("route-a")
    assert other.slot_of(copies.digest("route-a")) is None


def test_digests_that_cannot_be_read_are_made_anew(copies: SlotCopies, tmp_path: Path) -> None:
    digest = copies.digest("route-a")
    (tmp_path / "models" / "slots" / "digests.json").write_text("{broken")
    assert copies.slot_of(digest) is None
    assert copies.digest("route-a") == digest
