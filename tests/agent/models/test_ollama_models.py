"""Pulling, listing and checking, where the command line does not show it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from agent.errors import ModelError, ModelMissingError
from agent.models.ollama_models import check_ollama, list_ollama, pull_model
from agent.settings import Settings
from tests.agent.models.conftest import OLLAMA_CHAT, OLLAMA_EMBEDDER, give_own_models
from tests.agent.models.ollamas import TunedServer
from tests.agent.models.registries import Registry, open_registry
from tests.servers.fixtures import require
from tests.servers.ollama import OllamaServer


@dataclass(frozen=True, slots=True, kw_only=True)
class Pulling:
    """A server without a model, and a registry that it trusts."""

    server: OllamaServer
    registry: Registry
    settings: Settings


@pytest.fixture
def pulling(
    pytestconfig: pytest.Config, ollama_settings: Settings, ollama_server: OllamaServer, tmp_path: Path
) -> Iterator[Pulling]:
    require("Ollama", pytestconfig)
    with open_registry(ollama_server.folder / "models", tmp_path) as (registry, certificate):
        server = TunedServer(tmp_path, SSL_CERT_FILE=str(certificate))
        server.start()
        settings = ollama_settings.model_copy(update={"ollama_host": server.url})
        yield Pulling(server=server, registry=registry, settings=settings)
        server.stop()


async def names(settings: Settings) -> set[str]:
    return {entry.name for entry in (await list_ollama(settings)).entries}


async def test_a_pull_tells_how_far_it_is(pulling: Pulling) -> None:
    name = pulling.registry.name_of(OLLAMA_EMBEDDER)
    told: list[tuple[int, int, str]] = []
    await pull_model(pulling.settings, name, lambda *step: told.append(step))
    assert await names(pulling.settings) == {name}
    done, total, last = told[-1]
    assert done == total > 40_000_000
    assert last == "success"
    assert [step[0] for step in told] == sorted(step[0] for step in told)


async def test_a_pull_that_is_stopped_is_gone_on_with(pulling: Pulling) -> None:
    name, registry = pulling.registry.name_of(OLLAMA_CHAT), pulling.registry
    registry.pause = 0.05
    begun = asyncio.Event()

    def progress(done: int, total: int, what: str) -> None:
        if done > 10 << 20:
            begun.set()

    call = asyncio.create_task(pull_model(pulling.settings, name, progress))
    await asyncio.wait_for(begun.wait(), 60)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert not await names(pulling.settings)
    registry.pause, registry.sent_from[:] = 0.0, []
    await pull_model(pulling.settings, name, lambda *step: None)
    assert await names(pulling.settings) == {name}
    assert max(registry.sent_from) > 1 << 20


async def test_every_server_gets_it_though_another_cannot(
    pulling: Pulling, ollama_server: OllamaServer
) -> None:
    """The shared server does not trust the registry."""
    name = pulling.registry.name_of(OLLAMA_EMBEDDER)
    hosts = f"{ollama_server.url},{pulling.server.url}"
    both = pulling.settings.model_copy(update={"ollama_host": hosts})
    with pytest.raises(ModelError, match=ollama_server.url):
        await pull_model(both, name, lambda *step: None)
    assert name in await names(pulling.settings)


async def test_own_models_are_the_same_on_every_server(pulling: Pulling, ollama_server: OllamaServer) -> None:
    await asyncio.to_thread(give_own_models, pulling.server, pulling.settings)
    hosts = f"{ollama_server.url},{pulling.server.url}"
    both = pulling.settings.model_copy(update={"ollama_host": hosts})
    found = (await list_ollama(both)).entries
    for name in (OLLAMA_CHAT, OLLAMA_EMBEDDER):
        assert len({entry.digest for entry in found if entry.name == name}) == 1
    assert await check_ollama(both)


async def test_doctor_tells_of_a_server_that_lacks_a_model_or_has_another(
    pulling: Pulling, ollama_server: OllamaServer
) -> None:
    hosts = f"{ollama_server.url},{pulling.server.url}"
    both = pulling.settings.model_copy(update={"ollama_host": hosts})
    with pytest.raises(ModelMissingError, match=f"{pulling.server.url} has no model") as caught:
        await check_ollama(both)
    assert "lorekeeper models pull" in caught.value.hint
    await asyncio.to_thread(give_own_models, pulling.server, pulling.settings)
    file = next((ollama_server.folder / "models" / "blobs").glob("sha256-b179c95*"))
    pulling.server.create(OLLAMA_CHAT, file, system="Say no.")
    with pytest.raises(ModelError, match="differ in a model"):
        await check_ollama(both)


async def test_nothing_in_use_there_is_well(ollama_server: OllamaServer, tmp_path: Path) -> None:
    here = Settings(data_dir=tmp_path, ollama_host=ollama_server.url, chat_model="smollm2-135m")
    assert "no model of it is in use" in await check_ollama(here)
