"""From labels to an adapter: the steps before anything is judged."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Final

from agent.contracts import GuildId
from agent.errors import UsageError
from agent.files import write_error
from agent.ids import new_id
from agent.language.counts import Count
from agent.serving.opening import open_engine
from agent.serving.served import ServedAdapter, adapter_file
from tuning.datasets.building import build_version
from tuning.datasets.files import read_instructions
from tuning.datasets.item import Split
from tuning.datasets.rows_of import learnable, rows_of
from tuning.datasets.version import DatasetVersion
from tuning.loop.run import Move, Run, Why
from tuning.loop.state import State
from tuning.loop.tools import Tools, category_now, same_base
from tuning.recipes import Objective, Recipe
from tuning.runs.bases import BaseModel, find_base
from tuning.runs.contracts import Exported, Outcome, Progress, Proof
from tuning.runs.exporting import export
from tuning.runs.proving import prove_exactly, prove_served
from tuning.runs.room import require_room
from tuning.runs.supervisor import train
from tuning.training.job import Job, write_job
from tuning.training.rows import Row, write_rows

LEAST_OF_EACH: Final = 10
"""Liked, and disliked, answers to train on: KTO sets one side against the other."""
_LEARNT: Final = frozenset({State.REFUSED, State.CHAMPION, State.ROLLED_BACK})
"""How runs end that said what can be learnt from their data."""


async def make_dataset(tools: Tools, run: Run) -> Move:
    """ASKED: the labels as they are now become a dataset version."""
    category = await category_now(tools, run)
    version = await build_version(tools.stores, run.guild, run.task, tools.clock(), category=category)
    taught = await asyncio.to_thread(read_instructions, run.aim.instructions)
    if not version.entries and run.aim.instructions is not None:
        await tools.datasets.save(run.guild, version, at=tools.clock())
    counts = {
        split: len(learnable(version, split, run.recipe.objective)) + len(taught[split]) for split in Split
    }
    labels, held_out = counts[Split.TRAIN], min(counts[Split.VALIDATION], counts[Split.TEST])
    if labels < run.plan.labels or not held_out:
        return _nothing(
            f"{Count(labels):# label|# labels} to train on; "
            f"{Count(run.plan.labels):# is|# are} needed, and some to test by."
        )
    before = _same(run, version.id, await tools.log.runs(run.guild))
    if before is not None:
        return _nothing(f"There is nothing to learn that run {before.id} did not.")
    return Move(to=State.DATASET, facts={"dataset": version.id, "labels": labels})


async def write_job_of(tools: Tools, run: Run, *, merge: bool = False) -> Move:
    """DATASET: what to train is written into the run's folder, if the machine has room for it."""
    base = await find_base(tools.settings, run.plan.base)
    version = await tools.datasets.get(run.guild, run.dataset)
    folder = tools.folder(run)
    taught = await asyncio.to_thread(read_instructions, run.aim.instructions)
    job = await job_of(tools, run.guild, version, run.recipe, base, folder, taught)
    if isinstance(job, Split):
        return _nothing(f"No label to {_purpose(job)} is of use: what it rests on has changed.")
    job = replace(job, merge=merge)
    await asyncio.to_thread(write_job, folder, job)
    await asyncio.to_thread(require_room, job, folder)
    return Move(to=State.TRAINING, facts={"base_digest": base.digest})


async def job_of(
    tools: Tools,
    guild: GuildId,
    version: DatasetVersion,
    recipe: Recipe,
    base: BaseModel,
    folder: Path,
    taught: Mapping[Split, Sequence[Row]] = MappingProxyType({}),
) -> Job | Split:
    """Write the rows to train on into a folder, those of instructions last, and return what is to be done;
    or the part of the version that nothing can be learnt from. Raises `UsageError` where votes lack a side.
    """
    files = {Split.TRAIN: folder / "train.jsonl", Split.VALIDATION: folder / "validation.jsonl"}
    for split, file in files.items():
        rows = [
            *await rows_of(tools.stores, guild, version, split, recipe.objective),
            *taught.get(split, ()),
        ]
        if not rows:
            return split
        if split is Split.TRAIN and recipe.objective is Objective.KTO:
            _require_both(rows)
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
    figures = {**run.figures, **figures_of_proof(exported, exactly, as_served)}
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
    return next((each for each in those if (each.recipe, each.aim) == (run.recipe, run.aim)), None)


def _require_both(rows: Sequence[Row]) -> None:
    liked = sum(row.desirable for row in rows)
    disliked = len(rows) - liked
    if min(liked, disliked) < LEAST_OF_EACH:
        raise UsageError(
            f"KTO learns from {liked} liked and {disliked} disliked {Count(disliked):answer|answers}; "
            f"{LEAST_OF_EACH} of each are needed.",
            "Votes that members cast make them; `objective=sft` learns from corrections alone.",
        )


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


def figures_of_proof(exported: Exported, exactly: Proof, as_served: Proof) -> dict[str, float]:
    return {
        "size": float(exported.size),
        "exact_nats": exactly.apart,
        "served_nats": as_served.apart,
        "tolerance": as_served.tolerance,
    }


def _nothing(note: str) -> Move:
    return Move(to=State.REFUSED, note=note)
