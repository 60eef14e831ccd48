"""When a guild may train, how much of it, and who must agree; and whether a run may start now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from agent.errors import UsageError
from agent.language.counts import with_counts
from agent.serving.served import Task
from tuning.loop.aim import EVERYTHING, Aim
from tuning.loop.state import WAITING, WORKING, State
from tuning.recipes import Recipe

if TYPE_CHECKING:
    from tuning.loop.run import Run

_WEEK: Final = timedelta(days=7)
_LIMITS: Final[Mapping[str, tuple[float, float]]] = {
    "quiet_from": (0, 23),
    "quiet_to": (0, 23),
    "minutes_a_week": (0, 10_080),
    "runs_a_week": (0, 1000),
    "share": (0, 1),
    "canary_days": (0, 365),
    "canary_votes": (0, 10_000),
    "labels": (1, 1_000_000),
    "cool_down_days": (0, 365),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Raises `UsageError` when it is made with values that cannot work."""

    automatic: bool = True
    """Whether stable patterns start runs. An admin can start one in any case."""
    quiet_from: int = 1
    quiet_to: int = 6
    """Hours in the guild's time zone between which runs that nobody started by hand work. The same twice:
    always."""
    minutes_a_week: int = 240
    runs_a_week: int = 3
    """Of the last seven days, whoever asked for it: from so much on, patterns start nothing."""
    approval: bool = True
    """Whether an admin must agree before a challenger serves."""
    share: float = 0.2
    """Of the questions that a challenger answers before it is champion; 0 or 1 leaves the canary out."""
    canary_days: float = 1.0
    canary_votes: int = 10
    """How long a canary takes at least, and how many judged questions; a week without them is enough."""
    labels: int = 30
    """With fewer to train on, there is nothing to learn."""
    cool_down_days: float = 2.0
    """After any run of a task, before a pattern starts another one."""
    base: str = ""
    """What is trained on, in the words of `tuning.runs.bases.find_base`; empty for what serves."""
    recipe: Recipe = field(default_factory=lambda: Recipe(max_tokens=1536))
    """By default with room for the evidence of an answer."""

    def __post_init__(self) -> None:
        for name, (low, high) in _LIMITS.items():
            value = getattr(self, name)
            if not low <= value <= high:
                raise UsageError(f"A plan's {name} is {low:g} to {high:g}, not {value:g}.")

    def quiet(self, now: datetime) -> bool:
        """Whether runs may work at this moment, given in the guild's time zone."""
        if self.quiet_from <= self.quiet_to:
            return self.quiet_from == self.quiet_to or self.quiet_from <= now.hour < self.quiet_to
        return now.hour >= self.quiet_from or now.hour < self.quiet_to


class Hindrance(StrEnum):
    """Why no run may start."""

    BUSY = "busy"
    """Another run of the guild is at work."""
    WAITING = "waiting"
    """A challenger for the same questions waits for a decision, or is tried."""
    OFF = "off"
    NOT_QUIET = "not quiet"
    COOLING = "cooling"
    RUNS = "runs"
    MINUTES = "minutes"


_LINES: Final[Mapping[Hindrance, str]] = {
    Hindrance.BUSY: "Run {run} is at work.",
    Hindrance.WAITING: "Run {run} waits for a decision, or is being tried.",
    Hindrance.OFF: "The plan starts no run by itself.",
    Hindrance.NOT_QUIET: "The quiet hours are from {quiet_from}:00 to {quiet_to}:00.",
    Hindrance.COOLING: "The last run was {days:.1f} days ago, and {cool_down:g} lie between two.",
    Hindrance.RUNS: "{runs:There was # run|There were # runs} in seven days already.",
    Hindrance.MINUTES: "The computing time of seven days, {minutes} min, is used up.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    hindrance: Hindrance
    figures: Mapping[str, str | int | float] = field(default_factory=dict)
    """What the words about it are filled in with."""

    @property
    def line(self) -> str:
        """In English."""
        return _LINES[self.hindrance].format(**with_counts(self.figures))


def may_start(
    plan: Plan,
    task: Task,
    now: datetime,
    history: Sequence[Run],
    *,
    by_hand: bool,
    aim: Aim = EVERYTHING,
) -> Refusal | None:
    """Say why a run may not start, or None where it may.

    `now` is in the guild's time zone; `history` are all runs of the guild. What an admin starts by hand waits
    for no hours, no budget and no cool-down.
    """
    return _occupied(task, aim, history) or (None if by_hand else _held_back(plan, task, now, history))


def _occupied(task: Task, aim: Aim, history: Sequence[Run]) -> Refusal | None:
    for run in history:
        if run.state in WORKING:
            return Refusal(hindrance=Hindrance.BUSY, figures={"run": run.id})
        if run.state in WAITING and run.task is task and run.aim.category == aim.category:
            return Refusal(hindrance=Hindrance.WAITING, figures={"run": run.id})
    return None


def _held_back(plan: Plan, task: Task, now: datetime, history: Sequence[Run]) -> Refusal | None:
    if not plan.automatic:
        return Refusal(hindrance=Hindrance.OFF)
    if not plan.quiet(now):
        hours = {"quiet_from": plan.quiet_from, "quiet_to": plan.quiet_to}
        return Refusal(hindrance=Hindrance.NOT_QUIET, figures=hours)
    same = (run for run in history if run.task is task and run.state is not State.CANCELLED)
    last = max((run.asked_at for run in same), default=None)
    if last is not None and now - last < timedelta(days=plan.cool_down_days):
        figures = {"days": (now - last) / timedelta(days=1), "cool_down": plan.cool_down_days}
        return Refusal(hindrance=Hindrance.COOLING, figures=figures)
    recent = [run for run in history if now - run.asked_at < _WEEK]
    if len(recent) >= plan.runs_a_week:
        return Refusal(hindrance=Hindrance.RUNS, figures={"runs": len(recent)})
    if sum(run.seconds for run in recent) >= plan.minutes_a_week * 60:
        return Refusal(hindrance=Hindrance.MINUTES, figures={"minutes": plan.minutes_a_week})
    return None
