"""Runs on paper: files stand for models, so that every state can be reached at once, and left by a kill."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from agent.contracts import GuildId, MemberId, Slug
from agent.database.engine import Database
from agent.errors import UsageError
from agent.serving.served import Task
from tuning.loop.log import Plans, RunLog
from tuning.loop.loop import Loop
from tuning.loop.plan import Plan
from tuning.loop.run import Move, Run
from tuning.loop.state import State
from tuning.recipes import Recipe
from tuning.registry.adapter import Adapter
from tuning.runs.contracts import Progress

HOME: Final = GuildId("home")
ADMIN: Final = MemberId("admin")
NIGHT: Final = datetime(2026, 11, 23, 2, tzinfo=UTC)
STRAIGHT: Final = Plan(approval=False, share=0.2)
"""Nobody is asked, so that a run goes through every other state by itself."""
NEW, OLD = "the challenger", "the champion"

Hook = Callable[[str], None]

_MOVES: Final = {
    State.ASKED: Move(to=State.DATASET, facts={"dataset": "d1", "labels": 40}),
    State.DATASET: Move(to=State.TRAINING, facts={"base_digest": "b1"}),
    State.TRAINING: Move(to=State.EXPORTING, facts={"figures": {"loss": 0.5}}),
    State.EXPORTING: Move(to=State.EVALUATING, facts={"adapter": NEW, "digest": "f1"}),
    State.EVALUATING: Move(to=State.GATED),
}


def nothing(point: str) -> None:
    """The hook of a run that nothing happens to."""


@dataclass
class PaperSteps:
    """Writes a line for everything that it does, and the name of who serves into a file."""

    folder: Path
    hook: Hook = nothing
    """Called with "STATE begun" and "STATE done"."""
    in_the_way: str = ""
    cleaned: list[str] = field(default_factory=list)

    @property
    def serving(self) -> str:
        file = self.folder / "serving"
        return file.read_text() if file.exists() else OLD

    def put(self, adapter: str) -> None:
        (self.folder / "serving").write_text(adapter)

    async def take(self, run: Run, tell: Callable[[Progress], None]) -> Move | None:
        self.hook(f"{run.state} begun")
        move = await self._move(run)
        self.hook(f"{run.state} done")
        return move

    async def _move(self, run: Run) -> Move | None:
        if run.state in _MOVES:
            run.folder(self.folder).mkdir(parents=True, exist_ok=True)
            (run.folder(self.folder) / run.state).write_text("made")
            return _MOVES[run.state]
        if run.state is State.GATED:
            return Move(to=State.APPROVAL) if run.plan.approval else await self.serve(run, None, 0.2)
        if run.state is State.CANARY:
            return await self.serve(run, None, 1.0)
        return None

    async def obstacle(self, run: Run) -> str:
        return self.in_the_way

    async def clean(self, run: Run) -> None:
        self.cleaned.append(run.id)

    async def serve(self, run: Run, member: MemberId | None, share: float) -> Move:
        self.put(run.adapter)
        return Move(to=State.CANARY if share < 1 else State.CHAMPION)

    async def decline(self, run: Run, member: MemberId) -> None: ...

    async def adapter(self, guild: GuildId, ending: str) -> Adapter:
        if not NEW.endswith(ending):
            raise UsageError(f"There is no adapter {ending}.")
        return paper_adapter()

    async def promote(self, adapter: Adapter, member: MemberId, share: float, category: Slug | None) -> None:
        self.put(adapter.id)

    async def take_back(
        self, guild: GuildId, task: Task, member: MemberId | None, category: Slug | None
    ) -> str:
        taken = self.serving
        self.put(OLD)
        return taken


@dataclass
class Told:
    """Keeps what a loop tells, and calls the hook with "STATE written"."""

    hook: Hook = nothing
    states: list[State] = field(default_factory=list)

    async def moved(self, run: Run) -> None:
        self.states.append(run.state)
        self.hook(f"{run.state} written")

    def progressed(self, run: Run, progress: Progress) -> None: ...


def paper_loop(
    database: Database,
    steps: PaperSteps,
    told: Told | None = None,
    clock: Callable[[], datetime] = lambda: NIGHT,
) -> Loop:
    return Loop(
        log=RunLog(database),
        plans=Plans(database),
        steps=steps,
        data_dir=steps.folder,
        clock=clock,
        listener=told or Told(),
    )


async def driven(loop: Loop) -> Run:
    """Do what the schedule does until nothing moves any more."""
    before: Any = None
    while (now := (await loop.log.runs(HOME))[0]) != before:
        before = now
        await loop.work(HOME)
        await loop.watch(HOME)
    return now


def paper_adapter() -> Adapter:
    return Adapter(
        id=NEW,
        guild=HOME,
        task=Task.ROUTE,
        made_at=NIGHT,
        recipe=Recipe(),
        dataset="d1",
        base_digest="b1",
        base_name="tiny",
        code="1",
        packages="p",
        digest="f1",
        size=1,
    )
