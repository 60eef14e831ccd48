"""What every stage has in common: it says that it began, and its time is accounted."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, Protocol

from langgraph.runtime import Runtime

from agent.contracts import Stage, StageChanged
from agent.meter import current_meter
from agent.observing import seams
from agent.parts import Parts
from agent.state import State


class Node(Protocol):
    """A stage: reads the state, returns the keys of it that it writes."""

    async def __call__(self, state: State, *, runtime: Runtime[Parts]) -> dict[str, Any]: ...


def stage(name: Stage) -> Callable[[Node], Node]:
    """Make a coroutine function a stage of the graph."""

    def decorate(node: Node) -> Node:
        @functools.wraps(node)
        async def timed(state: State, *, runtime: Runtime[Parts]) -> dict[str, Any]:
            runtime.stream_writer(StageChanged(stage=name))
            meter = current_meter()
            with seams.stage(name), meter.stage(name):
                written = await node(state, runtime=runtime)
            meter.reached |= written
            return written

        return timed

    return decorate
