"""`python -m tests.tuning.loop.dying FOLDER MODEL POINT`: go on with a run over real parts, and die at POINT.

POINT is a state, whose step is then done and not written down; or "step", within the training.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

from agent.runtime import open_stores
from agent.settings import Settings
from tests.tuning.loop.guilds import Clock
from tests.tuning.loop.paper import HOME
from tuning.loop.log import Plans
from tuning.loop.loop import Loop
from tuning.loop.run import Move, Run
from tuning.loop.steps import GuildSteps
from tuning.loop.tools import tools_of
from tuning.runs.contracts import Progress

STEP: Final = "step"


class _DyingSteps(GuildSteps):
    last = ""

    async def take(self, run: Run, tell: Callable[[Progress], None]) -> Move | None:
        def told(progress: Progress) -> None:
            if progress.step and self.last == STEP:
                _die()

        move = await super().take(run, told)
        if self.last == run.state:
            _die()
        return move


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


async def _main(folder: Path, model: str, last: str) -> None:
    settings = Settings(data_dir=folder, chat_model=model, threads=2)
    async with open_stores(settings, Clock()) as stores:
        tools = tools_of(stores)
        steps = _DyingSteps(tools)
        steps.last = last
        loop = Loop(
            log=tools.log, plans=Plans(stores.database), steps=steps, data_dir=folder, clock=stores.clock
        )
        await loop.work(HOME)


if __name__ == "__main__":
    asyncio.run(_main(Path(sys.argv[1]), sys.argv[2], sys.argv[3]))
