"""What a run's metrics say, as progress, as an outcome, and as curves to draw."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tuning.runs.contracts import Outcome, Progress
from tuning.training.job import metrics


@dataclass(frozen=True, slots=True, kw_only=True)
class Curves:
    steps: tuple[int, ...]
    losses: tuple[float, ...]
    """Nats per learnt token, one a step."""
    evaluated: tuple[int, ...]
    """After which step."""
    validation: tuple[float, ...]
    """Nats per learnt token of the held-out rows, one an evaluation."""


def progress_of(events: Iterable[Mapping[str, Any]]) -> Progress | None:
    """How far it is, of what it said until now; None before it started."""
    steps, step, loss, validation, left = 0, 0, math.nan, math.nan, math.nan
    for event in events:
        match event["event"]:
            case "started":
                steps, step, left = event["steps"], event["step"], math.nan
            case "step":
                step, loss, left = event["step"], event["loss"], event["left_s"]
            case "evaluation":
                validation = event["loss"]
    if not steps:
        return None
    return Progress(step=step, steps=steps, loss=loss, validation=validation, seconds_left=left)


def outcome_of(events: Iterable[Mapping[str, Any]], *, done: bool) -> Outcome:
    """What came of it. A run that was stopped tells what it had reached."""
    facts: Mapping[str, Any] = {}
    step, seconds = 0, 0.0
    losses: list[float] = []
    for event in events:
        step = event.get("step", step)
        match event["event"]:
            case "started":
                facts = event
            case "evaluation":
                losses.append(event["loss"])
            case "ended":
                seconds = event["seconds"]
    return Outcome(
        done=done,
        step=step,
        loss=min(losses, default=math.nan),
        seconds=seconds,
        rows=facts.get("rows", 0),
        left_out=facts.get("left_out", 0),
        weights=facts.get("weights", 0),
        precision=facts.get("precision", ""),
        device=facts.get("device", ""),
    )


def curves(folder: Path) -> Curves:
    """The losses of a run, for a picture; of a step that was done again after a kill, the last."""
    losses: dict[int, float] = {}
    validation: dict[int, float] = {}
    for event in metrics(folder):
        if event["event"] == "step":
            losses[event["step"]] = event["loss"]
        elif event["event"] == "evaluation":
            validation[event["step"]] = event["loss"]
    return Curves(
        steps=tuple(sorted(losses)),
        losses=tuple(losses[step] for step in sorted(losses)),
        evaluated=tuple(sorted(validation)),
        validation=tuple(validation[step] for step in sorted(validation)),
    )
