"""From training rows to a proven adapter, by the code of the loop: what benchmarks of tuned models share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from agent.serving.opening import open_engine
from agent.serving.served import ServedAdapter, Task, adapter_file
from agent.settings import Settings
from tuning.datasets.item import Split
from tuning.recipes import Recipe
from tuning.runs.bases import find_base
from tuning.runs.contracts import Outcome, Progress, Proof
from tuning.runs.exporting import export
from tuning.runs.proving import prove_exactly, prove_served
from tuning.runs.supervisor import train
from tuning.training.job import Job, write_job
from tuning.training.rows import Row, write_rows


@dataclass(frozen=True, slots=True, kw_only=True)
class Tuned:
    """An adapter that lies in the data folder, and how it came there."""

    adapter: ServedAdapter
    outcome: Outcome
    exactly: Proof
    as_served: Proof

    @property
    def told(self) -> str:
        """One sentence for the note under a table."""
        made = self.outcome
        return (
            f"Trained on {made.rows} rows in {made.seconds / 60:.1f} minutes ({made.step} steps, "
            f"{made.precision}); the engine is {self.exactly.max_nats:.4f} nats from PyTorch on a copy of "
            f"the base in whole precision, and {self.as_served.max_nats:.2f} on the file that serves."
        )


async def tuned(
    settings: Settings, folder: Path, rows: Mapping[Split, Sequence[Row]], recipe: Recipe, task: Task
) -> Tuned:
    """Train the chat model in use on rows for training and validation, and prove what came of it.

    A training in `folder` that was stopped goes on, and one that is done is not done again.
    """
    base = await find_base(settings)
    files = {split: folder / f"{split}.jsonl" for split in (Split.TRAIN, Split.VALIDATION)}
    for split, file in files.items():
        write_rows(file, rows[split])
    job = Job(
        base=base.source,
        base_digest=base.digest,
        train=files[Split.TRAIN],
        validation=files[Split.VALIDATION],
        recipe=recipe,
        threads=settings.threads,
    )
    write_job(folder, job)
    outcome = await train(folder, _tell, data_dir=settings.data_dir)
    exported = await export(folder, base, folder / "adapter.gguf")
    exactly = await prove_exactly(folder, base, exported)
    file = settings.data_dir / adapter_file(exported.digest)
    file.parent.mkdir(exist_ok=True)
    exported.path.replace(file)
    adapter = ServedAdapter(id="tuned", digest=exported.digest, base_digest=base.digest)
    engine = await open_engine(settings)
    try:
        as_served = await prove_served(folder, await engine.adapted(adapter, task))
    finally:
        await engine.close()
    return Tuned(adapter=adapter, outcome=outcome, exactly=exactly, as_served=as_served)


async def at_once() -> None:
    """Wait for nobody: no member asks anything in a benchmark."""


def _tell(progress: Progress) -> None:
    print(
        f"step {progress.step} of {progress.steps}, loss {progress.loss:.3f}, "
        f"held out {progress.validation:.3f}, {progress.seconds_left:.0f} s left",
        flush=True,
    )
