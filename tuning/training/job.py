"""A training run as a folder: what was asked, what it said on the way, what came of it.

job.json         what to train (`Job`)
metrics.jsonl    one `started`, many `step` and `evaluation`, one `ended` or `stopped`; grows on resuming
checkpoint.pt    where it stands; the run goes on from there when it is started again
adapter/         what PEFT saved; weights.safetensors, the weights that differ from the base's, where they are
                 to be merged into it
proof.jsonl      what PyTorch says of some prompts, for the engine to be compared with
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from enum import IntEnum
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import TypeAdapter, ValidationError

from agent.errors import ModelBrokenError
from agent.files import write_atomically
from tuning.recipes import Recipe, Serving

JOB: Final = "job.json"
METRICS: Final = "metrics.jsonl"
CHECKPOINT: Final = "checkpoint.pt"
ADAPTER: Final = "adapter"
CHANGED_WEIGHTS: Final = "weights.safetensors"
PROOF: Final = "proof.jsonl"


class Exit(IntEnum):
    """How the training process ends."""

    DONE = 0
    FAILED = 1
    """One line on standard error says why."""
    STOPPED = 3
    """By SIGTERM or SIGINT, with a checkpoint: start it again to go on."""
    BUSY = 4
    """Another run holds the lock."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    base: str
    """A GGUF file, a folder of Hugging Face's, or a name on its hub."""
    base_digest: str = ""
    """sha256 of a GGUF file."""
    train: Path
    validation: Path
    recipe: Recipe
    threads: int = 0
    """0: as many as the machine has cores."""
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    """"auto" tries both for a moment at the first start, and keeps what was faster."""
    weights: Literal["auto", "float32", "bfloat16"] = "auto"
    """In which the base lies in memory, where a method leaves it as it is; what is trained is float32. "auto"
    is bfloat16 where that is computed: of all weights on a graphics card, on a processor of those that every
    pass would round. After bfloat16 and QLoRA the base is read once more in float32, by the processor, to
    prove the adapter: 4 bytes a weight of memory."""
    checkpoint_seconds: float = 60.0
    evaluate_at_start: bool = True
    merge: bool = False
    """Whether an adapter is worked into the weights too, where it could be served as it is."""

    @property
    def merged(self) -> bool:
        """Whether what is learnt becomes a copy of the base with other weights, a model of its own."""
        serving = self.recipe.serving
        return serving is Serving.MERGED or (self.merge and serving is Serving.ADAPTER)


def write_job(folder: Path, job: Job) -> None:
    """Raises `StoreError`."""
    write_atomically(folder / JOB, json.dumps(asdict(job), default=str, indent=2, sort_keys=True).encode())


def read_job(folder: Path) -> Job:
    """Raises `ModelBrokenError`."""
    try:
        return _JOB.validate_json((folder / JOB).read_bytes())
    except FileNotFoundError as error:
        raise ModelBrokenError(f"{folder} is no training run: it has no {JOB}.") from error
    except ValidationError as error:
        raise ModelBrokenError(f"{folder / JOB} is damaged: {error.errors()[0]['msg']}.") from error


def metrics(folder: Path) -> Iterator[dict[str, Any]]:
    """What the run said until now; a last line that is still being written is left out."""
    path = folder / METRICS
    if path.is_file():
        for line in path.read_text("utf-8").splitlines(keepends=True):
            if line.endswith("\n"):
                yield json.loads(line)


_JOB: Final = TypeAdapter(Job)
