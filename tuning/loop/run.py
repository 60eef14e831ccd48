"""A run: what is known of it, and how a step moves it on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeAlias

from agent.contracts import GuildId
from agent.serving.served import Task
from tuning.loop.aim import EVERYTHING, Aim
from tuning.loop.plan import Plan
from tuning.loop.state import OPEN, State
from tuning.recipes import Recipe


class Why(StrEnum):
    """What a run was asked by. Kept, so never renamed."""

    HAND = "hand"
    PATTERN = "pattern"


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A run as it stands. Everything but the first five is what its steps found out on the way."""

    id: str
    """Sorts by when it was asked."""
    guild: GuildId
    state: State
    asked_at: datetime
    changed_at: datetime
    """When it came into this state."""
    task: Task
    why: Why
    pattern: str = ""
    """The id of the pattern that asked for it."""
    aim: Aim = EVERYTHING
    plan: Plan
    """As it was when the run was asked; the recipe is in it."""
    note: str = ""
    """One line for people: how it ended, or what it waits for."""
    tries: int = 0
    """How often the step of this state was begun and did not end."""
    setbacks: int = 0
    """How often it met what may go well a moment later."""
    seconds: float = 0.0
    """How long all its steps took."""
    dataset: str = ""
    """The version's id."""
    labels: int = 0
    """How many it is trained on."""
    base_digest: str = ""
    adapter: str = ""
    """Its id, from when it is exported; it is in the registry once it was evaluated."""
    digest: str = ""
    """sha256 of the GGUF adapter, hex."""
    figures: Mapping[str, float] = field(default_factory=dict)
    """Of training and proof, by the names that `Adapter` and its metrics have for them."""
    baseline: float | None = None
    """How often members were content before it served, 0 to 1: what it is held against."""

    @property
    def recipe(self) -> Recipe:
        return self.plan.recipe

    @property
    def open(self) -> bool:
        """Whether something can still come of it."""
        return self.state in OPEN

    def folder(self, data_dir: Path) -> Path:
        """Where it trains."""
        return data_dir / "tuning" / self.guild / "runs" / self.id


Facts: TypeAlias = Mapping[str, Any]
"""Fields of `Run` by name, with values that JSON knows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """Where a step leads, and what it found out."""

    to: State
    facts: Facts = field(default_factory=dict)
    note: str = ""
