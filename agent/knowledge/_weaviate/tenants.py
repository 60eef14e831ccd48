"""Guilds that nobody asks about are put to sleep: a tenant that is not active costs the server no memory.

A sleeping one is activated by the server with the first request that names it.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Final

from weaviate import WeaviateAsyncClient

from agent.errors import LorekeeperError
from agent.knowledge._weaviate.nodes import WRITE_SECONDS, Nodes

IDLE_SECONDS: Final = 1800.0


class Tenants:
    """Those that this process used, and when."""

    def __init__(self, nodes: Nodes, *, idle_seconds: float) -> None:
        self._nodes = nodes
        self._idle_seconds = idle_seconds
        self._used: dict[tuple[str, str], float] = {}
        self._watch: asyncio.Task[None] | None = None

    def used(self, collection: str, tenant: str) -> None:
        self._used[collection, tenant] = asyncio.get_running_loop().time()
        if self._watch is None:
            self._watch = asyncio.create_task(self._keep_watch())

    async def close(self) -> None:
        if self._watch is not None:
            self._watch.cancel()
            await asyncio.wait({self._watch})

    async def _keep_watch(self) -> None:
        while True:
            await asyncio.sleep(self._idle_seconds / 4)
            before = asyncio.get_running_loop().time() - self._idle_seconds
            for key in [key for key, last in self._used.items() if last < before]:
                del self._used[key]
                # One that cannot be put to sleep stays awake, which harms nobody.
                with suppress(LorekeeperError):
                    await self._deactivate(*key)

    async def _deactivate(self, collection: str, tenant: str) -> None:
        async def work(client: WeaviateAsyncClient) -> None:
            await client.collections.use(collection).tenants.deactivate([tenant])

        await self._nodes.call(work, seconds=WRITE_SECONDS)
