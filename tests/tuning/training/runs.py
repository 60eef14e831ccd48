"""Training runs: written to be trained, or trained in this process, which saves loading torch for each."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from agent.models.llama import AdapterFile, LlamaChatModel, LlamaConfig
from agent.models.protocol import ChatMessage
from tuning.recipes import Recipe
from tuning.training.job import PROOF, Job, metrics, write_job
from tuning.training.rows import Row, write_rows

RECIPE: Final = Recipe(rank=4, batch=8, epochs=4, learning_rate=0.02, max_tokens=512, seed=3)


def job(folder: Path, base: Path, rows: Sequence[Row], recipe: Recipe, **more: Any) -> Job:
    """Write all but the last twelve rows to learn from and those to hold out."""
    folder.mkdir(parents=True, exist_ok=True)
    write_rows(folder / "train.jsonl", rows[:-12])
    write_rows(folder / "validation.jsonl", rows[-12:])
    values = {"precision": "float32", "threads": 1} | more
    return Job(
        base=str(base),
        train=folder / "train.jsonl",
        validation=folder / "validation.jsonl",
        recipe=recipe,
        **values,
    )


def write_run(folder: Path, base: Path, rows: Sequence[Row], recipe: Recipe = RECIPE) -> Job:
    """A run that is ready to be trained, with a checkpoint after each step."""
    run = job(folder, base, rows, recipe, checkpoint_seconds=0)
    write_job(folder, run)
    return run


def train(folder: Path, run: Job, stopped: Callable[[], bool] = lambda: False) -> bool:
    """Return whether it came to its end."""
    from tuning.training.process.running import Run

    return Run(folder, run, stopped).train()


def losses(folder: Path) -> list[float]:
    """Of the evaluations, from before the first step on."""
    return [each["loss"] for each in metrics(folder) if each["event"] == "evaluation"]


def proof(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / PROOF).read_text("utf-8").splitlines()]


async def apart(folder: Path, base: Path, adapter: Path | None = None) -> float:
    """How far the engine is from what PyTorch said at the end of the run: the most nats of any label."""
    adapters = (AdapterFile(name="tuned", path=adapter, digest="d"),) if adapter else ()
    config = LlamaConfig(path=base, name="tiny", digest="", threads=2, context_tokens=1024, adapters=adapters)
    model = await LlamaChatModel.open(config)
    asked = model.using("tuned") if adapter else model
    most = 0.0
    try:
        for each in proof(folder)[:4]:
            messages = [ChatMessage(**message) for message in each["messages"]]
            told = await asked.likelihoods(messages, each["labels"])
            most = max([most, *(abs(one - other) for one, other in zip(told, each["nats"], strict=True))])
    finally:
        await model.close()
    return most
