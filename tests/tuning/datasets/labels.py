"""Labels and items to make versions of."""

from __future__ import annotations

from typing import Any, Final

from agent.contracts import EpisodeId, GuildId, MemberId, Slug
from agent.serving.served import Task
from tuning.labels.label import Label, Polarity

HOME: Final = GuildId("home")
CATEGORIES: Final = ("pool", "car", "garden", "kitchen")


def a_label(
    number: int,
    *,
    category: str = "",
    member: str = "",
    group: str = "",
    weight: float = 1.0,
    task: Task = Task.ROUTE,
    **changes: Any,
) -> Label:
    values: dict[str, Any] = {
        "guild": HOME,
        "task": task,
        "group": group or f"group{number}",
        "question": f"Question number {number}?",
        "language": "en",
        "category": Slug(category or CATEGORIES[number % 4]),
        "polarity": Polarity.POSITIVE,
        "weight": weight,
        "rule": "category_by_admin",
        "rule_version": 1,
        "episodes": (EpisodeId(f"e{number}"),),
        "events": (f"f{number}",),
        "members": (MemberId(member or f"m{number % 50}"),),
    }
    return Label(**values | changes)


def some_labels(count: int) -> tuple[Label, ...]:
    return tuple(a_label(number) for number in range(count))
