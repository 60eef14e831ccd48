"""What a run says on the way and at its end, and what is proven of an adapter."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    step: int
    steps: int
    """In all; training may stop sooner."""
    loss: float
    """Nats per learnt token of the last step; not a number before the first."""
    validation: float
    """Nats per learnt token of the held-out rows, the last time; not a number before the first."""
    seconds_left: float
    """If it does not stop sooner; not a number before the first step."""

    @property
    def share(self) -> float:
        """0 to 1."""
        return self.step / self.steps if self.steps else 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    done: bool
    """False: it was stopped with a checkpoint; train again to go on."""
    step: int
    loss: float
    """The lowest nats per learnt token of the held-out rows; not a number where none was evaluated."""
    seconds: float
    """Of training, all starts together; 0 when it was stopped."""
    rows: int
    """Trained on."""
    left_out: int
    """Rows that were too long."""
    weights: int
    """Numbers that learnt."""
    precision: str
    device: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    path: Path
    """A GGUF file."""
    digest: str
    """sha256 of it, hex."""
    size: int
    """Bytes."""
    matrices: tuple[str, ...]
    """The base's tensors that it changes, in GGUF's words."""
    is_adapter: bool
    """False: it is a whole model, which serves in the place of the base."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """How far what an engine says is from what PyTorch said of the same prompts."""

    max_nats: float
    mean_nats: float
    labels: int
    """How many log-probabilities were compared."""
    prompts: int
    tolerance: float
    """Nats."""
    on_average: bool = False
    """Whether the tolerance is one for the mean, and not for every label."""

    @property
    def apart(self) -> float:
        """What is held to the tolerance, nats."""
        return self.mean_nats if self.on_average else self.max_nats

    @property
    def holds(self) -> bool:
        return self.apart <= self.tolerance
