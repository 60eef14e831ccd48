"""From labels to an adapter: the steps before anything is judged."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from agent.contracts import GuildId
from agent.files import write_error
from agent.ids import new_id
from agent.serving.opening import open_engine
from agent.serving.served import ServedAdapter, adapter_file
from tuning.datasets.building import build_version
from tuning.datasets.item import Split
from tuning.datasets.rows_of import rows_of
from tuning.datasets.version import DatasetVersion
from tuning.loop.run import Move, Run, Why
from tuning.loop.state import State
from tuning.loop.tools import Tools, same_base
from tuning.recipes import Recipe
from tuning.runs.bases import BaseModel, find_base
from tuning.runs.contracts import Exported, Outcome, Progress, Proof
from tuning.runs.exporting import export
from tuning.runs.proving import prove_exactly, prove_served
from tuning.runs.room import require_room
from tuning.runs.supervisor import train
from tuning.training.job import Job, write_job
from tuning.training.rows import write_rows

_LEARNT: Final = frozenset({State.REFUSED, State.CHAMPION, State.ROLLED_BACK})
"""How runs end that said what can be learnt from their data."""


async def make_dataset(tools: Tools, run: Run) -> Move:
    """ASKED: the labels as they are now become a dataset version."""
    version = await build_version(tools.stores, run.guild, run.task, tools.clock())
    held_out = min(len(version.of(split)) for split in (Split.VALIDATION, Split.TEST))
    labels = len(version.of(Split.TRAIN))
    if labels < run.plan.labels or not held_out:
        return _nothing(f"{labels} labels to train on; {run.plan.labels} are needed, and some to test by.")
    before = _same(run, version.id, await tools.log.runs(run.guild))
    if before is not None:
        return _nothing(f"There is nothing to learn that run {before.id} did not.")
    return Move(to=State.DATASET, facts={"dataset": version.id, "labels": labels})


async def write_job_of(tools: Tools, run: Run) -> Move:
    """DATASET: what to train is written into the run's folder, if the machine has room for it."""
    base = await find_base(tools.settings, run.plan.base)
    version = await tools.datasets.get(run.guild, run.dataset)
    folder = tools.folder(run)
    job = await job_of(tools, run.guild, version, run.recipe, base, folder)
    if isinstance(job, Split):
        return _nothing(f"No label to {_purpose(job)} is of use: what it rests on has changed.")
    await asyncio.to_thread(write_job, folder, job)
    await asyncio.to_thread(require_room, job, folder)
    return Move(to=State.TRAINING, facts={"base_digest": base.digest})


async def job_of(
    tools: Tools, guild: GuildId, version: DatasetVersion, recipe: Recipe, base: BaseModel, folder: Path
) -> Job | Split:
    """Write the rows to train on into a folder and return what is to be done with them; or the part of the
    version of which no label can be trained on.
    """
    files = {Split.TRAIN: folder / "train.jsonl", Split.VALIDATION: folder / "validation.jsonl"}
    for split, file in files.items():
        rows = await rows_of(tools.stores, guild, version, split, recipe.objective)
        if not rows:
            return split
        await asyncio.to_thread(write_rows, file, rows)
    return Job(
        base=base.source,
        base_digest=base.digest,
        train=files[Split.TRAIN],
        validation=files[Split.VALIDATION],
        recipe=recipe,
        threads=tools.settings.threads,
    )


async def train_it(tools: Tools, run: Run, tell: Callable[[Progress], None]) -> Move | None:
    """TRAINING: None where the process was stopped with a checkpoint."""
    await same_base(tools, run)
    outcome = await train(tools.folder(run), tell, data_dir=tools.data_dir)
    if not outcome.done:
        return None
    return Move(to=State.EXPORTING, facts={"figures": _figures(outcome)})


async def export_it(tools: Tools, run: Run) -> Move:
    """EXPORTING: what was trained becomes a file that was proven to say the same where it will serve."""
    base = await same_base(tools, run)
    folder = tools.folder(run)
    exported = await export(folder, base, folder / "adapter.gguf")
    exactly = await prove_exactly(folder, base, exported)
    adapter = ServedAdapter(id=new_id(), digest=exported.digest, base_digest=base.digest)
    await asyncio.to_thread(_place, exported.path, tools.data_dir / adapter_file(exported.digest))
    as_served = await _prove_served(tools, run, adapter)
    figures = {**run.figures, **_proven(exported, exactly, as_served)}
    return Move(
        to=State.EVALUATING,
        facts={"adapter": adapter.id, "digest": adapter.digest, "figures": figures},
    )


async def _prove_served(tools: Tools, run: Run, adapter: ServedAdapter) -> Proof:
    engine = await open_engine(tools.settings)
    try:
        return await prove_served(tools.folder(run), await engine.adapted(adapter, run.task))
    finally:
        await engine.close()


def _place(file: Path, place: Path) -> None:
    """Put the adapter where engines look for it; the registry names it once it was evaluated."""
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        file.replace(place)
    except OSError as error:
        raise write_error(place, error) from error


def _same(run: Run, dataset: str, history: Sequence[Run]) -> Run | None:
    """An earlier run that did just this, where nobody asked for it again by hand."""
    if run.why is Why.HAND:
        return None
    those = (each for each in history if each.dataset == dataset and each.state in _LEARNT)
    return next((each for each in those if each.recipe == run.recipe), None)


def _purpose(split: Split) -> str:
    return "learn from" if split is Split.TRAIN else "say when to stop"


def _figures(outcome: Outcome) -> dict[str, float]:
    """Those that are numbers."""
    said = {
        "validation": outcome.loss,
        "steps": outcome.step,
        "seconds": outcome.seconds,
        "rows": outcome.rows,
        "left_out": outcome.left_out,
        "weights": outcome.weights,
    }
    return {name: float(value) for name, value in said.items() if math.isfinite(value)}


def _proven(exported: Exported, exactly: Proof, as_served: Proof) -> dict[str, float]:
    return {
        "size": float(exported.size),
        "exact_nats": exactly.max_nats,
        "served_nats": as_served.max_nats,
        "tolerance": as_served.tolerance,
    }


def _nothing(note: str) -> Move:
    return Move(to=State.REFUSED, note=note)
