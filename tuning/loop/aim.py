"""What a run trains for, beyond its task: one category's answers, and a tone or format of somebody's own."""

from __future__ import annotations

from dataclasses import dataclass

from agent.contracts import Slug
from agent.errors import UsageError
from agent.serving.served import Task
from tuning.datasets.files import Instructions


@dataclass(frozen=True, slots=True, kw_only=True)
class Aim:
    category: Slug | None = None
    """As it was called when the run was asked; None for all questions."""
    tone: str = ""
    """What its owner calls what the instructions teach."""
    instructions: Instructions | None = None
    """Learnt beside the guild's own answers."""


EVERYTHING = Aim()


def require_aim(task: Task, aim: Aim) -> None:
    """Raises `UsageError` where a task cannot be trained for that."""
    if task is Task.ROUTE and aim != EVERYTHING:
        raise UsageError(
            "Topics are told apart by one adapter, without instructions.",
            "A category, a tone and instructions are for the task answer.",
        )
    if aim.tone and aim.instructions is None:
        raise UsageError("A tone is learnt from instructions.", "Name their file with --instructions.")
