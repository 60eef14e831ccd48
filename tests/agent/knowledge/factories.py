"""Every knowledge store that must conform, as a way to make new, empty ones.

Those of Weaviate share one real server, each under an alias of its own.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any, Final, TypeAlias

import httpx
import pytest

from agent.ids import new_id
from agent.knowledge.lance import open_store as open_lance
from agent.knowledge.protocol import KnowledgeStore
from agent.knowledge.weaviate import WeaviateStore
from agent.knowledge.weaviate import open_store as open_weaviate
from tests.servers.weaviate import WeaviateServer

Factory: TypeAlias = Callable[[Path], Awaitable[KnowledgeStore]]
"""Makes an empty store that may keep what it likes in the folder."""


@asynccontextmanager
async def _lance(request: pytest.FixtureRequest) -> AsyncIterator[Factory]:
    async def make(folder: Path) -> KnowledgeStore:
        return await open_lance(folder / "knowledge")

    yield make


@asynccontextmanager
async def _weaviate(request: pytest.FixtureRequest) -> AsyncIterator[Factory]:
    server: WeaviateServer = request.getfixturevalue("weaviate_server")
    made: list[str] = []

    async def make(folder: Path) -> KnowledgeStore:
        made.append(new_alias())
        return await open_at(server, alias=made[-1])

    try:
        yield make
    finally:
        for alias in made:
            discard(server, alias)


FACTORIES: Final[Mapping[str, Callable[[pytest.FixtureRequest], AbstractAsyncContextManager[Factory]]]] = {
    "lance": _lance,
    "weaviate": _weaviate,
}


def new_alias() -> str:
    """A name that no other test has on the server."""
    return f"T{new_id().replace('-', '')}"


async def open_at(*servers: WeaviateServer, alias: str, **options: Any) -> WeaviateStore:
    """Open a store on these nodes."""
    urls = ",".join(f"{server.url}?grpc_port={server.grpc_port}" for server in servers)
    return await open_weaviate(urls, alias=alias, **options)


def discard(server: WeaviateServer, alias: str) -> None:
    """Remove everything that stands under an alias."""
    with httpx.Client(base_url=f"{server.url}/v1", verify=False, trust_env=False) as client:
        for one in client.get("/aliases").json()["aliases"]:
            if one["alias"].startswith(alias):
                client.delete(f"/aliases/{one['alias']}")
        for one in client.get("/schema").json()["classes"]:
            if one["class"].startswith(alias):
                client.delete(f"/schema/{one['class']}")
