"""What a run needs, and when it is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from agent.errors import ModelBrokenError
from tests.agent.database.disks import small_disk
from tests.tuning.training.runs import write_run
from tuning.recipes import Layers, Method, Recipe
from tuning.runs.errors import NoRoomError
from tuning.runs.machine import available, free_memory, left_in_group, visible_cards
from tuning.runs.room import GB, Need, Room, learnt, need_of, refusal, require_room, room_of
from tuning.runs.size import Size, size_of

SMOLLM2 = Size(parameters=134_515_008, layers=30, hidden=576, feed_forward=1536, vocabulary=49152)
EIGHT_BILLION = Size(parameters=8_030_000_000, layers=32, hidden=4096, feed_forward=14336, vocabulary=128256)
LOTS = Room(disk=1000 * GB, memory=1000 * GB)


@pytest.mark.parametrize(
    ("size", "recipe", "least", "most"),
    [
        (SMOLLM2, Recipe(), 6.4, 7.0),
        (SMOLLM2, Recipe(micro_tokens=1024, max_tokens=512), 3.9, 4.5),
        (SMOLLM2, Recipe(method=Method.FULL), 8.0, 10.0),
        (EIGHT_BILLION, Recipe(), 70.0, 80.0),
    ],
)
def test_memory_grows_with_the_base_and_with_what_goes_through_at_once(
    size: Size, recipe: Recipe, least: float, most: float
) -> None:
    assert least * GB < need_of(size, recipe).memory < most * GB


@pytest.mark.parametrize(
    ("recipe", "least", "most"),
    [
        (Recipe(), 35.0, 45.0),
        (Recipe(micro_tokens=1024), 26.0, 30.0),
        (Recipe(micro_tokens=1024, method=Method.QLORA), 14.0, 20.0),
    ],
)
def test_a_card_computes_in_half_precision(recipe: Recipe, least: float, most: float) -> None:
    need = need_of(EIGHT_BILLION, recipe, on_card=True)
    assert least * GB < need.card < most * GB
    assert need.memory == need_of(EIGHT_BILLION, Recipe(), on_card=True).memory > 48 * GB
    assert need_of(EIGHT_BILLION, recipe).card == 0


def test_a_merged_model_needs_room_for_its_weights_and_its_proof() -> None:
    alone, merged = (need_of(SMOLLM2, Recipe(), merged=merged) for merged in (False, True))
    assert merged.disk - alone.disk == 2 * 4 * SMOLLM2.parameters
    assert merged.memory == alone.memory


@pytest.mark.parametrize(
    ("recipe", "numbers"),
    [
        (Recipe(rank=16), 30 * 16 * 3 * (576 + 1536)),
        (Recipe(rank=16, method=Method.FULL), SMOLLM2.parameters),
        (Recipe(method=Method.PARTIAL, top_layers=2), 2 * SMOLLM2.layer),
        (Recipe(method=Method.PARTIAL, top_layers=100), 30 * SMOLLM2.layer),
        (Recipe(method=Method.PREFIX, prefix_tokens=8), 8 * 30 * 2 * 576),
        (Recipe(method=Method.IA3), 30 * (2 * 576 + 1536)),
    ],
)
def test_what_learns_is_counted(recipe: Recipe, numbers: int) -> None:
    assert learnt(SMOLLM2, recipe) == numbers


def test_an_adapter_on_all_layers_learns_more_than_one_on_some() -> None:
    assert learnt(SMOLLM2, Recipe(layers=Layers.ALL)) > learnt(SMOLLM2, Recipe(layers=Layers.MLP))


@pytest.mark.parametrize(
    ("need", "room", "said"),
    [
        (Need(disk=GB, memory=GB), Room(disk=GB, memory=GB), ""),
        (Need(disk=3 * GB, memory=1), Room(disk=GB, memory=GB), "needs 3.0 GB of disk and 1.0 GB are free"),
        (Need(disk=1, memory=2 * GB), Room(disk=GB, memory=GB), "needs 2.0 GB of memory and 1.0 GB are"),
        (Need(disk=1, memory=1, card=3 * GB), Room(disk=GB, memory=1, card=3 * GB), ""),
        (Need(disk=1, memory=1, card=4 * GB), Room(disk=GB, memory=GB, card=3 * GB), "4.0 GB of graphics"),
        (Need(disk=1, memory=2, card=1), Room(disk=GB, memory=1, card=1), "of memory and"),
    ],
)
def test_what_does_not_fit_is_refused_in_one_line(need: Need, room: Room, said: str) -> None:
    line, hint = refusal(need, room)
    assert said in line
    assert bool(line) == bool(hint) == bool(said)


def test_the_size_of_a_folder_and_of_a_file_are_about_the_same(tiny: Any, tiny_folder: Path) -> None:
    file, folder = size_of(str(tiny("llama"))), size_of(str(tiny_folder))
    assert file
    assert folder
    assert (file.layers, file.hidden, file.feed_forward, file.vocabulary) == (
        folder.layers,
        folder.hidden,
        folder.feed_forward,
        folder.vocabulary,
    )
    assert folder.parameters == pytest.approx(file.parameters, rel=0.1)


def test_a_name_on_the_hub_has_no_size_yet() -> None:
    assert size_of("owner/name") is None


@pytest.mark.parametrize("content", ["", "[]", json.dumps({"hidden_size": 4})])
def test_a_folder_that_describes_no_language_model_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "config.json").write_text(content)
    with pytest.raises(ModelBrokenError, match="does not describe"):
        size_of(str(tmp_path))


def test_a_run_is_refused_before_it_begins(tiny: Any, rows: Any, tmp_path: Path) -> None:
    job = write_run(tmp_path / "run", tiny("llama"), rows)
    assert require_room(job, tmp_path, LOTS).disk > 0
    with pytest.raises(NoRoomError, match="of memory and"):
        require_room(job, tmp_path, Room(disk=LOTS.disk, memory=GB // 2))


def test_a_full_disk_is_seen(tiny: Any, rows: Any, tmp_path: Path) -> None:
    job = write_run(tmp_path / "run", tiny("llama"), rows)
    with small_disk(tmp_path / "disk", "1m") as disk, pytest.raises(NoRoomError, match="of disk and"):
        require_room(job, disk)


def test_this_machine_has_some_room(tmp_path: Path) -> None:
    room = room_of(tmp_path / "new")
    assert room.disk > 0
    assert 0 < room.memory == pytest.approx(free_memory(), rel=0.5)


def test_available_memory_is_what_linux_says() -> None:
    assert available("MemTotal: 100 kB\nMemFree: 1 kB\nMemAvailable:   42 kB\n") == 42 * 1024


@pytest.mark.parametrize(
    ("limit", "left"), [("max\n", None), ("1000\n", 1000 - 700 + 200), ("600", 100), ("100", 0)]
)
def test_a_container_leaves_what_its_limit_leaves(limit: str, left: int | None) -> None:
    assert left_in_group(limit, "700\n", "anon 500\ninactive_file 200\n") == left


@pytest.mark.parametrize(
    ("visible", "free"),
    [
        (None, (10, 20)),
        ("0", (10,)),
        ("1,0", (10, 20)),
        ("GPU-bb", (20,)),
        ("", ()),
        ("-1", ()),
    ],
)
def test_cards_that_were_taken_away_do_not_count(visible: str | None, free: tuple[int, ...]) -> None:
    told = "0, GPU-aaaa, 10\n1, GPU-bbbb, 20\n"
    assert visible_cards(told, visible) == tuple(each << 20 for each in free)
