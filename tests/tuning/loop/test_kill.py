"""Killed at every state, a run comes to the same end; the champion serves until another one has passed."""

from __future__ import annotations

import asyncio
import signal
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from agent.database.engine import Database
from agent.serving.served import Task
from tests.tuning.loop.paper import HOME, NEW, OLD, STRAIGHT, PaperSteps, Told, driven, paper_loop
from tuning.loop.run import Run
from tuning.loop.state import State

PATH = (
    State.ASKED,
    State.DATASET,
    State.TRAINING,
    State.EXPORTING,
    State.EVALUATING,
    State.GATED,
    State.CANARY,
)
POINTS = [
    *(f"{state} {when}" for state in PATH for when in ("begun", "done")),
    *(f"{state} written" for state in (*PATH[1:], State.CHAMPION)),
]


class _KilledError(BaseException):
    """Nothing catches it: what was not written down is lost."""


def _found_out(run: Run) -> dict[str, Any]:
    """What must be the same, however often it was killed."""
    own = {"id", "asked_at", "changed_at", "seconds", "tries"}
    return {name: value for name, value in asdict(run).items() if name not in own}


@pytest.fixture
async def undisturbed(database: Database, tmp_path: Path) -> dict[str, Any]:
    folder = tmp_path / "undisturbed"
    folder.mkdir()
    loop = paper_loop(database, PaperSteps(folder))
    await loop.ask(HOME, Task.ANSWER, plan=STRAIGHT)
    return _found_out(await driven(loop)) | {"task": Task.ROUTE}


@pytest.mark.parametrize("last", POINTS)
async def test_one_that_dies_anywhere_comes_to_the_same_end(
    last: str, database: Database, tmp_path: Path, undisturbed: dict[str, Any]
) -> None:
    def die(point: str) -> None:
        if point == last:
            raise _KilledError

    steps = PaperSteps(tmp_path, die)
    dying = paper_loop(database, steps, Told(die))
    await dying.ask(HOME, Task.ROUTE, plan=STRAIGHT)
    with pytest.raises(_KilledError):
        await driven(dying)
    if last.split()[0] in PATH[:5]:
        assert steps.serving == OLD

    again = PaperSteps(tmp_path)
    assert _found_out(await driven(paper_loop(database, again))) == undisturbed
    assert again.serving == NEW


async def test_processes_killed_at_each_state_hand_the_run_on(
    database: Database, tmp_path: Path, undisturbed: dict[str, Any]
) -> None:
    loop = paper_loop(database, PaperSteps(tmp_path))
    run = await loop.ask(HOME, Task.ROUTE, plan=STRAIGHT)
    for state in PATH:
        assert (await loop.log.run(HOME, run.id)).state is state
        assert await _child(tmp_path, f"{state} done") == -signal.SIGKILL
        if state in PATH[:5]:
            assert PaperSteps(tmp_path).serving == OLD
        assert await _child(tmp_path, f"{_next(state)} written") == -signal.SIGKILL
    assert _found_out(await driven(loop)) == undisturbed


def _next(state: State) -> State:
    return (*PATH, State.CHAMPION)[PATH.index(state) + 1]


async def _child(folder: Path, last: str) -> int:
    command = [sys.executable, "-m", "tests.tuning.loop.child", str(folder), last]
    process = await asyncio.create_subprocess_exec(*command)
    return await process.wait()
