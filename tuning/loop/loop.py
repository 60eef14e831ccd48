"""Driving runs: doing the step of the state that a run is in, and writing down what it led to.

Two calls drive a guild, and both may be made again and again, after a kill too, and by several processes of
one data folder: `work` does what takes long, with one run at a time in all, and `watch` what is quick.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Final, Protocol

from agent.contracts import GuildId, MemberId, Slug
from agent.errors import LorekeeperError, UsageError
from agent.serving.served import Task
from tuning.loop.aim import EVERYTHING, Aim, require_aim
from tuning.loop.alone import alone_at_work
from tuning.loop.log import Plans, RunLog
from tuning.loop.plan import Plan
from tuning.loop.run import Facts, Move, Run, Why
from tuning.loop.state import NEXT, WAITING, WORKING, State
from tuning.recipes import Serving
from tuning.registry.adapter import Adapter
from tuning.runs.contracts import Progress

_log = logging.getLogger(__name__)

TRIES: Final = 8
"""How often a step is begun that never ends, because it is killed each time: it may be what kills."""
SETBACKS: Final = 300
"""How often what may succeed a moment later is tried again: in five hours, looking each minute."""
_PASSED: Final = (*WAITING, State.CHAMPION, State.ROLLED_BACK)
_LOOK_EVERY: Final = 2.0
"""Seconds between looks whether the run was cancelled, or should pause."""


class Steps(Protocol):
    """What is done in each state, and what else runs need; `tuning.loop.steps` does it with real parts."""

    async def take(self, run: Run, tell: Callable[[Progress], None]) -> Move | None:
        """Do the step of the run's state; None where it must wait. Raises `LorekeeperError`.

        Done again, after a kill at any point, it comes to the same. Cancelled, it stops what it started.
        """
        ...

    async def obstacle(self, run: Run) -> str:
        """Say in one line why the run makes no sense any longer; empty where it does."""
        ...

    async def clean(self, run: Run) -> None:
        """Remove what was needed to make the adapter. Done again, it removes what is left."""
        ...

    async def serve(self, run: Run, member: MemberId | None, share: float) -> Move:
        """Let the run's adapter serve, tried on a share of the questions first where that is below 1.

        Done again it changes nothing. `member` decided it; None for the bot.
        """
        ...

    async def decline(self, run: Run, member: MemberId) -> None:
        """Write down which admin did not want it."""
        ...

    async def adapter(self, guild: GuildId, ending: str) -> Adapter:
        """Raises `UsageError` when there is no such adapter."""
        ...

    async def promote(self, adapter: Adapter, member: MemberId, share: float, category: Slug | None) -> None:
        """The same as `serve` for an adapter that served before, came from elsewhere, or is to serve the
        questions of a category beside those that it was trained for.
        """
        ...

    async def take_back(
        self, guild: GuildId, task: Task, member: MemberId | None, category: Slug | None
    ) -> str:
        """Let the champion before serve again, at once; return the id of the adapter that no longer does.

        Raises `UsageError` when the model serves as it is already.
        """
        ...


class Listener(Protocol):
    """Who is told what happens."""

    async def moved(self, run: Run) -> None:
        """The run came into another state. A failure here must not be raised: nothing waits for it."""
        ...

    def progressed(self, run: Run, progress: Progress) -> None: ...


class Silent:
    """The listener that does nothing."""

    async def moved(self, run: Run) -> None: ...

    def progressed(self, run: Run, progress: Progress) -> None: ...


class Loop:
    """Of every guild. Raises `StoreError`, and `UsageError` where a method says so.

    `clock` returns an aware time in the guild's zone.
    """

    def __init__(
        self,
        *,
        log: RunLog,
        plans: Plans,
        steps: Steps,
        data_dir: Path,
        clock: Callable[[], datetime],
        listener: Listener | None = None,
    ) -> None:
        self.log = log
        self.plans = plans
        self._steps = steps
        self._data_dir = data_dir
        self.clock = clock
        self._listener = listener or Silent()

    async def ask(
        self,
        guild: GuildId,
        task: Task,
        *,
        why: Why = Why.HAND,
        pattern: str = "",
        plan: Plan | None = None,
        aim: Aim = EVERYTHING,
    ) -> Run:
        """Begin a run; `work` does it. Raises `UsageError` when none may start, with the reason."""
        require_aim(task, aim)
        plan = plan or await self.plans.get(guild)
        if plan.recipe.serving is not Serving.ADAPTER:
            raise UsageError(
                f"What {plan.recipe.method} trains is no adapter: {plan.recipe.why_not_served}.",
                f"`lorekeeper tune model {task} --to FILE.gguf` trains by it, apart from what serves.",
            )
        run = await self.log.ask(guild, task, self.clock(), plan, why=why, pattern=pattern, aim=aim)
        await self._listener.moved(run)
        return run

    async def work(self, guild: GuildId) -> Run | None:
        """Go on with the run that is at work, as far as it goes now.

        It goes until it waits for people or time, is over, or should pause because the quiet hours ended.
        None where there is no such run, or another process or guild is at work.
        """
        async with alone_at_work(self._data_dir) as alone:
            run = await self._at_work(guild) if alone else None
            # A run that was killed, or cancelled elsewhere, as it ended may have left something.
            for other in await self.log.runs(guild) if alone else ():
                if other.state not in WORKING:
                    await self._steps.clean(other)
            while run is not None and run.state in WORKING and self._may_work(run):
                after = await self.advance(run)
                if after.state is run.state:
                    return after
                run = after
            return run

    async def watch(self, guild: GuildId) -> tuple[Run, ...]:
        """Look at what waits, is tried or serves; return the runs that moved on."""
        moved: list[Run] = []
        for run in await self._watched(guild):
            try:
                after = await self.advance(run)
            except LorekeeperError as error:
                # It serves on as it is, and the other task has a right to be looked at.
                _log.warning("run %s could not be looked at: %s", run.id, error)
                continue
            if after.state is not run.state:
                moved.append(after)
        return tuple(moved)

    async def advance(self, run: Run) -> Run:
        """Do the step of the state that the run is in, once, and return it as it then stands.

        What goes wrong before the challenger serves ends in the run's state; what goes wrong later is raised.
        """
        if run.state not in WORKING:
            return await self._look(run)
        run = await self.log.note(run, self.clock(), {"tries": run.tries + 1})
        if run.state not in WORKING:
            # It was cancelled a moment ago, by another process.
            return run
        if run.tries > TRIES:
            return await self._move(run, _failed(f"It was stopped {TRIES} times while {run.state}."))
        began = time.monotonic()
        outcome = await self._tried(run)
        # Also what came to nothing was computed, and counts for the plan's budget.
        spent = {"seconds": run.seconds + time.monotonic() - began}
        if isinstance(outcome, LorekeeperError):
            return await self._erred(run, outcome, spent)
        if outcome is None:
            # It was stopped, and did not fail: it goes on in the next quiet hours, however many those are.
            return await self.log.note(run, self.clock(), {**spent, "tries": run.tries - 1})
        return await self._move(run, replace(outcome, facts={**outcome.facts, **spent}))

    async def _tried(self, run: Run) -> Move | LorekeeperError | None:
        """Where the step led, or what went wrong with it; None where it was stopped."""
        try:
            obstacle = await self._steps.obstacle(run)
            move = None if obstacle else await self._taken(run)
            # Once more: the step may have taken hours.
            obstacle = obstacle or await self._steps.obstacle(run)
        except LorekeeperError as error:
            return error
        return Move(to=State.CANCELLED, note=obstacle) if obstacle else move

    async def _look(self, run: Run) -> Run:
        try:
            move = await self._steps.take(run, lambda progress: None)
        except LorekeeperError as error:
            if not run.open or run.state is State.CANARY:
                raise
            return await self._erred(run, error, {})
        return run if move is None else await self._move(run, move)

    async def approve(
        self, guild: GuildId, beginning: str, member: MemberId, *, share: float | None = None
    ) -> Run:
        """Let the challenger serve: with a share of 1 at once, else tried on that share of the questions, by
        default the plan's. Raises `UsageError` when the run does not wait for that.
        """
        run = await self._waiting(guild, beginning)
        move = await self._steps.serve(run, member, run.plan.share if share is None else share)
        return await self._move(run, move)

    async def decline(self, guild: GuildId, beginning: str, member: MemberId) -> Run:
        """Keep the champion. Raises `UsageError` when the run does not wait for that."""
        run = await self._waiting(guild, beginning)
        await self._steps.decline(run, member)
        return await self._move(run, Move(to=State.REFUSED, note="An admin declined it."))

    async def promote(
        self,
        guild: GuildId,
        ending: str,
        member: MemberId,
        *,
        share: float = 1.0,
        category: Slug | None = None,
    ) -> Adapter:
        """Let any adapter serve that passed the gate, named by the end of its id; return it.

        It serves the questions of the category, or else those that it was trained for. Raises `UsageError`
        when there is none, or its run did not come so far.
        """
        adapter = await self._steps.adapter(guild, ending)
        category = category or adapter.category
        run = next((run for run in await self.log.runs(guild) if run.adapter == adapter.id), None)
        if run is not None and run.state not in _PASSED:
            raise UsageError(f"Its run is {run.state}: {run.note}".rstrip(": "))
        if run is not None and run.state in WAITING and run.aim.category == category:
            move = await self._steps.serve(run, member, share)
            if move.to is not run.state:
                await self._move(run, move)
        else:
            await self._steps.promote(adapter, member, share, category)
        return adapter

    async def cancel(self, guild: GuildId, beginning: str) -> Run:
        """Stop a run that has not served yet, also one at which another process is at work.

        Raises `UsageError` when it is over, or serves: then it can be rolled back.
        """
        run = await self.log.run(guild, beginning)
        if run.state not in (*WORKING, State.APPROVAL):
            raise UsageError(f"Run {run.id} is {run.state}: there is nothing to cancel.")
        return await self._move(run, Move(to=State.CANCELLED, note="It was cancelled."))

    async def rollback(
        self, guild: GuildId, task: Task, member: MemberId | None, *, category: Slug | None = None
    ) -> str:
        """Let the champion before serve again, at once; return the id of the adapter that no longer does.

        Raises `UsageError` when there is none.
        """
        adapter = await self._steps.take_back(guild, task, member, category)
        for run in await self.log.runs(guild):
            ended = run.adapter == adapter and run.aim.category == category
            if ended and State.ROLLED_BACK in NEXT[run.state]:
                await self._move(run, Move(to=State.ROLLED_BACK, note="An admin took it back."))
        return adapter

    async def _taken(self, run: Run) -> Move | None:
        """The step's move; None also where it was stopped, because the run is over or must pause."""
        step = asyncio.ensure_future(
            self._steps.take(run, lambda progress: self._listener.progressed(run, progress))
        )
        try:
            while not (await asyncio.wait({step}, timeout=_LOOK_EVERY))[0]:
                if await self._should_stop(run):
                    return None
            return step.result()
        finally:
            step.cancel()
            # Not awaited itself: what it raises as it stops must not hide why it was stopped.
            await asyncio.wait({step})
            step.cancelled() or step.exception()

    async def _should_stop(self, run: Run) -> bool:
        now = await self.log.run(run.guild, run.id)
        return now.state is not run.state or not self._may_work(run)

    async def _erred(self, run: Run, error: LorekeeperError, spent: Facts) -> Run:
        line = f"{error} {error.hint}".strip()
        if error.transient and run.setbacks < SETBACKS:
            # It was not the step that stopped, so the try does not count.
            facts = {"tries": max(0, run.tries - 1), "setbacks": run.setbacks + 1, "note": line}
            return await self.log.note(run, self.clock(), {**spent, **facts})
        return await self._move(run, replace(_failed(line), facts=spent))

    async def _move(self, run: Run, move: Move) -> Run:
        after = await self.log.move(run, move, self.clock())
        if after.state is move.to:
            await self._listener.moved(after)
        if after.state not in WORKING:
            await self._steps.clean(after)
        return after

    def _may_work(self, run: Run) -> bool:
        return run.why is Why.HAND or run.state not in WORKING or run.plan.quiet(self.clock())

    async def _at_work(self, guild: GuildId) -> Run | None:
        return next((run for run in await self.log.runs(guild) if run.state in WORKING), None)

    async def _watched(self, guild: GuildId) -> list[Run]:
        """What may move without work: whatever waits or is tried, and of each place the last champion."""
        runs = await self.log.runs(guild)
        champions: dict[tuple[Task, Slug | None], Run] = {}
        for run in runs:
            if run.state is State.CHAMPION:
                champions.setdefault((run.task, run.aim.category), run)
        return [*(run for run in runs if run.state in WAITING), *champions.values()]

    async def _waiting(self, guild: GuildId, beginning: str) -> Run:
        run = await self.log.run(guild, beginning)
        if run.state is not State.APPROVAL:
            raise UsageError(f"Run {run.id} is {run.state}, it does not wait for a decision.")
        return run


def _failed(line: str) -> Move:
    return Move(to=State.FAILED, note=line)
