"""What people type for `lorekeeper tune`: tasks, and values of recipes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from agent.serving.served import Task


def task_of(name: str) -> Task:
    """Raises `UsageError`."""
    from agent.errors import UsageError
    from agent.serving.served import Task

    if name not in set(Task):
        raise UsageError(f"There is no task {name}.", f"There are: {', '.join(Task)}.")
    return Task(name)


def setting_of(change: str) -> tuple[str, str | int | float]:
    """`rank=8` is a number, `method=rslora` a word. Raises `UsageError` for what sets nothing."""
    from agent.errors import UsageError

    name, equals, value = change.partition("=")
    if not equals or not value.strip():
        raise UsageError(f"{change} sets nothing.", "Write NAME=VALUE, rank=8 for instance.")
    try:
        number = json.loads(value)
    except json.JSONDecodeError:
        number = None
    return name.strip(), number if isinstance(number, int | float) else value.strip()


def settings_of(change: str) -> tuple[str, list[str | int | float]]:
    """`rank=8,16` has two values. Raises `UsageError`."""
    name, _, values = change.partition("=")
    return name.strip(), [setting_of(f"{name}={value}")[1] for value in values.split(",")]
