"""Runs of the tiny llama, and what they are made of."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from agent.models.weights import sha256_of
from tests.tuning.training.conftest import loaded, rows, tiny, tiny_folder
from tuning.recipes import Recipe
from tuning.runs.bases import BaseModel
from tuning.training.job import Job, write_job
from tuning.training.rows import Row, write_rows

__all__ = ["loaded", "rows", "tiny", "tiny_folder"]

RECIPE = Recipe(rank=4, batch=8, epochs=4, learning_rate=0.02, max_tokens=512, seed=3)


def write_run(folder: Path, base: Path, rows: list[Row], recipe: Recipe = RECIPE) -> Job:
    """A run that is ready to be trained."""
    folder.mkdir(parents=True, exist_ok=True)
    write_rows(folder / "train.jsonl", rows[:48])
    write_rows(folder / "validation.jsonl", rows[48:])
    job = Job(
        base=str(base),
        train=folder / "train.jsonl",
        validation=folder / "validation.jsonl",
        recipe=recipe,
        threads=1,
        precision="float32",
        checkpoint_seconds=0,
    )
    write_job(folder, job)
    return job


@pytest.fixture(scope="session")
def tiny_base(tiny: Any) -> BaseModel:
    """A GGUF file of half precision."""
    path = tiny("llama")
    return BaseModel(path=path, digest=sha256_of(path), name="tiny", licence="none", source=str(path))
