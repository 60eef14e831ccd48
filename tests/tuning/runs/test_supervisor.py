"""The real training process under its supervisor: to its end, cancelled, killed, orphaned, out of disk."""

from __future__ import annotations

import asyncio
import math
import os
import signal
import sys
import threading
from asyncio.subprocess import PIPE
from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock
from safetensors.numpy import load_file

from agent.errors import ModelMissingError, StoreBusyError, StoreError, UsageError
from tests.agent.database.disks import small_disk
from tests.tuning.training.runs import RECIPE, write_run
from tuning.export.gguf_lora import WEIGHTS
from tuning.runs import supervisor
from tuning.runs.contracts import Progress
from tuning.runs.errors import RunBusyError, TrainingError
from tuning.runs.following import curves
from tuning.runs.supervisor import LOCK, command_for, is_done, require_installed, train
from tuning.training.job import ADAPTER, CHECKPOINT, metrics
from tuning.training.leash import alone
from tuning.training.rows import Row

LONG = RECIPE.changed(epochs=15, patience=1000)
"""90 steps: a run that can be met on its way."""


@pytest.fixture(autouse=True)
def _looked_at_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "_LOOK_SECONDS", 0.02)


def _ignore(_: Progress) -> None:
    pass


def _events(folder: Path) -> list[str]:
    return [each["event"] for each in metrics(folder)]


def _when(step: int, act: Callable[[], object]) -> Callable[[Progress], None]:
    """Call `act` once, at the first news from this step on."""
    done = threading.Event()

    def look(progress: Progress) -> None:
        if progress.step >= step and not done.is_set():
            done.set()
            act()

    return look


