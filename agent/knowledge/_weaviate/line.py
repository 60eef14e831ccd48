"""The writes to one guild by this process: several sources side by side, everything else alone.

Most of the time a source is on its way to the server, which can take the next one meanwhile. Each gets a
generation of its own as it begins, and a search sees every row up to the last generation; so they are
committed in the order in which they began. Who is ready waits for those before it, and whoever then writes
the ledger takes along all that are ready behind. A write that failed is passed over: the next commit retires
its generation, and when none follows, its rows are deleted before the guild is written to again.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from itertools import takewhile
from weakref import WeakValueDictionary

from agent.contracts import SourceId
from agent.knowledge._weaviate.lease import Lease
from agent.knowledge._weaviate.ledger import GuildState


@dataclass(slots=True, eq=False, kw_only=True)
class Write:
    """Of one source, under way."""

    state: GuildState
    """What was searched when it began."""
    generation: int
    replaced: Counter[int] | None = None
    """How many rows of the source each generation has; None until the write is ready, or when it failed."""
    added: int = 0
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    """It is ready, or has failed."""

    def after(self, state: GuildState, now: float) -> GuildState:
        if self.replaced is None:
            return state.changed(retire=[self.generation], passages=0, now=now)
        return state.changed(retire=self.replaced, passages=self.added - self.replaced.total(), now=now)


class Line:
    def __init__(
        self,
        lease: Lease,
        *,
        clean: Callable[[GuildState | None], Awaitable[GuildState]],
        store: Callable[[GuildState], Awaitable[None]],
    ) -> None:
        """`clean` gives the state to begin with, from the one that is known or by reading it, once no row is
        left that a writer left behind; `store` makes a state the guild's.
        """
        self._lease = lease
        self._clean = clean
        self._store = store
        self._entry = asyncio.Lock()
        self._committing = asyncio.Lock()
        self._sources: WeakValueDictionary[SourceId, asyncio.Lock] = WeakValueDictionary()
        self._writes: list[Write] = []
        """Those that began and are not committed, in order."""
        self._state: GuildState | None = None
        """None when it must be read."""
        self._turn = 0
        self._failed = False
        self._inside = 0
        self._empty = asyncio.Event()
        self._empty.set()

    @asynccontextmanager
    async def alone(self) -> AsyncIterator[GuildState]:
        """Nothing else is written to the guild meanwhile. Who succeeds says with `keep` what it left."""
        async with self._entry, self._lease.turn() as turn:
            await self._empty.wait()
            state = await self._begun(turn)
            self._state = None
            yield state

    def keep(self, state: GuildState) -> None:
        self._state = state

    @asynccontextmanager
    async def beside(self, source: SourceId) -> AsyncIterator[Write]:
        """Other sources are written meanwhile. A write that was not committed when this ends has failed."""
        own = self._sources.setdefault(source, asyncio.Lock())
        async with own, AsyncExitStack() as stack:
            async with self._entry:
                turn = await stack.enter_async_context(self._lease.turn())
                write = await self._entered(turn)
                stack.callback(self._leave, write)
            yield write

    async def commit(self, write: Write, replaced: Counter[int], added: int) -> None:
        """Return when `write` is what is searched, with all that began before it."""
        write.replaced, write.added = replaced, added
        write.ended.set()
        for earlier in takewhile(lambda each: each is not write, tuple(self._writes)):
            await earlier.ended.wait()
        async with self._committing:
            if write in self._writes:
                await self._commit_ready()

    async def _commit_ready(self) -> None:
        """Every write that has ended, up to the first that goes on."""
        ready = tuple(takewhile(lambda each: each.ended.is_set(), self._writes))
        assert self._state is not None
        state, now = self._state, self._lease.now()
        for write in ready:
            state = write.after(state, now)
        await self._store(state)
        self._state = state
        del self._writes[: len(ready)]

    async def _entered(self, turn: int) -> Write:
        if self._failed or turn != self._turn:
            await self._empty.wait()
        state = self._state
        if state is None or not self._inside:
            state = self._state = await self._begun(turn)
        write = Write(state=state, generation=state.revision + len(self._writes) + 1)
        self._writes.append(write)
        self._inside += 1
        self._empty.clear()
        return write

    def _leave(self, write: Write) -> None:
        write.ended.set()
        self._failed |= write in self._writes
        self._inside -= 1
        if not self._inside:
            self._empty.set()

    async def _begun(self, turn: int) -> GuildState:
        """The state, while nobody is inside. After a failure or in another turn it is read anew."""
        known = None if self._failed or turn != self._turn else self._state
        self._state, self._turn, self._failed = None, turn, False
        self._writes.clear()
        return await self._clean(known)
