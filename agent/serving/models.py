"""The model for a question: through the adapter in service for its category or its guild, or as it is.

An adapter never costs a question: where it cannot be loaded, or not soon enough, the model answers as it is,
and the log and the metrics say so. What serves is loaded beforehand, also after a promotion in another
process: a task looks at the assignments every few seconds.
"""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass
from typing import Final

from agent.contracts import GuildId, Slug
from agent.errors import ModelBusyError, ModelError, StoreError
from agent.models.metered import MeteredChatModel
from agent.models.protocol import ChatModel
from agent.observing import metrics
from agent.observing.metrics import Where
from agent.serving.assignments import Assignments
from agent.serving.protocol import AdapterEngine
from agent.serving.served import ServedAdapter, Task

_log = logging.getLogger(__name__)

_PATIENCE: Final = 3.0
"""Seconds that a question waits for an adapter that is being loaded."""
_AGAIN_AFTER: Final = 60.0
"""Seconds after which one that could not be loaded is tried again."""
_LOOK_EVERY: Final = 5.0
"""Seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Adapted:
    """The adapter that was chosen for a question, and the model speaking through it."""

    adapter: ServedAdapter
    model: ChatModel


class ServedModels:
    """One for the process. Raises `StoreError` where the assignments cannot be read."""

    def __init__(self, assignments: Assignments, engine: AdapterEngine) -> None:
        self._assignments = assignments
        self._engine = engine
        self._base = MeteredChatModel(engine.base)
        self._loading: dict[tuple[str, Task], asyncio.Task[ChatModel]] = {}
        self._refused: dict[str, float] = {}
        """Until when, by digest."""
        self._keeping: asyncio.Task[None] | None = None

    @property
    def engine(self) -> AdapterEngine:
        return self._engine

    async def chat(self, guild: GuildId, task: Task, key: str = "") -> ChatModel:
        """Return the model for the question `key`, which is its episode's id; without one, the champion."""
        found = await self.adapted(guild, task, key)
        return self._base if found is None else found.model

    async def adapted(
        self, guild: GuildId, task: Task, key: str = "", category: Slug | None = None
    ) -> Adapted | None:
        """The same with its adapter, or None when the model serves as it is. The adapter of the question's
        category goes before the guild's.
        """
        adapter = await self._chosen(guild, task, key, category)
        if adapter is None or time.monotonic() < self._refused.get(adapter.digest, 0.0):
            return None
        try:
            async with asyncio.timeout(_PATIENCE):
                model = await asyncio.shield(self._load(adapter, task))
        except TimeoutError:
            self._tell(adapter, ModelBusyError(f"It is not loaded after {_PATIENCE:g} s."))
            return None
        except ModelError as error:
            self._refuse(adapter, error)
            return None
        return Adapted(adapter=adapter, model=MeteredChatModel(model))

    async def is_tuned(self, guild: GuildId, task: Task) -> bool:
        """Whether an adapter is the champion, be it loaded or not."""
        return (await self._assignments.get(guild, task)).champion is not None

    async def prepare(self) -> None:
        """Load every adapter in service, and forget those that are not."""
        assigned = await self._assignments.all()
        wanted = {
            (adapter, task)
            for (_, task, _), assignment in assigned.items()
            for adapter in (assignment.champion, assignment.challenger)
            if adapter is not None
        }
        problems = await self._engine.prepare(wanted)
        for adapter, _ in wanted:
            if adapter.id in problems:
                self._refuse(adapter, problems[adapter.id])
            else:
                self._refused.pop(adapter.digest, None)

    def keep_prepared(self) -> None:
        """Look every few seconds at what serves, until closed; begin at once."""
        self._keeping = asyncio.create_task(self._keep_prepared())

    async def close(self) -> None:
        """Stop what is being loaded. The engine is the caller's."""
        running = [*self._loading.values(), *([self._keeping] if self._keeping else [])]
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    async def _chosen(
        self, guild: GuildId, task: Task, key: str, category: Slug | None
    ) -> ServedAdapter | None:
        for place in dict.fromkeys((category, None)):
            assignment = await self._assignments.get(guild, task, place)
            adapter = assignment.chosen(key) if key else assignment.champion
            if adapter is not None:
                return adapter
        return None

    async def _keep_prepared(self) -> None:
        before: object = {}
        while True:
            try:
                assigned = await self._assignments.all()
                if assigned != before:
                    await self.prepare()
                    before = assigned
            except (StoreError, ModelError) as error:
                _log.warning("what serves could not be prepared: %s", error)
            await asyncio.sleep(_LOOK_EVERY)

    def _load(self, adapter: ServedAdapter, task: Task) -> asyncio.Task[ChatModel]:
        """Load it in a task that outlives the question; the same one for all that wait for it."""
        key = adapter.digest, task
        loading = self._loading.get(key)
        if loading is None:
            loading = asyncio.ensure_future(self._engine.adapted(adapter, task))
            self._loading[key] = loading
            loading.add_done_callback(lambda done: self._loaded(key, done))
        return loading

    def _loaded(self, key: tuple[str, Task], loading: asyncio.Task[ChatModel]) -> None:
        del self._loading[key]
        if not loading.cancelled():
            # Nobody may be left who waits for it; whoever needs the adapter next is told.
            loading.exception()

    def _refuse(self, adapter: ServedAdapter, error: ModelError) -> None:
        if not error.transient:
            self._refused[adapter.digest] = time.monotonic() + _AGAIN_AFTER
        self._tell(adapter, error)

    def _tell(self, adapter: ServedAdapter, error: ModelError) -> None:
        metrics.count_error(type(error), Where.ADAPTER.value)
        _log.warning("the adapter %s does not serve, the model answers as it is: %s", adapter.id, error)
