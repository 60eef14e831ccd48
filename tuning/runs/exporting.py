"""From a finished run to a file that an engine serves.

A LoRA method becomes a GGUF adapter; a method that changes weights, and any other of which it was asked,
becomes a copy of the base with those weights, a model of its own; a method that neither can hold is refused,
with the reason.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

from agent.errors import UsageError
from agent.models.weights import sha256_of
from tuning.export.base import read_base
from tuning.export.gguf_lora import write_gguf_lora
from tuning.export.merged import write_merged_gguf
from tuning.recipes import Serving
from tuning.runs.bases import BaseModel
from tuning.runs.contracts import Exported
from tuning.training.job import ADAPTER, Job, read_job


async def export(folder: Path, base: BaseModel, target: Path) -> Exported:
    """Write what the run in `folder` learnt to `target`, for `base.path`. The same run gives the same bytes.

    Raises `UsageError` when no engine can serve the recipe's method, or knows no such family of models,
    `ModelMissingError` when the run did not end, `ModelBrokenError` when what it left does not fit the base,
    `DiskFullError`, `StoreError`.
    """
    return await asyncio.to_thread(_export, folder, base, target)


def written(folder: Path, job: Job, base: Path, target: Path) -> tuple[str, ...]:
    """Write it for the GGUF file `base`; return the names of what it changes there. Raises as `export`."""
    recipe = job.recipe
    if recipe.serving is Serving.REFUSED:
        raise UsageError(
            f"What {recipe.method} trained cannot be served: {recipe.why_not_served}.",
            "Train by lora, rslora or qlora to serve it.",
        )
    if job.merged:
        return write_merged_gguf(folder / ADAPTER, read_base(base), target)
    return write_gguf_lora(
        folder / ADAPTER, read_base(base), target, alpha=recipe.served_alpha, name=folder.name
    )


def _export(folder: Path, base: BaseModel, target: Path) -> Exported:
    job = read_job(folder)
    matrices = written(folder, job, base.path, target)
    return Exported(
        path=target,
        digest=sha256_of(target),
        size=target.stat().st_size,
        matrices=matrices,
        is_adapter=not job.merged,
    )
