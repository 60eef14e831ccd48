"""Who serves: promoting a challenger, trying it on a share of the questions first, and taking it back.

Each is one row and one event in one transaction: instant, and nothing is loaded or fetched for it. What the
engine has to load it loads at the next question.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from agent.catalog.sql import SqlCatalog
from agent.contracts import GuildId, MemberId, Slug
from agent.database.engine import Database
from agent.errors import UsageError
from agent.serving.assignments import Assignments, read_assignment
from agent.serving.served import Assignment, Task
from tuning.datasets.store import DatasetStore
from tuning.labels.label import Polarity
from tuning.patterns.pattern import Training
from tuning.registry.adapter import Adapter, served
from tuning.registry.events import Act, champions, read_events, write_event
from tuning.registry.store import Registry, read_adapter


@dataclass(frozen=True, slots=True)
class _Change:
    """One task of one guild, or of one category of it, within the transaction that changes it."""

    connection: AsyncConnection
    assignments: Assignments
    guild: GuildId
    task: Task
    category: Slug | None
    before: Assignment
    by: MemberId | None
    at: datetime

    async def make(self, after: Assignment, adapter: str, act: Act, **detail: Any) -> None:
        await self.assignments.put_within(self.connection, self.guild, self.task, after, self.category)
        about = {"category": self.category} if self.category else {}
        said = {"task": self.task.value, **about, **detail}
        await write_event(self.connection, self.guild, adapter, act, at=self.at, member=self.by, detail=said)


class Promotion:
    """Of every guild. Raises `StoreError`, and `UsageError` where it says so.

    A `category` is one by its slug of now, for what serves its questions alone; None for what serves all.
    """

    def __init__(self, database: Database, registry: Registry, assignments: Assignments) -> None:
        """`assignments` is the process's one: what it remembers is told of each change."""
        self._database = database
        self._registry = registry
        self._assignments = assignments
        self._datasets = DatasetStore(database)
        self._catalog = SqlCatalog(database)

    async def champion(self, guild: GuildId, task: Task, category: Slug | None = None) -> Adapter | None:
        """The adapter in service there; None where nothing was assigned."""
        adapter = (await self._assignments.get(guild, task, category)).champion
        return await self._registry.get(guild, adapter.id) if adapter else None

    async def challenger(self, guild: GuildId, task: Task, category: Slug | None = None) -> Adapter | None:
        """The adapter that is tried on a share of the questions."""
        adapter = (await self._assignments.get(guild, task, category)).challenger
        return await self._registry.get(guild, adapter.id) if adapter else None

    async def promote(
        self,
        guild: GuildId,
        task: Task,
        adapter_id: str,
        member: MemberId | None,
        *,
        share: float = 1.0,
        category: Slug | None = None,
        now: datetime,
    ) -> Adapter:
        """Make an adapter the champion, or with a smaller `share` the challenger on that part of questions.

        `member` decided it; None for the bot. Raises `UsageError` when there is no such adapter, it is for
        another task or category, it is the champion already, or the share is not above 0 and at most 1.
        """
        adapter = await self._registry.get(guild, adapter_id)
        _require_task(adapter, task, category)
        _require_category(adapter, category, await self._catalog.former_slugs(guild))
        if not 0 < share <= 1:
            raise UsageError(f"A share is above 0 and at most 1, not {share:g}.")
        async with self._changing(guild, task, category, member, now) as change:
            champion = change.before.champion
            if champion is not None and champion.id == adapter.id:
                raise UsageError(f"Adapter {adapter.id} is the champion already.")
            if share < 1:
                after = replace(change.before, challenger=served(adapter), share=share)
                await change.make(after, adapter.id, Act.CHALLENGER, share=share)
            else:
                after = Assignment(champion=served(adapter))
                await change.make(after, adapter.id, Act.PROMOTED, before=champion.id if champion else "")
        return adapter

    async def withdraw(
        self,
        guild: GuildId,
        task: Task,
        member: MemberId | None,
        *,
        category: Slug | None = None,
        now: datetime,
    ) -> Adapter | None:
        """Take the challenger out of service; return it, None where there is none."""
        async with self._changing(guild, task, category, member, now) as change:
            challenger = change.before.challenger
            if challenger is None:
                return None
            after = Assignment(champion=change.before.champion)
            await change.make(after, challenger.id, Act.WITHDRAWN)
        return await self._registry.get(guild, challenger.id)

    async def rollback(
        self,
        guild: GuildId,
        task: Task,
        member: MemberId | None,
        *,
        category: Slug | None = None,
        now: datetime,
    ) -> Adapter | None:
        """Take back what was put in service last, and return the champion after that; None for the model as
        it is, or with a category for what serves the guild.

        A challenger is withdrawn, and the champion stays. Without one the champion gives way to the one
        before it. Raises `UsageError` where nothing serves that could be taken back.
        """
        if await self.withdraw(guild, task, member, category=category, now=now) is not None:
            return await self.champion(guild, task, category)
        renamed = await self._catalog.former_slugs(guild)
        async with self._changing(guild, task, category, member, now) as change:
            champion = change.before.champion
            if champion is None:
                raise UsageError("There is nothing to roll back: the model serves as it is.")
            stack = champions(await read_events(change.connection, guild), task, category, renamed)
            former = stack[-2] if len(stack) > 1 else ""
            adapter = await read_adapter(change.connection, guild, former) if former else None
            after = Assignment(champion=served(adapter) if adapter else None)
            await change.make(after, champion.id, Act.ROLLED_BACK, to=former)
        return adapter

    async def trainings(self, guild: GuildId) -> Mapping[Task, Training]:
        """What the detector of patterns asks of each champion: since when it serves, of how many labels."""
        found: dict[Task, Training] = {}
        events = await self._registry.events(guild)
        for task in Task:
            adapter = await self.champion(guild, task)
            if adapter is None:
                continue
            since = [each.at for each in events if each.adapter == adapter.id and each.act is Act.PROMOTED]
            version = await self._datasets.get(guild, adapter.dataset)
            found[task] = Training(
                champion=adapter.id,
                at=since[-1] if since else adapter.made_at,
                labels=sum(entry.item.label.polarity is not Polarity.LIKED for entry in version.entries),
            )
        return found

    @asynccontextmanager
    async def _changing(
        self, guild: GuildId, task: Task, category: Slug | None, by: MemberId | None, at: datetime
    ) -> AsyncIterator[_Change]:
        async with self._database.write() as connection:
            before = await read_assignment(connection, guild, task, category)
            yield _Change(connection, self._assignments, guild, task, category, before, by, at)
        self._assignments.forget(guild, task, category)


def _require_task(adapter: Adapter, task: Task, category: Slug | None) -> None:
    if adapter.task is not task:
        raise UsageError(f"Adapter {adapter.id} is for the task {adapter.task}, not {task}.")
    if task is Task.ROUTE and category is not None:
        raise UsageError("Topics are told apart by one adapter for the whole guild.")


def _require_category(adapter: Adapter, category: Slug | None, renamed: Mapping[Slug, Slug]) -> None:
    """An adapter for all questions may serve those of any category; one for a category was proven there."""
    own = adapter.category
    if own is not None and renamed.get(own, own) != category:
        raise UsageError(f"Adapter {adapter.id} answers questions about {renamed.get(own, own)} alone.")