def _process_of(folder: Path) -> int:
    """The training process's number, found among this process's children."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                command = (entry / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if b"tuning.training.process" in command and str(folder).encode() in command:
                return int(entry.name)
    raise AssertionError("no process trains")


@pytest.mark.usefixtures("training")
async def test_a_run_is_followed_to_its_end_and_not_done_twice(
    tiny_folder: Path, rows: list[Row], tmp_path: Path
) -> None:
    folder = tmp_path / "run"
    write_run(folder, tiny_folder, rows)
    seen: list[Progress] = []
    outcome = await train(folder, seen.append, data_dir=tmp_path)
    assert outcome.done
    assert outcome.loss < 0.5 * curves(folder).validation[0]
    assert (outcome.rows, outcome.left_out, outcome.device) == (48, 0, "cpu")
    assert [each.step for each in seen] == sorted(each.step for each in seen)
    assert seen[-1].validation == pytest.approx(curves(folder).validation[-1])
    assert not math.isnan(seen[-1].loss)
    said = _events(folder)
    assert await train(folder, seen.append, data_dir=tmp_path) == outcome
    assert _events(folder) == said


@pytest.mark.usefixtures("training")
async def test_a_run_that_was_ended_in_every_way_comes_to_the_same_weights(
    tiny_folder: Path, rows: list[Row], tmp_path: Path
) -> None:
    whole, folder = tmp_path / "whole", tmp_path / "run"
    write_run(whole, tiny_folder, rows, LONG)
    write_run(folder, tiny_folder, rows, LONG)
    assert (await train(whole, _ignore, data_dir=tmp_path)).done

    async def cancelled() -> None:
        task = asyncio.current_task()
        assert task
        outcome = await train(folder, _when(10, task.cancel), data_dir=tmp_path)
        raise AssertionError(outcome)

    with pytest.raises(asyncio.CancelledError):
        await asyncio.ensure_future(cancelled())
    assert _events(folder)[-1] == "stopped"
    assert (folder / CHECKPOINT).is_file()

    kill = _when(25, lambda: os.kill(_process_of(folder), signal.SIGKILL))
    with pytest.raises(TrainingError, match="SIGKILL"):
        await train(folder, kill, data_dir=tmp_path)
    assert not is_done(folder)

    await _orphaned(folder, tmp_path, 40)
    assert (await train(folder, _ignore, data_dir=tmp_path)).done
    starts = [each["step"] for each in metrics(folder) if each["event"] == "started"]
    assert len(starts) == 4
    assert starts == sorted(set(starts))
    expected, weights = load_file(whole / ADAPTER / WEIGHTS), load_file(folder / ADAPTER / WEIGHTS)
    assert max(abs(expected[name] - weights[name]).max() for name in expected) < 1e-6


async def _orphaned(folder: Path, data_dir: Path, step: int) -> None:
    """Train under another process, and kill that: the training must end by itself, with a checkpoint."""
    starter = (
        "import asyncio, sys; from pathlib import Path; from tuning.runs.supervisor import train;"
        "asyncio.run(train(Path(sys.argv[1]), lambda p: print(p.step, flush=True),"
        " data_dir=Path(sys.argv[2])))"
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", starter, str(folder), str(data_dir), stdout=PIPE
    )
    assert process.stdout
    async for line in process.stdout:
        if int(line) >= step:
            break
    process.kill()
    await process.wait()
    assert (await asyncio.to_thread(_released, data_dir / LOCK)) is True
    assert _events(folder)[-1] == "stopped"


def _released(lock: Path) -> bool:
    with FileLock(lock, timeout=60):
        return True


@pytest.mark.usefixtures("training")
async def test_a_disk_that_gets_full_ends_a_run_which_goes_on_when_there_is_room(
    tiny_folder: Path, rows: list[Row], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "require_room", lambda *_: None)
    with small_disk(tmp_path / "disk", "8m") as disk:
        folder, filler = disk / "run", disk / "filler"
        write_run(folder, tiny_folder, rows, LONG)
        with pytest.raises(TrainingError, match="There is no room for"):
            await train(folder, _when(5, lambda: _fill(filler)), data_dir=tmp_path)
        filler.unlink()
        assert not is_done(folder)
        assert (await train(folder, _ignore, data_dir=tmp_path)).done


def _fill(path: Path) -> None:
    with path.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            return


@pytest.mark.usefixtures("training")
async def test_what_the_process_said_last_is_what_a_person_is_told(
    tiny_folder: Path, rows: list[Row], tmp_path: Path
) -> None:
    write_run(tmp_path / "run", tiny_folder, rows)
    (tmp_path / "run" / "train.jsonl").write_text('{"completion": 1}\n')
    with pytest.raises(TrainingError, match=r"Line 1 of .* is no training row"):
        await train(tmp_path / "run", _ignore, data_dir=tmp_path)


@pytest.mark.usefixtures("training")
async def test_one_run_at_a_time(tiny_folder: Path, rows: list[Row], tmp_path: Path) -> None:
    write_run(tmp_path / "run", tiny_folder, rows)
    with alone(tmp_path / LOCK), pytest.raises(RunBusyError) as busy:
        await train(tmp_path / "run", _ignore, data_dir=tmp_path, patience=0.0)
    assert busy.value.transient
    assert _events(tmp_path / "run") == []


@pytest.mark.usefixtures("training")
async def test_a_base_that_is_not_there_is_said_before_anything_starts(
    rows: list[Row], tmp_path: Path
) -> None:
    write_run(tmp_path / "run", tmp_path / "absent.gguf", rows)
    with pytest.raises(ModelMissingError, match="There is no model file"):
        await train(tmp_path / "run", _ignore, data_dir=tmp_path)


def test_the_lock_is_held_by_one(tmp_path: Path) -> None:
    lock = tmp_path / "deep" / "lock"
    with alone(lock), pytest.raises(StoreBusyError), alone(lock):
        pass
    with alone(lock):
        pass


def test_a_lock_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot be written"), alone(tmp_path / "file" / "lock"):
        pass


def test_without_torch_a_person_is_told_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(UsageError, match="needs torch") as missing:
        require_installed()
    assert "make training" in missing.value.hint


@pytest.mark.parametrize(("cards", "launched"), [(0, False), (1, False), (2, True), (8, True)])
def test_several_cards_train_together(cards: int, launched: bool) -> None:
    command = list(command_for(Path("run"), Path("lock"), cards))
    assert command[-4:] == ["-m", "tuning.training.process", "run", "lock"]
    assert ("accelerate.commands.launch" in command) is launched
    assert (f"--num_processes={cards}" in command) is launched
