"""Driving runs: who may, how each ends, and what is told of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import insert, update

from agent.contracts import GuildId
from agent.database import tables
from agent.database.engine import Database
from agent.errors import (
    DiskFullError,
    LorekeeperError,
    ModelBrokenError,
    ModelBusyError,
    StoreBusyError,
    StoreError,
    UnknownGuildError,
    UsageError,
)
from agent.serving.served import Task
from tests.tuning.loop.paper import (
    ADMIN,
    HOME,
    NEW,
    NIGHT,
    OLD,
    STRAIGHT,
    PaperSteps,
    Told,
    driven,
    paper_loop,
)
from tuning.loop.loop import SETBACKS, TRIES, Loop
from tuning.loop.plan import Plan
from tuning.loop.run import Facts, Move, Run, Why
from tuning.loop.state import NEXT, WORKING, State
from tuning.recipes import Recipe
from tuning.runs.errors import TrainingError


@pytest.fixture
def loop(database: Database, steps: PaperSteps, told: Told) -> Loop:
    return paper_loop(database, steps, told)


def failing(point: str, error: BaseException) -> Callable[[str], None]:
    def hook(reached: str) -> None:
        if reached == point:
            raise error

    return hook


async def test_a_run_goes_through_every_state_and_tells_of_each(loop: Loop, told: Told) -> None:
    await loop.ask(HOME, Task.ROUTE, plan=STRAIGHT)
    run = await driven(loop)
    assert run.state is State.CHAMPION
    assert told.states == [*WORKING, State.CANARY, State.CHAMPION]
    assert (run.dataset, run.labels, run.adapter, run.figures) == ("d1", 40, NEW, {"loss": 0.5})
    assert not run.open


async def test_nothing_serves_before_an_admin_agrees(loop: Loop, steps: PaperSteps) -> None:
    await loop.ask(HOME, Task.ROUTE)
    run = await driven(loop)
    assert (run.state, steps.serving) == (State.APPROVAL, OLD)

    assert (await loop.approve(HOME, run.id, ADMIN)).state is State.CANARY
    assert steps.serving == NEW
    with pytest.raises(UsageError, match="does not wait"):
        await loop.approve(HOME, run.id, ADMIN)


async def test_an_admin_may_leave_the_trial_out(loop: Loop) -> None:
    await loop.ask(HOME, Task.ROUTE)
    run = await driven(loop)
    assert (await loop.approve(HOME, run.id[-8:], ADMIN, share=1.0)).state is State.CHAMPION


async def test_what_an_admin_declines_never_serves(loop: Loop, steps: PaperSteps) -> None:
    await loop.ask(HOME, Task.ROUTE)
    run = await driven(loop)
    declined = await loop.decline(HOME, run.id, ADMIN)
    assert (declined.state, declined.note) == (State.REFUSED, "An admin declined it.")
    assert (steps.serving, set(steps.cleaned)) == (OLD, {run.id})
    with pytest.raises(UsageError, match="refused"):
        await loop.promote(HOME, NEW, ADMIN)


@pytest.mark.parametrize("state", WORKING)
@pytest.mark.parametrize(
    "error",
    [
        TrainingError("The training process was ended by SIGKILL."),
        ModelBrokenError("The adapter cannot be read.", "Train it again."),
        DiskFullError("There is no room for it.", "Free some space."),
    ],
)
async def test_what_goes_wrong_ends_the_run_and_the_champion_serves_on(
    state: State, error: LorekeeperError, loop: Loop, steps: PaperSteps
) -> None:
    steps.hook = failing(f"{state} begun", error)
    await loop.ask(HOME, Task.ROUTE, plan=STRAIGHT)
    run = await driven(loop)
    assert (run.state, steps.serving) == (State.FAILED, OLD)
    assert run.note == f"{error} {error.hint}".strip()
    assert run.seconds > 0
    assert steps.cleaned.count(run.id) >= 1

    steps.hook = lambda point: None
    await loop.ask(HOME, Task.ROUTE, plan=STRAIGHT)
    assert (await driven(loop)).state is State.CHAMPION


async def test_what_may_go_well_a_moment_later_is_tried_again(loop: Loop, steps: PaperSteps) -> None:
    await loop.ask(HOME, Task.ROUTE, plan=STRAIGHT)
    steps.hook = failing("evaluating begun", ModelBusyError("Ollama is away."))
    waiting = await loop.work(HOME)
    assert waiting is not None
    assert (waiting.state, waiting.note, waiting.setbacks) == (State.EVALUATING, "Ollama is away.", 1)

    steps.hook = lambda point: None
    assert (await driven(loop)).state is State.CHAMPION


async def test_it_is_not_tried_for_ever(loop: Loop, steps: PaperSteps) -> None:
    run = await loop.ask(HOME, Task.ROUTE, plan=STRAIGHT)
    await loop.log.note(run, NIGHT, {"setbacks": SETBACKS})
    steps.hook = failing("asked begun", StoreBusyError("The store is away."))
    assert (await driven(loop)).state is State.FAILED


async def test_a_step_that_kills_its_process_each_time_is_given_up(loop: Loop, steps: PaperSteps) -> None:
    run = await loop.ask(HOME, Task.ROUTE, plan=STRAIGHT)
    steps.hook = failing("asked begun", KeyboardInterrupt())
    await loop.log.note(run, NIGHT, {"tries": TRIES})
    over = await loop.work(HOME)
    assert over is not None
    assert (over.state, over.note) == (State.FAILED, f"It was stopped {TRIES} times while asked.")


async def test_a_run_whose_ground_is_gone_is_cancelled(loop: Loop, steps: PaperSteps) -> None:
    steps.in_the_way = "Somebody was forgotten."
    await loop.ask(HOME, Task.ROUTE, plan=STRAIGHT)
    run = await driven(loop)
    assert (run.state, run.note, steps.serving) == (State.CANCELLED, "Somebody was forgotten.", OLD)


async def test_it_is_cancelled_while_another_object_is_at_work(
    database: Database, steps: PaperSteps, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tuning.loop.loop._LOOK_EVERY", 0.01)
    begun, stopped = asyncio.Event(), asyncio.Event()

    class Long(PaperSteps):
        async def _move(self, run: object) -> Move | None:
            begun.set()
            try:
                await asyncio.Event().wait()
            finally:
                stopped.set()

    loop = paper_loop(database, Long(steps.folder))
    run = await loop.ask(HOME, Task.ROUTE, plan=STRAIGHT)
    working = asyncio.ensure_future(loop.work(HOME))
    await begun.wait()
    cancelled = await paper_loop(database, steps).cancel(HOME, run.id)
    assert (cancelled.state, (await working).state) == (State.CANCELLED, State.CANCELLED)
    assert stopped.is_set()
    with pytest.raises(UsageError, match="nothing to cancel"):
        await loop.cancel(HOME, run.id)


async def test_it_is_cancelled_just_before_its_step_begins(
    database: Database, steps: PaperSteps, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop, other = paper_loop(database, steps), paper_loop(database, steps)
    taken: list[str] = []
    steps.hook = taken.append
    await loop.ask(HOME, Task.ROUTE, plan=STRAIGHT)
    note = loop.log.note

    async def cancelled_meanwhile(run: Run, at: datetime, facts: Facts) -> Run:
        await other.cancel(HOME, run.id)
        return await note(run, at, facts)

    monkeypatch.setattr(loop.log, "note", cancelled_meanwhile)
    after = await loop.work(HOME)
    assert after is not None
    assert (after.state, taken) == (State.CANCELLED, [])


async def test_a_stop_of_the_bot_stops_the_step_and_leaves_the_state(
    database: Database, steps: PaperSteps
) -> None:
    class Long(PaperSteps):
        async def _move(self, run: object) -> Move | None:
            try:
                await asyncio.Event().wait()
            finally:
                raise TrainingError("It was stopped.")

    loop = paper_loop(database, Long(steps.folder))
    run = await loop.ask(HOME, Task.ROUTE, plan=STRAIGHT)
    working = asyncio.ensure_future(loop.work(HOME))
    await asyncio.sleep(0.05)
    working.cancel()
    with pytest.raises(asyncio.CancelledError):
        await working
    assert (await loop.log.run(HOME, run.id)).state is State.ASKED
    assert (await driven(paper_loop(database, steps))).state is State.CHAMPION


async def test_what_a_pattern_asked_for_pauses_when_the_quiet_hours_end(
    database: Database, steps: PaperSteps
) -> None:
    hour = [2]

    def end_of_night(point: str) -> None:
        if point == "training begun":
            hour[0] = 9

    def clock() -> datetime:
        return NIGHT.replace(hour=hour[0])

    steps.hook = end_of_night
    loop = paper_loop(database, steps, clock=clock)
    await loop.ask(HOME, Task.ROUTE, why=Why.PATTERN, plan=STRAIGHT)
    paused = await loop.work(HOME)
    assert paused is not None
    assert paused.state is State.EXPORTING
    assert await loop.work(HOME) == paused

    hour[0] = 3
    steps.hook = lambda point: None
    assert (await driven(loop)).state is State.CHAMPION


async def test_a_step_that_takes_many_nights_is_not_given_up(
    database: Database, steps: PaperSteps, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tuning.loop.loop._LOOK_EVERY", 0.01)
    hour = [2]

    class Long(PaperSteps):
        async def _move(self, run: object) -> Move | None:
            hour[0] = 9
            await asyncio.Event().wait()
            return None

    loop = paper_loop(database, Long(steps.folder), clock=lambda: NIGHT.replace(hour=hour[0]))
    await loop.ask(HOME, Task.ROUTE, why=Why.PATTERN, plan=STRAIGHT)
    for _ in range(TRIES + 1):
        hour[0] = 2
        paused = await loop.work(HOME)
        assert paused is not None
        assert (paused.state, paused.tries) == (State.ASKED, 0)


async def test_what_an_admin_asked_for_works_by_day(database: Database, steps: PaperSteps) -> None:
    loop = paper_loop(database, steps, clock=lambda: NIGHT.replace(hour=12))
    await loop.ask(HOME, Task.ROUTE, plan=STRAIGHT)
    assert (await driven(loop)).state is State.CHAMPION


async def test_only_one_of_two_works_at_a_time(database: Database, steps: PaperSteps) -> None:
    inside, other = asyncio.Event(), paper_loop(database, steps)

    class Slow(PaperSteps):
        async def obstacle(self, run: object) -> str:
            inside.set()
            await asyncio.sleep(0.05)
            return ""

    loop = paper_loop(database, Slow(steps.folder))
    await loop.ask(HOME, Task.ROUTE, plan=STRAIGHT)
    working = asyncio.ensure_future(loop.work(HOME))
    await inside.wait()
    assert await other.work(HOME) is None
    done = await working
    assert done is not None
    assert done.state is State.CANARY


async def test_of_two_that_ask_at_once_one_is_told_why_not(loop: Loop) -> None:
    both = [loop.ask(HOME, Task.ROUTE) for _ in range(2)]
    first, second = sorted(await asyncio.gather(*both, return_exceptions=True), key=str)
    assert isinstance(second, UsageError) or isinstance(first, UsageError)
    assert len(await loop.log.runs(HOME)) == 1


async def test_what_cannot_be_served_is_refused_when_it_is_asked_for(loop: Loop) -> None:
    from tuning.recipes import Method

    with pytest.raises(UsageError, match="magnitudes"):
        await loop.ask(HOME, Task.ROUTE, plan=Plan(recipe=Recipe(method=Method.DORA)))


async def test_an_admin_takes_it_back(loop: Loop, steps: PaperSteps) -> None:
    await loop.ask(HOME, Task.ROUTE, plan=STRAIGHT)
    run = await driven(loop)
    assert await loop.rollback(HOME, Task.ROUTE, ADMIN) == NEW
    after = await loop.log.run(HOME, run.id)
    assert (after.state, after.note, steps.serving) == (State.ROLLED_BACK, "An admin took it back.", OLD)

    assert (await loop.promote(HOME, "challenger", ADMIN)).id == NEW
    assert steps.serving == NEW


async def test_a_promoted_one_that_was_on_trial_is_champion(loop: Loop) -> None:
    await loop.ask(HOME, Task.ROUTE)
    run = await driven(loop)
    await loop.promote(HOME, NEW, ADMIN, share=0.5)
    assert (await loop.log.run(HOME, run.id)).state is State.CANARY
    await loop.promote(HOME, NEW, ADMIN)
    assert (await loop.log.run(HOME, run.id)).state is State.CHAMPION


async def test_one_that_cannot_be_looked_at_serves_on(
    loop: Loop, steps: PaperSteps, caplog: pytest.LogCaptureFixture
) -> None:
    await loop.ask(HOME, Task.ROUTE, plan=STRAIGHT)
    run = await driven(loop)
    steps.hook = failing("champion begun", StoreError("The journal is damaged."))
    assert await loop.watch(HOME) == ()
    assert (await loop.log.run(HOME, run.id)).state is State.CHAMPION
    assert "The journal is damaged." in caplog.text


async def test_the_furthest_state_stands_whatever_the_clocks_said(loop: Loop, database: Database) -> None:
    run = await loop.ask(HOME, Task.ROUTE, plan=STRAIGHT)
    moved = await loop.log.move(
        run, Move(to=State.DATASET, facts={"dataset": "d1"}), NIGHT - timedelta(days=400)
    )
    assert moved.state is State.DATASET
    late = {
        "guild": HOME,
        "id": "f" * 36,
        "run": run.id,
        "at": NIGHT,
        "state": "asked",
        "detail": {"tries": 1},
    }
    async with database.write() as connection:
        await connection.execute(insert(tables.tuning_events), late)
    assert (await loop.log.run(HOME, run.id)).state is State.DATASET
    assert await loop.log.move(run, Move(to=State.FAILED), NIGHT) == await loop.log.run(HOME, run.id)


@pytest.mark.parametrize(("state", "to"), [(State.ASKED, State.CHAMPION), (State.ASKED, State.GATED)])
async def test_no_state_is_left_out(state: State, to: State, loop: Loop) -> None:
    run = await loop.ask(HOME, Task.ROUTE)
    assert run.state is state
    with pytest.raises(ValueError, match="no run goes from"):
        await loop.log.move(run, Move(to=to), NIGHT)


def test_every_open_state_can_end() -> None:
    for state, following in NEXT.items():
        ends = {State.REFUSED, State.FAILED, State.CANCELLED, State.ROLLED_BACK}
        assert bool(following & ends) == (state not in ends)


async def test_events_are_never_changed(loop: Loop, database: Database) -> None:
    await loop.ask(HOME, Task.ROUTE)
    with pytest.raises(StoreError):
        async with database.write() as connection:
            await connection.execute(update(tables.tuning_events).values(state="champion"))


async def test_plans_are_kept_whole(loop: Loop) -> None:
    assert await loop.plans.get(HOME) == Plan()
    plan = replace(Plan(), share=0.5, recipe=Recipe(rank=8, seed=3), base="other")
    await loop.plans.put(HOME, plan)
    await loop.plans.put(HOME, plan)
    assert await loop.plans.get(HOME) == plan
    assert (await loop.ask(HOME, Task.ANSWER)).plan == plan


async def test_what_is_not_there_is_named(loop: Loop) -> None:
    with pytest.raises(UnknownGuildError):
        await loop.ask(GuildId("elsewhere"), Task.ROUTE)
    with pytest.raises(UsageError, match="No runs"):
        await loop.log.run(HOME, "abc")
