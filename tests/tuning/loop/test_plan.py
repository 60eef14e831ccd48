"""When a run may start, as a table."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from agent.errors import UsageError
from agent.serving.served import Task
from tests.tuning.loop.paper import HOME, NIGHT
from tuning.loop.plan import Hindrance, Plan, may_start
from tuning.loop.run import Run, Why
from tuning.loop.state import State

DAY = timedelta(days=1)
NOON = NIGHT.replace(hour=12)


def a_run(days_ago: float = 5.0, **changes: Any) -> Run:
    at = NIGHT - days_ago * DAY
    first = Run(
        id=f"r{days_ago}",
        guild=HOME,
        state=State.CHAMPION,
        asked_at=at,
        changed_at=at,
        task=Task.ROUTE,
        why=Why.PATTERN,
        plan=Plan(),
        seconds=60.0,
    )
    return replace(first, **changes)


@pytest.mark.parametrize(
    ("plan", "now", "history", "by_pattern", "by_hand"),
    [
        (Plan(), NIGHT, [], None, None),
        (Plan(automatic=False), NIGHT, [], Hindrance.OFF, None),
        (Plan(), NOON, [], Hindrance.NOT_QUIET, None),
        (Plan(quiet_from=0, quiet_to=0), NOON, [], None, None),
        (Plan(), NIGHT, [a_run()], None, None),
        (Plan(), NIGHT, [a_run(1)], Hindrance.COOLING, None),
        (Plan(), NIGHT, [a_run(2)], None, None),
        (Plan(), NIGHT, [a_run(1, task=Task.ANSWER)], None, None),
        (Plan(), NIGHT, [a_run(1, state=State.CANCELLED)], None, None),
        (Plan(), NIGHT, [a_run(3), a_run(4), a_run(5)], Hindrance.RUNS, None),
        (Plan(), NIGHT, [a_run(4), a_run(5), a_run(8)], None, None),
        (Plan(minutes_a_week=10), NIGHT, [a_run(seconds=600)], Hindrance.MINUTES, None),
        (Plan(minutes_a_week=10), NIGHT, [a_run(seconds=599)], None, None),
        (Plan(minutes_a_week=10), NIGHT, [a_run(8, seconds=600)], None, None),
        (Plan(), NIGHT, [a_run(state=State.TRAINING)], Hindrance.BUSY, Hindrance.BUSY),
        (
            Plan(),
            NIGHT,
            [a_run(task=Task.ANSWER, state=State.ASKED)],
            Hindrance.BUSY,
            Hindrance.BUSY,
        ),
        (Plan(), NIGHT, [a_run(state=State.APPROVAL)], Hindrance.WAITING, Hindrance.WAITING),
        (Plan(), NIGHT, [a_run(state=State.CANARY)], Hindrance.WAITING, Hindrance.WAITING),
        (Plan(), NIGHT, [a_run(task=Task.ANSWER, state=State.CANARY)], None, None),
    ],
)
def test_who_may_start(
    plan: Plan,
    now: datetime,
    history: list[Run],
    by_pattern: Hindrance | None,
    by_hand: Hindrance | None,
) -> None:
    for expected, hand in ((by_pattern, False), (by_hand, True)):
        refusal = may_start(plan, Task.ROUTE, now, history, by_hand=hand)
        assert (refusal.hindrance if refusal else None) is expected


@pytest.mark.parametrize("hindrance", list(Hindrance))
def test_each_refusal_is_one_whole_line(hindrance: Hindrance) -> None:
    cases = {
        Hindrance.BUSY: (Plan(), NIGHT, [a_run(state=State.GATED)]),
        Hindrance.WAITING: (Plan(), NIGHT, [a_run(state=State.CANARY)]),
        Hindrance.OFF: (Plan(automatic=False), NIGHT, []),
        Hindrance.NOT_QUIET: (Plan(), NOON, []),
        Hindrance.COOLING: (Plan(), NIGHT, [a_run(1)]),
        Hindrance.RUNS: (Plan(runs_a_week=0), NIGHT, []),
        Hindrance.MINUTES: (Plan(minutes_a_week=0), NIGHT, []),
    }
    plan, now, history = cases[hindrance]
    refusal = may_start(plan, Task.ROUTE, now, history, by_hand=False)
    assert refusal is not None
    assert refusal.hindrance is hindrance
    assert refusal.line.endswith(".")
    assert "{" not in refusal.line


@pytest.mark.parametrize(
    ("start", "end", "hours"),
    [(1, 6, {1, 2, 3, 4, 5}), (22, 2, {22, 23, 0, 1}), (7, 7, set(range(24)))],
)
def test_quiet_hours_may_pass_midnight(start: int, end: int, hours: set[int]) -> None:
    plan = Plan(quiet_from=start, quiet_to=end)
    assert {hour for hour in range(24) if plan.quiet(NIGHT.replace(hour=hour))} == hours


@pytest.mark.parametrize("values", [{"share": 1.1}, {"quiet_from": 24}, {"labels": 0}, {"runs_a_week": -1}])
def test_a_plan_that_cannot_work_is_refused(values: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=next(iter(values))):
        Plan(**values)
