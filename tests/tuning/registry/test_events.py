"""The champions that were, read out of what was done."""

from __future__ import annotations

import pytest

from agent.serving.served import Task
from tests.agent.journal.episodes import NOON
from tuning.registry.events import Act, AdapterEvent, champions

P, R = Act.PROMOTED, Act.ROLLED_BACK


def _events(*acts: tuple[str, Act, Task]) -> list[AdapterEvent]:
    return [
        AdapterEvent(id=str(n), adapter=adapter, at=NOON, act=act, detail={"task": task.value})
        for n, (adapter, act, task) in enumerate(acts)
    ]


@pytest.mark.parametrize(
    ("acts", "stack"),
    [
        ([], ()),
        ([("a", P), ("b", P)], ("a", "b")),
        ([("a", P), ("b", P), ("b", R)], ("a",)),
        ([("a", P), ("b", P), ("b", R), ("c", P)], ("a", "c")),
        ([("a", P), ("b", P), ("a", P)], ("a", "b", "a")),
        ([("a", P), ("a", R), ("a", R)], ()),
        ([("a", P), ("b", Act.CHALLENGER), ("b", Act.WITHDRAWN), ("b", Act.REFUSED)], ("a",)),
    ],
)
def test_rollbacks_take_from_the_top(acts: list[tuple[str, Act]], stack: tuple[str, ...]) -> None:
    events = _events(*((adapter, act, Task.ROUTE) for adapter, act in acts))
    assert champions(events, Task.ROUTE) == stack


def test_each_task_has_its_own() -> None:
    events = _events(("a", P, Task.ROUTE), ("b", P, Task.ANSWER), ("b", R, Task.ANSWER))
    assert champions(events, Task.ROUTE) == ("a",)
    assert champions(events, Task.ANSWER) == ()
