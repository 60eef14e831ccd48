"""Running a training process: started, followed, stopped, and what it ended with.

The process is of low priority and keeps its checkpoints itself; whoever calls `train` again on the same
folder goes on where it stood, whatever ended the process or the caller. It stops, with a checkpoint, when its
standard input ends: so it does when the caller is cancelled, and so it does when the caller is killed.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from filelock import AsyncFileLock, Timeout

from agent.errors import UsageError
from agent.files import write_error
from tuning.runs.contracts import Outcome, Progress
from tuning.runs.errors import RunBusyError, TrainingError
from tuning.runs.following import outcome_of, progress_of
from tuning.runs.machine import cards
from tuning.runs.room import require_room
from tuning.training.job import ADAPTER, METRICS, PROOF, Exit, metrics, read_job

LOCK: Final = "tuning/training.lock"
"""In the data folder."""
SAID: Final = "errors.txt"
"""In a run's folder: what its process wrote to standard error, the last time."""

_PROCESS: Final = "tuning.training.process"
_NEEDED: Final = ("torch", "transformers", "peft", "accelerate")
_LOOK_SECONDS: Final = 0.3
_STOP_SECONDS: Final = 120.0
"""For the step that it is at and a checkpoint."""

OnProgress = Callable[[Progress], None]


async def train(folder: Path, on_progress: OnProgress, *, data_dir: Path, patience: float = 30.0) -> Outcome:
    """Do, or go on with, the run that `folder`/job.json describes, alone on this data folder.

    `on_progress` is called in this event loop, whenever there is news. A run that is done already is not done
    again. Another run is waited for `patience` seconds, as one whose starter was killed still ends its step
    and writes a checkpoint. Cancelling stops the process with a checkpoint before this returns.

    Raises `UsageError` where torch is not installed, `NoRoomError`, `RunBusyError`, `TrainingError` with what
    the process said last, `ModelBrokenError` and `ModelMissingError` for the job or its base, `StoreError`.
    """
    if is_done(folder):
        return outcome_of(metrics(folder), done=True)
    require_installed()
    await asyncio.to_thread(lambda: require_room(read_job(folder), folder))
    await _wait_for_others(data_dir / LOCK, patience)
    command = command_for(folder, data_dir / LOCK, len(await asyncio.to_thread(cards)))
    process = await _started(command, folder)
    try:
        await _follow(process, folder, on_progress)
    finally:
        await asyncio.shield(_stop(process))
    return _ended(process.returncode, folder)


def is_done(folder: Path) -> bool:
    """Whether it trained to its end, and saved what came of it."""
    return _last_event(folder) == "ended" and (folder / ADAPTER).is_dir() and (folder / PROOF).is_file()


def require_installed() -> None:
    """Raises `UsageError` where what trains is not installed."""
    missing = [name for name in _NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise UsageError(
            f"Fine-tuning needs {', '.join(missing)}, which this installation does not have.",
            "Run: make training",
        )


def command_for(folder: Path, lock: Path, card_count: int) -> Sequence[str]:
    """The command of the training process; on several graphics cards one for each, by accelerate."""
    launched = ["-m", _PROCESS, str(folder), str(lock)]
    if card_count < 2:
        return [sys.executable, *launched]
    return [
        sys.executable,
        "-m",
        "accelerate.commands.launch",
        "--multi_gpu",
        f"--num_processes={card_count}",
        *launched,
    ]


async def _wait_for_others(lock: Path, patience: float) -> None:
    """The lock itself is held by the process that trains, which takes it without waiting."""
    try:
        async with AsyncFileLock(lock, timeout=patience, poll_interval=_LOOK_SECONDS):
            return
    except Timeout:
        raise RunBusyError("Another training run is going on.", "Wait for its end, or cancel it.") from None
    except OSError as error:
        raise write_error(lock, error) from error


async def _started(command: Sequence[str], folder: Path) -> Process:
    try:
        # In this session, not a new one: Linux divides the processor among sessions first, and by priority
        # only within each, so that training would take as much as the bot.
        with (folder / SAID).open("wb") as said:
            return await asyncio.create_subprocess_exec(*command, stdin=PIPE, stderr=said)
    except OSError as error:
        raise write_error(folder / SAID, error) from error


async def _follow(process: Process, folder: Path, on_progress: OnProgress) -> None:
    """Tell what is new until the process has ended."""
    seen, ended = 0, asyncio.ensure_future(process.wait())
    try:
        while not ended.done():
            await asyncio.wait({ended}, timeout=_LOOK_SECONDS)
            size = _size(folder / METRICS)
            if size != seen and (progress := progress_of(metrics(folder))):
                seen = size
                on_progress(progress)
    finally:
        ended.cancel()


async def _stop(process: Process) -> None:
    """Have it stop after its step, and end it when it does not."""
    if process.stdin:
        process.stdin.close()
    try:
        async with asyncio.timeout(_STOP_SECONDS):
            await process.wait()
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


def _ended(code: int | None, folder: Path) -> Outcome:
    # By what the run said too: the launcher of several processes has exit codes of its own.
    if code in (Exit.DONE, Exit.STOPPED) or _last_event(folder) == "stopped":
        return outcome_of(metrics(folder), done=code == Exit.DONE)
    said = _last_line(folder / SAID)
    if code == Exit.BUSY:
        raise RunBusyError(said)
    if code is not None and code < 0:
        name = signal.Signals(-code).name
        raise TrainingError(
            f"The training process was ended by {name}.",
            "Start it again to go on from its checkpoint. Where memory ran out, the system's log says so.",
        )
    raise TrainingError(said or f"The training process ended with {code} and said nothing.")


def _last_event(folder: Path) -> str:
    events = [str(event["event"]) for event in metrics(folder)]
    return events[-1] if events else ""


def _last_line(path: Path) -> str:
    lines = path.read_text("utf-8", errors="replace").strip().splitlines()
    return lines[-1].strip() if lines else ""


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
