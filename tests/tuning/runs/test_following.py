"""What is read off a run's metrics."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from tuning.runs.following import Curves, curves, outcome_of, progress_of
from tuning.training.job import METRICS

STARTED = {"event": "started", "step": 0, "steps": 4, "rows": 9, "left_out": 1, "weights": 7} | {
    "precision": "float32",
    "device": "cpu",
}


def _step(step: int, loss: float, left: float = 1.0) -> dict[str, Any]:
    return {"event": "step", "step": step, "loss": loss, "left_s": left}


def _evaluation(step: int, loss: float) -> dict[str, Any]:
    return {"event": "evaluation", "step": step, "loss": loss}


def test_before_it_started_there_is_no_progress() -> None:
    assert progress_of([]) is None


@pytest.mark.parametrize(
    ("events", "step", "loss", "validation", "left"),
    [
        ([STARTED], 0, math.nan, math.nan, math.nan),
        ([STARTED, _evaluation(0, 3.0)], 0, math.nan, 3.0, math.nan),
        ([STARTED, _evaluation(0, 3.0), _step(1, 2.5, 9.0)], 1, 2.5, 3.0, 9.0),
        ([STARTED, _step(1, 2.5, 9.0), STARTED | {"step": 1}], 1, 2.5, math.nan, math.nan),
    ],
)
def test_progress_is_what_was_said_last(
    events: list[dict[str, Any]], step: int, loss: float, validation: float, left: float
) -> None:
    progress = progress_of(events)
    assert progress
    assert (progress.step, progress.steps, progress.share) == (step, 4, step / 4)
    told = (progress.loss, progress.validation, progress.seconds_left)
    assert told == pytest.approx((loss, validation, left), nan_ok=True)


def test_an_outcome_is_of_the_best_evaluation() -> None:
    events = [STARTED, _evaluation(0, 3.0), _step(1, 1.0), _evaluation(1, 1.5), _evaluation(2, 2.0)]
    ended = outcome_of([*events, {"event": "ended", "step": 2, "loss": 1.5, "seconds": 8.0}], done=True)
    assert (ended.done, ended.step, ended.loss, ended.seconds) == (True, 2, 1.5, 8.0)
    assert (ended.rows, ended.left_out, ended.weights) == (9, 1, 7)
    assert math.isnan(outcome_of([STARTED], done=False).loss)


def test_curves_count_a_step_that_was_done_again_once(tmp_path: Path) -> None:
    events = [
        STARTED,
        _evaluation(0, 3.0),
        _step(1, 2.0),
        _step(2, 1.9),
        STARTED | {"step": 1},
        _step(2, 1.8),
        _evaluation(2, 1.5),
    ]
    (tmp_path / METRICS).write_text("".join(f"{json.dumps(each)}\n" for each in events))
    assert curves(tmp_path) == Curves(
        steps=(1, 2), losses=(2.0, 1.8), evaluated=(0, 2), validation=(3.0, 1.5)
    )
