"""An installation whose server stands behind a proxy, and ways to take that server away."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

import pytest
from pydantic import SecretStr

from agent.models.ollama_models import pull_model
from agent.runtime import Installation, open_installation
from agent.settings import Settings
from tests.agent.models.conftest import OLLAMA_CHAT, OLLAMA_EMBEDDER
from tests.servers.ollama import OllamaServer
from tests.servers.postgres import PostgresServer
from tests.servers.proxy import Mode, Proxy, open_proxy
from tests.servers.server import Server
from tests.servers.weaviate import WeaviateServer

Fault: TypeAlias = Literal["stopped", "killed", "slow", "silent", "refused", "cut"]

_ANSWER_SECONDS: Final = 0.02
"""What the proxy adds to each answer, so that a fault strikes while one is awaited."""
_SLOW_SECONDS: Final = 0.1

_ATTEMPTS: Final = 4
"""Stages that may take their whole time: three attempts of the one that fails, and recording that it did."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Away:
    """An installation, the server that it uses, and the proxies between the two."""

    installation: Installation
    server: Server
    named: str
    """What a failure must say."""
    proxies: tuple[Proxy, ...]

    @property
    def deadline(self) -> float:
        """Seconds in which every question and ingest of these tests has ended, however it ends."""
        return _ATTEMPTS * self.installation.settings.stage_seconds

    async def strike(self, fault: Fault) -> None:
        """Blocks the loop while a server stops, so that nothing is answered meanwhile."""
        match fault:
            case "stopped":
                self.server.stop()
            case "killed":
                self.server.kill()
            case "cut":
                await self._cut()
            case "refused":
                self._set(mode="refuse")
                await self._cut()
            case "silent":
                self._set(mode="silent")
            case "slow":
                self._set(delay=_SLOW_SECONDS)

    async def heal(self) -> None:
        self._set()
        if not self.server.running():
            await asyncio.to_thread(self.server.start)

    def _set(self, *, mode: Mode = "pass", delay: float = _ANSWER_SECONDS) -> None:
        for proxy in self.proxies:
            proxy.mode, proxy.delay = mode, delay

    async def _cut(self) -> None:
        await asyncio.gather(*(proxy.cut() for proxy in self.proxies))


@asynccontextmanager
async def behind_postgres(request: pytest.FixtureRequest, settings: Settings) -> AsyncIterator[Away]:
    server: PostgresServer = request.getfixturevalue("postgres_server")
    url = server.create_database()
    async with open_proxy("127.0.0.1", server.port) as proxy:
        address = url.replace(str(server.port), str(proxy.port))
        chosen = settings.model_copy(update={"database_url": SecretStr(address)})
        async with open_installation(chosen) as installation:
            yield Away(installation=installation, server=server, named="postgresql://", proxies=(proxy,))
    server.drop_database(url)


@asynccontextmanager
async def behind_weaviate(request: pytest.FixtureRequest, settings: Settings) -> AsyncIterator[Away]:
    server: WeaviateServer = request.getfixturevalue("weaviate_server")
    async with (
        open_proxy("127.0.0.1", server.http_port) as http,
        open_proxy("127.0.0.1", server.grpc_port) as grpc,
    ):
        chosen = settings.model_copy(
            update={
                "weaviate_url": f"http://127.0.0.1:{http.port}",
                "weaviate_grpc_port": grpc.port,
                "weaviate_collection": "Faults",
            }
        )
        async with open_installation(chosen) as installation:
            yield Away(installation=installation, server=server, named="Weaviate at ", proxies=(http, grpc))


@asynccontextmanager
async def behind_ollama(request: pytest.FixtureRequest, settings: Settings) -> AsyncIterator[Away]:
    """It embeds and writes."""
    server: OllamaServer = request.getfixturevalue("ollama_server")
    async with open_proxy("127.0.0.1", server.port) as proxy:
        chosen = settings.model_copy(
            update={
                "ollama_host": f"127.0.0.1:{proxy.port}",
                "chat_model": OLLAMA_CHAT,
                "embedder": OLLAMA_EMBEDDER,
                "answer_mode": "generated",
            }
        )
        for model in (OLLAMA_CHAT, OLLAMA_EMBEDDER):
            await pull_model(chosen, model, lambda done, total, what: None)
        async with open_installation(chosen) as installation:
            yield Away(installation=installation, server=server, named="Ollama at ", proxies=(proxy,))


BEHIND: Final = {
    "PostgreSQL": behind_postgres,
    "Weaviate": behind_weaviate,
    "Ollama": behind_ollama,
}
