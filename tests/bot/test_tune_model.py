"""`lorekeeper tune model`, from what is typed to what is said."""

from __future__ import annotations

import asyncio
import math
from pathlib import Path
from typing import Any

import pytest

from agent.runtime import open_stores
from agent.serving.served import Task
from agent.settings import Settings
from bot.cli.tune_model import _tell
from bot.texts import ENGLISH
from tests.bot.conftest import Command
from tests.bot.test_tune import corrected
from tests.tuning.evaluation.reports import report
from tests.tuning.loop.conftest import loaded, tiny, tiny_folder
from tests.tuning.loop.trainers import in_this_process
from tuning.evaluation.results import Arm, Verdict
from tuning.loop import making
from tuning.loop.modelling import TunedModel
from tuning.recipes import Method, Recipe

__all__ = ["loaded", "tiny", "tiny_folder"]


@pytest.fixture
def taught(command: Command, tmp_path: Path) -> None:
    """What the commands see was corrected."""

    async def fill() -> None:
        async with open_stores(Settings(data_dir=tmp_path / "data")) as stores:
            await corrected(stores)

    asyncio.run(fill())


@pytest.mark.timeout(900)
def test_what_no_file_can_hold_is_trained_and_told_and_refused(
    training: None,
    command: Command,
    taught: None,
    tiny: Any,
    tiny_folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(making, "train", in_this_process)
    monkeypatch.setenv("LOREKEEPER_CHAT_MODEL", str(tiny("llama")))
    command("tune", "schedule", "--labels", "5", "--base", str(tiny_folder))
    recipe = ("--set", "method=prefix", "--set", "prefix_tokens=4", "--set", "epochs=1")
    ran = command("tune", "model", "route", "--to", "house.gguf", *recipe)
    assert ran.code == 1
    assert ran.out.startswith("prefix on llama, ")
    assert ran.out.endswith(" at best.\n")
    assert "adapter" not in ran.err, "no file is made"
    assert ran.err.splitlines()[-1].startswith(
        "It cannot serve: neither llama.cpp nor merged weights can hold a trained prefix."
    )
    assert not list(tmp_path.glob("house.gguf*"))
    assert not (tmp_path / "data" / "tuning" / "local" / "runs" / "model").exists()


@pytest.mark.parametrize(
    ("promoted", "changes", "said"),
    [
        (False, {}, ["It should not serve"]),
        (True, {}, ["models use '/my models/house.gguf'", "of 0 questions"]),
        (
            True,
            {"introduced": 9, "would_write": True},
            ["models use", "of 9 questions", "ANSWER_MODE=extractive"],
        ),
        (True, {"task": Task.ANSWER}, ["models use '/my models/house.gguf'"]),
    ],
)
def test_how_it_can_serve_is_said_where_it_may(
    capsys: pytest.CaptureFixture[str],
    promoted: bool,
    changes: dict[str, Any],
    said: list[str],
) -> None:
    made: dict[str, Any] = {
        "task": Task.ROUTE,
        "recipe": Recipe(method=Method.DORA),
        "dataset": "d",
        "labels": 40,
        "base": "tiny",
        "before": 2.0,
        "after": math.e,
        "path": Path("/my models/house.gguf"),
        "report": report(Task.ROUTE, {}, serving=Arm.FUSION),
        "verdict": Verdict(promoted=promoted, checks=()),
    }
    _tell(TunedModel(**{**made, **changes}), ENGLISH.tuning)
    told = capsys.readouterr()
    assert told.out.startswith("dora on tiny, 40 labels: 2.0000 nats per learnt token held out before ")
    lines = told.err.splitlines()
    assert lines[0].startswith("The model is in /my models/house.gguf,")
    assert len(lines) == 1 + len(said)
    assert all(part in line for part, line in zip(said, lines[1:], strict=True))
