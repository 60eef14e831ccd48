"""What can go wrong with a training run, beside the errors that everything shares."""

from __future__ import annotations

from agent.errors import LorekeeperError, ModelError


class TrainingError(LorekeeperError):
    """A training run did not end as it should. The line is what the process said last."""


class NoRoomError(TrainingError):
    """Too little disk or memory for what was asked; nothing was begun."""


class RunBusyError(TrainingError):
    """Another run trains on this machine; the same call may succeed when that one has ended."""

    transient = True


class UnprovenError(ModelError):
    """The engine that will serve does not say through the adapter what PyTorch said with it."""
