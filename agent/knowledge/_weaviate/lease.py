"""Whose turn it is to write to an index version, among all processes on all machines.

Weaviate has no transactions and no conditional write of an object, but its schema is agreed upon by Raft: of
two processes that create the same alias one is refused, in a cluster as well. The alias `VERSION_writer` is
the lock. Whoever holds it says again and again in the ledger that it lives. When the holder died, its sign
of life does not change any longer; who has watched that for `stale_seconds`, by a clock of its own, takes
the lock away. Clocks of different machines are never compared: what is written down with a time has the
server's, which says when it stored the sign of life.

A turn is kept for a moment after its last use, because taking one costs some ten milliseconds, and given up
now and then, so that others get theirs.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any, Final

from weaviate import WeaviateAsyncClient
from weaviate.classes.data import DataObject

from agent.contracts import GuildId, PassageId
from agent.errors import LorekeeperError, StoreBusyError, StoreError
from agent.ids import new_id
from agent.knowledge._weaviate.batches import insert
from agent.knowledge._weaviate.errors import MissingTenantError, TakenError
from agent.knowledge._weaviate.ledger import LEDGER
from agent.knowledge._weaviate.nodes import WRITE_SECONDS, Nodes
from agent.knowledge._weaviate.rows import STATE, row_id

_SIGN: Final = row_id(GuildId(""), PassageId("writer"), 0)
_KEPT_SECONDS: Final = 0.3
"""After the last use of a turn."""
_TURN_SECONDS: Final = 3.0
"""After which a turn is given up even when there is more to do, and asked for again."""
_POLL_SECONDS: Final = (0.02, 0.08)
_PAUSE_SECONDS: Final = 0.12
"""Between giving a turn up and asking for it again: whoever waits asks sooner."""


class Lease:
    def __init__(self, nodes: Nodes, collection: str, *, stale_seconds: float, wait_seconds: float) -> None:
        self._nodes = nodes
        self._collection = collection
        self._lock = f"{collection}_writer"
        self._stale_seconds = stale_seconds
        self._wait_seconds = wait_seconds
        self._gate = asyncio.Lock()
        self._unused = asyncio.Event()
        self._unused.set()
        self._users = 0
        self._turn = 0
        self._held_since: float | None = None
        self._signed = 0.0
        self._ahead = 0.0
        self._tasks: set[asyncio.Task[None]] = set()
        self._signing: asyncio.Task[None] | None = None

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[int]:
        """No other process writes while it lasts; tasks of this process share it.

        Gives the number of the turn: what was read in an earlier one may have changed since. Raises
        `StoreBusyError` when others do not give it up in time.
        """
        async with self._gate:
            await self._take()
            self._users += 1
            self._unused.clear()
        try:
            yield self._turn
        finally:
            self._users -= 1
            if not self._users:
                self._unused.set()
                self._later(self._give_up_when_unused(self._turn))

    def require(self) -> None:
        """Raises `StoreBusyError` when this process slept so long that another one may have taken over."""
        if self._held_since is None or self._lost():
            raise StoreBusyError("Another process took over writing to Weaviate.", "Try again.")

    def now(self) -> float:
        """Seconds since 1970 by the server's clock, or a little less. Within a turn."""
        return asyncio.get_running_loop().time() + self._ahead

    async def take_for_good(self) -> None:
        """Take the turn and leave the lock in place, for whoever removes the collection that it is on."""
        async with self._gate:
            await self._take()
            await self._unused.wait()
            await self._stop_signing()
            self._held_since = None

    async def close(self) -> None:
        async with self._gate:
            for task in tuple(self._tasks):
                task.cancel()
                await asyncio.wait({task})
            with suppress(LorekeeperError):
                await self._give_up()

    async def _take(self) -> None:
        now = asyncio.get_running_loop().time()
        if self._held_since is not None and (self._lost() or now - self._held_since > _TURN_SECONDS):
            await self._unused.wait()
            await self._give_up()
            await asyncio.sleep(_PAUSE_SECONDS)
        if self._held_since is None:
            await self._lock_out_others()
            await self._sign(new_id())
            self._ahead = await self._server_time() - asyncio.get_running_loop().time()
            self._turn += 1
            self._held_since = asyncio.get_running_loop().time()
            self._signing = asyncio.create_task(self._keep_signing())

    async def _give_up(self) -> None:
        """A lock that was lost belongs to another process; one that cannot be removed becomes stale."""
        await self._stop_signing()
        ours = self._held_since is not None and not self._lost()
        self._held_since = None
        if ours:
            await self._unlock()

    async def _stop_signing(self) -> None:
        if self._signing is not None:
            self._signing.cancel()
            await asyncio.wait({self._signing})

    async def _give_up_when_unused(self, turn: int) -> None:
        await asyncio.sleep(_KEPT_SECONDS)
        async with self._gate:
            if self._turn == turn and not self._users:
                with suppress(LorekeeperError):
                    await self._give_up()

    async def _lock_out_others(self) -> None:
        loop = asyncio.get_running_loop()
        seen, since, deadline = None, loop.time(), loop.time() + self._wait_seconds
        while not await self._lock_is_mine():
            sign = await self._read_sign()
            if sign != seen:
                seen, since = sign, loop.time()
            elif loop.time() - since > self._stale_seconds:
                await self._unlock()
            if loop.time() > deadline:
                raise StoreBusyError(
                    f"Another process has been writing to {self._collection} for {self._wait_seconds:g} s.",
                    "Wait for it to finish, then try again.",
                )
            await asyncio.sleep(random.uniform(*_POLL_SECONDS))

    async def _lock_is_mine(self) -> bool:
        async def work(client: WeaviateAsyncClient) -> bool:
            if await client.alias.exists(alias_name=self._lock):
                return False
            await client.alias.create(alias_name=self._lock, target_collection=self._collection)
            return True

        try:
            # A cluster that lost the node which leads it takes some seconds to choose another.
            return await self._nodes.call(work, seconds=WRITE_SECONDS)
        except TakenError:
            return False

    async def _unlock(self) -> None:
        async def work(client: WeaviateAsyncClient) -> None:
            await client.alias.delete(alias_name=self._lock)

        await self._nodes.call(work, seconds=WRITE_SECONDS)

    async def _keep_signing(self) -> None:
        holder, count = new_id(), 0
        while not self._lost():
            await asyncio.sleep(self._stale_seconds / 8)
            count += 1
            with suppress(LorekeeperError):
                await self._sign(f"{holder} {count}")

    async def _sign(self, sign: str) -> None:
        asked = asyncio.get_running_loop().time()
        await insert(
            self._nodes, self._collection, LEDGER, [DataObject(properties={STATE: sign}, uuid=_SIGN)]
        )
        self._signed = asked

    async def _read_sign(self) -> Any:
        async def work(client: WeaviateAsyncClient) -> Any:
            ledger = client.collections.use(self._collection).with_tenant(LEDGER)
            found = await ledger.query.fetch_object_by_id(_SIGN, return_properties=[STATE])
            return found and found.properties[STATE]

        try:
            return await self._nodes.call(work)
        except MissingTenantError:
            return None

    async def _server_time(self) -> float:
        """When the server stored the last sign, in seconds since 1970."""

        async def work(client: WeaviateAsyncClient) -> float:
            ledger = client.collections.use(self._collection).with_tenant(LEDGER)
            found = await ledger.query.fetch_object_by_id(_SIGN, return_properties=[])
            if found is None or found.metadata.last_update_time is None:
                raise StoreError(f"{self._collection} does not keep what is stored in it.", "Try again.")
            return found.metadata.last_update_time.timestamp()

        return await self._nodes.call(work)

    def _lost(self) -> bool:
        return asyncio.get_running_loop().time() - self._signed > self._stale_seconds / 2

    def _later(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
