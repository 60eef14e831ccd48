"""The steps of a run over real parts, by the state that each belongs to."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Final

from agent.contracts import GuildId, MemberId, Slug
from agent.files import write_error
from agent.serving.served import Task
from tuning.loop import judging, making, serving
from tuning.loop.run import Move, Run
from tuning.loop.state import State
from tuning.loop.tools import Tools
from tuning.registry.adapter import Adapter
from tuning.registry.events import Act
from tuning.runs.contracts import Progress
from tuning.training.job import JOB, METRICS

_KEPT: Final = frozenset({JOB, METRICS})
"""What stays of a run that has done its work: its figures, and not a word of anybody."""
_LEARNING: Final = (State.DATASET, State.TRAINING, State.EXPORTING, State.EVALUATING)


class GuildSteps:
    """`tuning.loop.loop.Steps` over an installation's stores."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools

    async def take(self, run: Run, tell: Callable[[Progress], None]) -> Move | None:
        tools = self._tools
        match run.state:
            case State.ASKED:
                return await making.make_dataset(tools, run)
            case State.DATASET:
                return await making.write_job_of(tools, run)
            case State.TRAINING:
                return await making.train_it(tools, run, tell)
            case State.EXPORTING:
                return await making.export_it(tools, run)
            case State.EVALUATING:
                return await judging.evaluate_it(tools, run)
            case State.GATED:
                return await judging.pass_gate(tools, run)
            case State.APPROVAL:
                return await serving.go_on(tools, run)
            case State.CANARY:
                return await serving.look_at_canary(tools, run)
            case State.CHAMPION:
                return await serving.look_at_champion(tools, run)
            case _:
                return None

    async def obstacle(self, run: Run) -> str:
        if run.state not in _LEARNING:
            return ""
        version = await self._tools.datasets.get(run.guild, run.dataset)
        if version.id == run.dataset:
            return ""
        return "Somebody whose words it would learn from is not to be learnt from any longer: it begins anew."

    async def clean(self, run: Run) -> None:
        await asyncio.to_thread(_clean, self._tools.folder(run))

    async def serve(self, run: Run, member: MemberId | None, share: float) -> Move:
        return await serving.serve(self._tools, run, member, share)

    async def decline(self, run: Run, member: MemberId) -> None:
        tools = self._tools
        await tools.registry.log(run.guild, run.adapter, Act.REFUSED, at=tools.clock(), member=member)

    async def adapter(self, guild: GuildId, ending: str) -> Adapter:
        return await self._tools.registry.get(guild, ending)

    async def promote(self, adapter: Adapter, member: MemberId, share: float, category: Slug | None) -> None:
        await serving.promote(self._tools, adapter, member, share, category)

    async def take_back(
        self, guild: GuildId, task: Task, member: MemberId | None, category: Slug | None
    ) -> str:
        return await serving.take_back(self._tools, guild, task, member, category)


def _clean(folder: Path) -> None:
    if not folder.is_dir():
        return
    try:
        for path in folder.iterdir():
            if path.is_dir():
                shutil.rmtree(path)
            elif path.name not in _KEPT:
                path.unlink()
    except OSError as error:
        raise write_error(folder, error) from error
