"""Hyper-parameters chosen by trying: a small stated space, by successive halving (Jamieson, Talwalkar 2016).

Every candidate is trained for a part of the recipe's epochs, the better half for twice as long, and so on,
until the last ones had all of them; better is a lower loss on the held-out rows. A trial is a run of its own
in a folder named by its recipe, so that a search that was stopped or killed goes on where it was, and the
winner's folder is a finished run. The same space, rows and seed give the same winner.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Protocol

from agent.errors import UsageError
from tuning.recipes import Recipe
from tuning.runs.contracts import Outcome
from tuning.runs.errors import TrainingError
from tuning.runs.supervisor import OnProgress, train
from tuning.training.job import JOB, Job, read_job, write_job

Value = str | int | float
Space = Mapping[str, Sequence[Value]]
"""The values to try of a recipe's hyper-parameters, by name; all their combinations are candidates."""

SMALL: Final[Space] = {"learning_rate": (3e-4, 1e-3, 3e-3), "rank": (8, 16)}
"""What matters most of LoRA, around the recipe's defaults."""

MOST: Final = 64
"""Candidates: a larger space is not searched in a night by a machine that has to serve as well."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    recipe: Recipe
    """With the epochs of this round."""
    folder: Path
    loss: float
    """The lowest nats per learnt token of the held-out rows; infinite when it came to no number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    recipe: Recipe
    folder: Path
    """A finished run of this recipe."""
    loss: float
    trials: tuple[Trial, ...]
    """All, in the order in which they were done."""


class Trainer(Protocol):
    """As `tuning.runs.supervisor.train`."""

    async def __call__(self, folder: Path, on_progress: OnProgress, *, data_dir: Path) -> Outcome: ...


async def search(
    job: Job,
    space: Space,
    folder: Path,
    on_trial: Callable[[Trial], None],
    *,
    data_dir: Path,
    on_progress: OnProgress = lambda _: None,
    trainer: Trainer = train,
) -> Found:
    """Find the best recipe of the space for the base and rows of `job`, whose recipe says all else.

    Cancelling stops the trial that is under way with a checkpoint. Raises `UsageError` for a space that does
    not fit a recipe or a folder of another search, and whatever `train` raises.
    """
    left = candidates(job.recipe, space)
    trials: list[Trial] = []
    for epochs in rounds(job.recipe.epochs, len(left)):
        for recipe in left:
            trial = await _tried(job, recipe.changed(epochs=epochs), folder, data_dir, on_progress, trainer)
            on_trial(trial)
            trials.append(trial)
        left = survivors(trials[-len(left) :], left)
    best = min(trials, key=lambda trial: trial.loss)
    return Found(recipe=best.recipe, folder=best.folder, loss=best.loss, trials=tuple(trials))


def candidates(recipe: Recipe, space: Space) -> tuple[Recipe, ...]:
    """All combinations, the last name's values changing fastest. Raises `UsageError`."""
    count = math.prod(len(values) for values in space.values())
    if not 0 < count <= MOST:
        raise UsageError(f"A search tries 1 to {MOST} combinations, not {count}.", "Name fewer values.")
    if "epochs" in space:
        raise UsageError("A search decides on the epochs itself.", "Say in the recipe how many at most.")
    return tuple(
        recipe.changed(**dict(zip(space, values, strict=True)))
        for values in itertools.product(*space.values())
    )


def rounds(epochs: int, count: int) -> tuple[int, ...]:
    """The epochs of each round: as many rounds as halve `count` to one, the last one of all epochs."""
    halvings = max(0, count - 1).bit_length()
    shorter = {max(1, epochs >> halving) for halving in range(1, halvings + 1)}
    return tuple(sorted(shorter | {epochs}))


def survivors(trials: Sequence[Trial], recipes: Sequence[Recipe]) -> tuple[Recipe, ...]:
    """The better half, at least one, in the order that they had; of equals the first."""
    ranked = sorted(range(len(trials)), key=lambda number: trials[number].loss)
    kept = sorted(ranked[: max(1, len(trials) // 2)])
    return tuple(recipes[number] for number in kept)


async def _tried(
    job: Job, recipe: Recipe, folder: Path, data_dir: Path, on_progress: OnProgress, trainer: Trainer
) -> Trial:
    own = folder / recipe.digest[:12]
    wanted = replace(job, recipe=recipe)
    if (own / JOB).is_file():
        if read_job(own) != wanted:
            raise UsageError(
                f"The search in {folder} was begun with another base or other rows.", "Use another folder."
            )
    else:
        write_job(own, wanted)
    outcome = await trainer(own, on_progress, data_dir=data_dir)
    if not outcome.done:
        raise TrainingError("The search was stopped.", "Search again to go on.")
    return Trial(recipe=recipe, folder=own, loss=outcome.loss if math.isfinite(outcome.loss) else math.inf)
