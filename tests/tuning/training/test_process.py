"""The training process itself: to its end, stopped, killed, resumed; and what it says when it cannot."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from safetensors.numpy import load_file

from tests.tuning.training.runs import RECIPE, write_run
from tuning.export.gguf_lora import WEIGHTS
from tuning.recipes import Recipe
from tuning.training.job import ADAPTER, CHECKPOINT, METRICS, PROOF, Exit, metrics
from tuning.training.rows import Row

pytestmark = pytest.mark.usefixtures("training")


def _job(folder: Path, base: Path, rows: list[Row], recipe: Recipe = RECIPE) -> Path:
    write_run(folder, base, rows, recipe)
    return folder


def _start(folder: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tuning.training.process", str(folder)]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True)


def _end(process: subprocess.Popen[str]) -> tuple[int, str]:
    _, said = process.communicate(timeout=200)
    return process.returncode, said.strip().splitlines()[-1] if said.strip() else ""


def _wait_for_step(folder: Path, step: int, process: subprocess.Popen[str]) -> None:
    while not any(each.get("step", 0) >= step for each in metrics(folder)):
        assert process.poll() is None, process.stderr and process.stderr.read()
        time.sleep(0.01)


@pytest.fixture(scope="module")
def whole(tiny_folder: Path, rows: list[Row], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that nothing disturbed."""
    folder = _job(tmp_path_factory.mktemp("runs") / "whole", tiny_folder, rows)
    code, said = _end(_start(folder))
    assert code == Exit.DONE, said
    return folder


def test_a_run_learns_and_says_all_the_way_how_far_it_is(whole: Path) -> None:
    told = list(metrics(whole))
    losses = [each["loss"] for each in told if each["event"] == "evaluation"]
    steps = [each["step"] for each in told if each["event"] == "step"]
    assert [told[0]["event"], told[-1]["event"]] == ["started", "ended"]
    assert min(losses) < 0.5 * losses[0]
    assert told[-1]["loss"] == min(losses)
    assert steps == list(range(1, len(steps) + 1))
    assert told[0]["shared_tokens"] > 40
    assert {"torch", "transformers", "peft"} <= told[0]["versions"].keys()
    assert all(each["left_s"] >= 0 for each in told if each["event"] == "step")


def test_what_came_of_it_is_an_adapter_and_its_proof(whole: Path) -> None:
    assert load_file(whole / ADAPTER / WEIGHTS)
    proof = [json.loads(line) for line in (whole / PROOF).read_text().splitlines()]
    assert len(proof) == 12
    assert all(len(each["nats"]) == len(each["labels"]) == 4 for each in proof)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_a_run_that_was_ended_goes_on_and_comes_to_the_same_weights(
    whole: Path, tiny_folder: Path, rows: list[Row], tmp_path: Path, how: signal.Signals
) -> None:
    folder = _job(tmp_path / "run", tiny_folder, rows)
    process = _start(folder)
    _wait_for_step(folder, 7, process)
    process.send_signal(how)
    code, _ = _end(process)
    assert code == (Exit.STOPPED if how is signal.SIGTERM else -signal.SIGKILL)
    assert not (folder / ADAPTER).exists()
    code, said = _end(_start(folder))
    assert code == Exit.DONE, said
    started = [each["step"] for each in metrics(folder) if each["event"] == "started"]
    assert started[0] == 0
    assert started[1] >= 6
    expected, weights = load_file(whole / ADAPTER / WEIGHTS), load_file(folder / ADAPTER / WEIGHTS)
    assert expected.keys() == weights.keys()
    for name, values in expected.items():
        assert abs(values - weights[name]).max() < 1e-6, name


def test_half_a_line_of_a_killed_run_is_dropped(
    whole: Path, tiny_folder: Path, rows: list[Row], tmp_path: Path
) -> None:
    folder = _job(tmp_path / "run", tiny_folder, rows, RECIPE.changed(epochs=1))
    (folder / METRICS).write_text('{"event": "old"}\n{"event": "st')
    assert _end(_start(folder))[0] == Exit.DONE
    assert [each["event"] for each in metrics(folder)][:2] == ["old", "started"]


def test_a_checkpoint_of_something_else_is_not_gone_on_with(
    whole: Path, tiny_folder: Path, rows: list[Row], tmp_path: Path
) -> None:
    folder = _job(tmp_path / "run", tiny_folder, rows, RECIPE.changed(seed=9))
    (folder / CHECKPOINT).write_bytes((whole / CHECKPOINT).read_bytes())
    code, said = _end(_start(folder))
    assert code == Exit.FAILED
    assert "another recipe" in said


@pytest.mark.parametrize(
    ("file", "content", "said"),
    [
        (CHECKPOINT, b"nonsense", "is damaged. Delete it"),
        ("job.json", b"{}", "job.json is damaged"),
        ("train.jsonl", b'{"completion": 1}\n', "Line 1 of"),
        ("train.jsonl", b"", "No row has"),
    ],
)
def test_what_is_broken_is_said_in_one_line(
    tiny_folder: Path, rows: list[Row], tmp_path: Path, file: str, content: bytes, said: str
) -> None:
    folder = _job(tmp_path / "run", tiny_folder, rows)
    (folder / file).write_bytes(content)
    code, line = _end(_start(folder))
    assert code == Exit.FAILED
    assert said in line
    assert "Traceback" not in line


def test_a_base_that_is_not_there_is_said_in_one_line(rows: list[Row], tmp_path: Path) -> None:
    folder = _job(tmp_path / "run", tmp_path / "absent.gguf", rows)
    code, line = _end(_start(folder))
    assert code == Exit.FAILED
    assert "There is no model file" in line
