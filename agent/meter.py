"""What one question cost and reached: time of each stage, time inside models, which models answered.

The meter of the question that is being answered travels in a context variable, so that a model that is
shared by every question can tell the right one what a call took, and a line of the log which episode it
belongs to. Model calls of one question may overlap (route and search run side by side), so their time is the
union of intervals, not the sum.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from agent.contracts import EpisodeId, GuildId, ModelInfo, Stage


@dataclass(slots=True)
class Meter:
    """Mutable: one for each question. Times in seconds of the monotonic clock."""

    episode: EpisodeId
    guild: GuildId
    started: float = field(default_factory=time.perf_counter)
    stages: dict[Stage, float] = field(default_factory=dict)
    model_calls: list[tuple[float, float]] = field(default_factory=list)
    models: dict[str, ModelInfo] = field(default_factory=dict)
    reached: dict[str, Any] = field(default_factory=dict)
    """What the stages wrote so far, so that a question that fails is recorded with what it had reached."""
    interrupted: str = ""
    """The server or file that the question was waiting for when a deadline ended it."""

    @contextmanager
    def stage(self, stage: Stage) -> Iterator[None]:
        """Add the time spent inside to the stage's; a stage that runs twice has the sum."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.stages[stage] = self.stages.get(stage, 0.0) + time.perf_counter() - start

    def timings(self) -> dict[str, float]:
        """Milliseconds: each stage, `model` (all model calls), `own` (the rest) and `total`."""
        total = time.perf_counter() - self.started
        model = union_length(self.model_calls)
        seconds = {stage.value: spent for stage, spent in self.stages.items()}
        seconds |= {"model": model, "own": max(total - model, 0.0), "total": total}
        return {name: round(value * 1000, 3) for name, value in seconds.items()}


METER: ContextVar[Meter | None] = ContextVar("METER", default=None)


@contextmanager
def answering(meter: Meter) -> Iterator[None]:
    """Say that what happens inside belongs to the meter's question."""
    token = METER.set(meter)
    try:
        yield
    finally:
        METER.reset(token)


def current_meter() -> Meter:
    """Return the meter of the question being answered; a stage always runs inside one."""
    meter = METER.get()
    if meter is None:
        raise RuntimeError("A stage ran outside of a question.")
    return meter


@contextmanager
def awaiting(name: str) -> Iterator[None]:
    """Let a deadline that ends the block name what did not answer: a server or file, as people know it."""
    meter = METER.get()
    try:
        yield
    except asyncio.CancelledError:
        if meter is not None:
            meter.interrupted = name
        raise


@contextmanager
def model_call(info: Callable[[], ModelInfo]) -> Iterator[None]:
    """Account the time inside to the question being answered, if there is one.

    `info` is asked at the end: only then is known which server's model answered.
    """
    meter = METER.get()
    start = time.perf_counter()
    try:
        yield
    finally:
        if meter is not None:
            meter.model_calls.append((start, time.perf_counter()))
            answered = info()
            meter.models[f"{answered.engine}/{answered.name}/{answered.adapter}"] = answered


def union_length(intervals: list[tuple[float, float]]) -> float:
    """Length of the union of closed intervals."""
    length, reached = 0.0, float("-inf")
    for start, end in sorted(intervals):
        length += max(0.0, end - max(start, reached))
        reached = max(reached, end)
    return length
