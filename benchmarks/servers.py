"""The real servers of a benchmark, on loopback with temporary data; `make servers` installs them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from tests.servers.ollama import OllamaServer
from tests.servers.postgres import PostgresServer
from tests.servers.server import Server
from tests.servers.weaviate import WeaviateServer

_S = TypeVar("_S", bound=Server)


@dataclass(frozen=True, slots=True, kw_only=True)
class Servers:
    weaviate: WeaviateServer
    ollama: OllamaServer
    postgres: PostgresServer

    def store(self, collection: str) -> dict[str, Any]:
        """The settings that keep passages in Weaviate, under a name of their own."""
        return {
            "weaviate_url": self.weaviate.url,
            "weaviate_grpc_port": self.weaviate.grpc_port,
            "weaviate_collection": collection,
        }

    def database(self) -> dict[str, Any]:
        """The settings that keep everything else in a new database of PostgreSQL."""
        return {"database_url": self.postgres.create_database()}

    def models(self, chat_model: str) -> dict[str, Any]:
        return {"ollama_host": self.ollama.url, "chat_model": chat_model}


@asynccontextmanager
async def running(folder: Path) -> AsyncIterator[Servers]:
    """Start all three, and stop them at the end."""
    async with AsyncExitStack() as stack:
        yield Servers(
            weaviate=await _started(WeaviateServer(_made(folder / "weaviate")), stack),
            ollama=await _started(OllamaServer(_made(folder / "ollama")), stack),
            postgres=await _started(PostgresServer(_made(folder / "postgresql")), stack),
        )


@asynccontextmanager
async def ollama_alone(folder: Path) -> AsyncIterator[OllamaServer]:
    async with AsyncExitStack() as stack:
        yield await _started(OllamaServer(_made(folder)), stack)


async def _started(server: _S, stack: AsyncExitStack) -> _S:
    stack.push_async_callback(asyncio.to_thread, server.discard)
    await asyncio.to_thread(server.start)
    return server


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True)
    return folder
