"""How far a run is, kept on disk so that a killed run goes on where it was and ends with the same weights."""

from __future__ import annotations

import errno
import os
import pickle
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from agent.errors import ModelBrokenError
from agent.files import made_atomically, write_error
from tuning.training.job import CHECKPOINT


@dataclass(slots=True, kw_only=True)
class Course:
    step: int = 0
    """Of the optimizer, done."""
    best_loss: float = float("inf")
    best: dict[str, torch.Tensor] = field(default_factory=dict)
    """The trained weights at the lowest validation loss."""
    without_gain: int = 0
    """Evaluations since then."""
    precision: str = ""
    """Chosen at the first start: a run that changed it on resuming would come to other weights."""
    seconds: float = 0.0
    """Spent, all runs together."""


def keep(
    folder: Path, course: Course, weights: dict[str, torch.Tensor], optimizer: torch.optim.Optimizer, of: str
) -> None:
    """Write a checkpoint whole or not at all. `of` is what may go on from it. Raises `StoreError`."""
    content = {
        "of": of,
        "course": {name: getattr(course, name) for name in Course.__slots__},
        "weights": weights,
        "optimizer": optimizer.state_dict(),
    }
    path = folder / CHECKPOINT
    try:
        with made_atomically(path) as part, part.open("wb") as file:
            torch.save(content, file)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise write_error(path, error) from error
    except RuntimeError as error:  # torch's own writer says so of a disk that is full
        raise write_error(path, OSError(errno.ENOSPC, str(error))) from error


def resume(
    folder: Path, weights: dict[str, torch.nn.Parameter], optimizer: torch.optim.Optimizer, of: str
) -> Course:
    """Put back what `keep` wrote; a new course where there is nothing. Raises `ModelBrokenError`."""
    path = folder / CHECKPOINT
    if not path.is_file():
        return Course()
    kept = _read(path)
    if kept["of"] != of:
        raise ModelBrokenError(
            f"The checkpoint in {folder} is of another recipe, base or data.", "Start a new run."
        )
    with torch.no_grad():
        for name, values in kept["weights"].items():
            weights[name].copy_(values)
    optimizer.load_state_dict(kept["optimizer"])
    return Course(**kept["course"])


def _read(path: Path) -> dict[str, Any]:
    try:
        return dict(torch.load(path, weights_only=True, map_location="cpu"))
    except (OSError, RuntimeError, EOFError, ValueError, pickle.UnpicklingError) as error:
        raise ModelBrokenError(f"The checkpoint {path} is damaged.", "Delete it to begin anew.") from error
