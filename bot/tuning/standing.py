"""What is so in a guild: who serves, what was trained, and what the plan allows now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from agent.contracts import GuildId, Slug
from agent.serving.served import Assignment, Task
from tuning.loop.aim import EVERYTHING, Aim
from tuning.loop.log import Plans, RunLog
from tuning.loop.plan import Plan, Refusal, may_start
from tuning.loop.run import Run
from tuning.registry.events import Act
from tuning.registry.store import Registry

if TYPE_CHECKING:
    from agent.runtime import Stores

_WEEK: Final = timedelta(days=7)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What is so in a guild at a moment."""

    at: datetime
    """In the guild's time zone."""
    serving: Mapping[Task, Assignment]
    of_categories: Mapping[Slug, Assignment]
    """Who writes answers about the categories that have an adapter of their own."""
    since: Mapping[str, datetime]
    """When each adapter became champion the last time, by its id."""
    plan: Plan
    runs: Sequence[Run]
    """Newest first."""

    def hindrance(self, task: Task, *, by_hand: bool, aim: Aim = EVERYTHING) -> Refusal | None:
        """Why no run of a task may start now."""
        return may_start(self.plan, task, self.at, self.runs, by_hand=by_hand, aim=aim)

    @property
    def recent(self) -> Sequence[Run]:
        """What the budget is counted on."""
        return [run for run in self.runs if self.at - run.asked_at < _WEEK]


async def standing_of(stores: Stores, guild: GuildId) -> Standing:
    """Raises `StoreError`."""
    events = await Registry(stores.database, stores.settings.data_dir).events(guild)
    return Standing(
        at=stores.clock(),
        serving={task: await stores.assignments.get(guild, task) for task in Task},
        of_categories=await _of_categories(stores, guild),
        since={event.adapter: event.at for event in events if event.act is Act.PROMOTED},
        plan=await Plans(stores.database).get(guild),
        runs=await RunLog(stores.database).runs(guild),
    )


async def assigned_to(stores: Stores, run: Run) -> Assignment:
    """Who answers the questions that a run is for. Raises `StoreError`."""
    category = run.aim.category
    if category is not None:
        category = (await stores.catalog.former_slugs(run.guild)).get(category, category)
    return await stores.assignments.get(run.guild, run.task, category)


async def _of_categories(stores: Stores, guild: GuildId) -> Mapping[Slug, Assignment]:
    found = {
        category: assignment
        for (theirs, _, category), assignment in (await stores.assignments.all()).items()
        if theirs == guild and category is not None and (assignment.champion or assignment.challenger)
    }
    return dict(sorted(found.items()))
