"""What is so in a guild: who serves, what was trained, and what the plan allows now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from agent.contracts import GuildId
from agent.serving.served import Assignment, Task
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
    since: Mapping[str, datetime]
    """When each adapter became champion the last time, by its id."""
    plan: Plan
    runs: Sequence[Run]
    """Newest first."""

    def hindrance(self, task: Task, *, by_hand: bool) -> Refusal | None:
        """Why no run of a task may start now."""
        return may_start(self.plan, task, self.at, self.runs, by_hand=by_hand)

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
        since={event.adapter: event.at for event in events if event.act is Act.PROMOTED},
        plan=await Plans(stores.database).get(guild),
        runs=await RunLog(stores.database).runs(guild),
    )
