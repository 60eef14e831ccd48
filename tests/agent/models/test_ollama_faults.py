"""Ollama servers that are away, slow, full, killed, changed or no Ollama: real ones, of these tests' own."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import httpx
import pytest

from agent.errors import ModelBrokenError, ModelBusyError, ModelError, ModelMissingError
from agent.models.minilm_gguf import minilm_gguf
from agent.models.protocol import EmbedKind
from agent.models.weights import bundled, find_weights
from agent.settings import Settings
from tests.agent.models.ollamas import TunedServer, chat_on, embedder_on, runners, said, story
from tests.servers.fixtures import SMOLLM2, require
from tests.servers.ollama import OllamaServer
from tests.servers.proxy import Proxy, open_proxy
from tests.servers.server import free_ports


@pytest.fixture(scope="module")
def _own_server(
    pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[OllamaServer]:
    require("Ollama", pytestconfig)
    server = OllamaServer(tmp_path_factory.mktemp("own-ollama"))
    server.start()
    server.create(SMOLLM2, smollm2_file(server.folder))
    yield server
    server.stop()


@pytest.fixture
def own_server(_own_server: OllamaServer) -> Iterator[OllamaServer]:
    """Runs and has SMOLLM2; a test may do to it what it likes."""
    yield _own_server
    _own_server.resume()
    if not _own_server.running():
        _own_server.start()


@pytest.fixture
def other_server(pytestconfig: pytest.Config, tmp_path: Path) -> Iterator[OllamaServer]:
    """Has no model."""
    require("Ollama", pytestconfig)
    server = OllamaServer(tmp_path)
    server.start()
    yield server
    server.stop()


@pytest.fixture
async def first(own_server: OllamaServer) -> AsyncIterator[Proxy]:
    async with open_proxy("127.0.0.1", own_server.port) as proxy:
        yield proxy


@pytest.fixture
async def second(own_server: OllamaServer) -> AsyncIterator[Proxy]:
    async with open_proxy("127.0.0.1", own_server.port) as proxy:
        yield proxy


def smollm2_file(folder: Path) -> Path:
    return find_weights(SMOLLM2, folder)[0]


def url(proxy: Proxy) -> str:
    return f"http://127.0.0.1:{proxy.port}"


async def until(happened: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not happened():  # noqa: ASYNC110
            await asyncio.sleep(0.02)


def loaded(server: OllamaServer) -> list[str]:
    models = httpx.get(f"{server.url}/api/ps", trust_env=False).json()["models"]
    return [each["name"] for each in models]


def unload(server: OllamaServer, model: str) -> None:
    body = {"model": model, "messages": [], "keep_alive": 0}
    httpx.post(f"{server.url}/api/chat", json=body, trust_env=False, timeout=30).raise_for_status()


def delete(server: OllamaServer, model: str) -> None:
    url = f"{server.url}/api/delete"
    httpx.request("DELETE", url, json={"model": model}, trust_env=False).raise_for_status()


async def test_killed_in_the_middle_of_a_stream_says_so_and_a_restart_is_enough(
    own_server: OllamaServer,
) -> None:
    async with chat_on([own_server.url], SMOLLM2) as model:
        stream = story(model)
        await anext(stream)
        await asyncio.to_thread(own_server.kill)
        with pytest.raises(ModelBusyError, match="cut off in the middle"):
            [piece async for piece in stream]
        with pytest.raises(ModelBusyError, match=f"{own_server.url} does not answer"):
            await said(model)
        await asyncio.to_thread(own_server.start)
        assert await said(model)


async def test_a_server_that_hangs_is_told_from_one_that_works(own_server: OllamaServer) -> None:
    async with chat_on([own_server.url], SMOLLM2) as model:
        await said(model)
        stream = story(model)
        await anext(stream)
        own_server.pause()
        with pytest.raises(ModelBusyError, match=r"in the middle.*does not answer"):
            [piece async for piece in stream]
        with pytest.raises(ModelBusyError, match="accepts connections and does not answer"):
            await said(model)
        own_server.resume()
        assert await said(model)


async def test_a_slow_server_is_waited_for(first: Proxy) -> None:
    """Slower than the silence after which the server is asked whether it is there."""
    async with chat_on([url(first)], SMOLLM2, ping=3.0) as model:
        first.delay = 0.5
        assert await said(model, max_tokens=2)


async def test_a_runner_that_is_killed_costs_one_call_at_most(own_server: OllamaServer) -> None:
    async with chat_on([own_server.url], SMOLLM2) as model:
        stream = story(model)
        await anext(stream)
        for runner in runners(own_server):
            os.kill(runner, signal.SIGKILL)
        with pytest.raises(ModelBusyError, match=r"cut off in the middle.*lost smollm2"):
            [piece async for piece in stream]
        assert await said(model)


async def test_a_server_that_is_away_before_the_first_piece_is_passed_over(
    first: Proxy, second: Proxy
) -> None:
    async with chat_on([url(first), url(second)], SMOLLM2) as model:
        await said(model)
        first.mode = "refuse"
        assert await said(model)
        second.mode, first.mode = "refuse", "pass"
        assert await said(model)
        first.mode = "refuse"
        with pytest.raises(ModelBusyError, match=f"{url(first)}.*{url(second)}"):
            await said(model)


async def test_a_server_that_falls_silent_is_passed_over(first: Proxy, second: Proxy) -> None:
    async with chat_on([url(first), url(second)], SMOLLM2) as model:
        await said(model)
        first.mode = "silent"
        assert await said(model)


async def test_a_stream_is_never_gone_on_with_elsewhere(first: Proxy, second: Proxy) -> None:
    async with chat_on([url(first), url(second)], SMOLLM2) as model:
        stream = story(model)
        await anext(stream)
        await first.cut()
        await second.cut()
        with pytest.raises(ModelBusyError, match="cut off in the middle"):
            [piece async for piece in stream]


async def test_calls_at_once_are_spread(first: Proxy, second: Proxy) -> None:
    async with chat_on([url(first), url(second)], SMOLLM2, recheck=1000.0) as model:
        await asyncio.gather(said(model), said(model))
        streams = [story(model), story(model)]
        calls = [asyncio.create_task(anext(stream)) for stream in streams]
        await until(lambda: bool(first.connections and second.connections))
        for call in calls:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)


async def test_a_server_without_the_model_is_not_used(
    own_server: OllamaServer, other_server: OllamaServer
) -> None:
    async with chat_on([other_server.url, own_server.url], SMOLLM2) as model:
        assert await said(model)
        assert runners(other_server) == []
        assert isinstance(model._pool.seats[0].problem, ModelMissingError)


async def test_a_server_that_loses_the_model_is_passed_over(
    own_server: OllamaServer, other_server: OllamaServer
) -> None:
    """Before it was looked at again."""
    other_server.create(SMOLLM2, smollm2_file(other_server.folder))
    async with chat_on([other_server.url, own_server.url], SMOLLM2, recheck=1000.0) as model:
        delete(other_server, SMOLLM2)
        model._pool.seats[0].forget_loaded()
        assert await said(model)
        assert runners(own_server)


async def test_a_server_with_another_model_of_that_name_is_not_used(
    own_server: OllamaServer, other_server: OllamaServer
) -> None:
    other_server.create(SMOLLM2, smollm2_file(other_server.folder), system="Say no.")
    async with chat_on([own_server.url, other_server.url], SMOLLM2) as model:
        await said(model)
        assert runners(other_server) == []
        assert "has another" in str(model._pool.seats[1].problem)


async def test_a_model_that_is_pulled_anew_is_noticed(
    own_server: OllamaServer, caplog: pytest.LogCaptureFixture
) -> None:
    file = smollm2_file(own_server.folder)
    own_server.create("changing", file)
    async with chat_on([own_server.url], "changing") as model:
        await said(model)
        before = model.info
        own_server.create("changing", file, system="Say no.")
        await said(model)
        assert model.info.digest != before.digest
    assert "changing was pulled anew" in caplog.text


@pytest.mark.parametrize(
    ("recheck", "shown"), [(0.0, "it is "), (1000.0, "its vectors have 576 numbers instead of 384")]
)
async def test_an_embedder_that_changes_is_refused(
    own_server: OllamaServer, model_settings: Settings, recheck: float, shown: str
) -> None:
    """By its digest when it is looked at, and by its dimension when it was not."""
    data_dir = model_settings.data_dir
    known = bundled("all-minilm-l6-v2")
    assert known is not None
    files = find_weights(known.name, data_dir)
    own_server.create("vectors", minilm_gguf(files, known.digest, data_dir / "models"))
    async with embedder_on([own_server.url], "vectors", recheck=recheck) as embedder:
        assert embedder.dimension == 384
        own_server.create("vectors", smollm2_file(own_server.folder))
        with pytest.raises(ModelBrokenError, match=f"vectors changed while it was in use: {shown}") as caught:
            await embedder.embed(["x"], EmbedKind.QUERY)
        assert "index build" in caught.value.hint


async def test_a_model_that_loads_long_is_told_from_a_dead_server_and_goes_on_loading(
    own_server: OllamaServer,
) -> None:
    own_server.create("cold", smollm2_file(own_server.folder))
    unload(own_server, SMOLLM2)
    async with chat_on([own_server.url], "cold", load=0.001) as model:
        with pytest.raises(ModelBusyError, match="cold is still being loaded by Ollama"):
            await said(model)
        await until(lambda: "cold:latest" in loaded(own_server))
    async with chat_on([own_server.url], "cold") as model:
        assert await said(model)


async def test_a_question_that_is_cancelled_does_not_stop_the_loading(own_server: OllamaServer) -> None:
    for name in loaded(own_server):
        unload(own_server, name)
    async with chat_on([own_server.url], SMOLLM2) as model:
        call = asyncio.create_task(said(model))
        await asyncio.sleep(0.05)
        call.cancel()
        await until(lambda: f"{SMOLLM2}:latest" in loaded(own_server))
        assert await said(model)


@pytest.fixture
def full_server(pytestconfig: pytest.Config, tmp_path: Path) -> Iterator[OllamaServer]:
    """Refuses (503) whoever needs a model loaded while two wait for that."""
    require("Ollama", pytestconfig)
    server = TunedServer(tmp_path, OLLAMA_MAX_QUEUE="1")
    server.start()
    server.create(SMOLLM2, smollm2_file(tmp_path))
    yield server
    server.stop()


@asynccontextmanager
async def full(server: OllamaServer) -> AsyncIterator[None]:
    """Until the end of the block a story is stuck, and two who need another context wait for its end."""
    story = {"model": SMOLLM2, "prompt": "Write a very long story.", "options": {"num_ctx": 1024}}
    other = {"model": SMOLLM2, "input": [], "options": {"num_ctx": 512}}
    async with httpx.AsyncClient(base_url=server.url, trust_env=False, timeout=60) as client:
        async with client.stream("POST", "/api/generate", json=story) as pieces:
            lines = pieces.aiter_lines()
            await anext(lines)
            (runner,) = runners(server)
            os.kill(runner, signal.SIGSTOP)
            try:
                waiting = [asyncio.create_task(client.post("/api/embed", json=other)) for _ in range(2)]
                await asyncio.sleep(0.5)
                yield
            finally:
                os.kill(runner, signal.SIGCONT)
        await asyncio.gather(*waiting)


async def test_a_full_server_is_asked_again(full_server: OllamaServer) -> None:
    async with (
        chat_on([full_server.url], SMOLLM2, busy=0.0) as hasty,
        chat_on([full_server.url], SMOLLM2, busy=60.0) as patient,
    ):
        await asyncio.gather(said(hasty), said(patient))
        async with full(full_server):
            with pytest.raises(ModelBusyError, match="is busy"):
                await said(hasty)
            call = asyncio.create_task(said(patient))
            await asyncio.sleep(0.5)
            assert not call.done()
        assert await call


class _Pretender(BaseHTTPRequestHandler):
    """Answers every request alike."""

    reply: tuple[int, str] = (200, "")

    def do_GET(self) -> None:
        status, body = self.reply
        self.send_response(status)
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *args: object) -> None:
        """Say nothing."""


@pytest.mark.parametrize(
    ("status", "body", "shown"),
    [
        (200, '{"version": "0.6.5"}', r"is 0\.6\.5; 0\.12\.11 is the oldest that will do"),
        (200, "<html>hello</html>", "is not Ollama"),
        (200, '{"name": "other"}', "is not Ollama"),
        (200, "[]", "is not Ollama"),
        (404, "Not Found", "is not Ollama"),
        (401, "who are you", "refuses us"),
    ],
)
async def test_what_is_no_ollama_that_will_do_is_one_clear_error(status: int, body: str, shown: str) -> None:
    handler = type("_Handler", (_Pretender,), {"reply": (status, body)})
    with HTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with pytest.raises(ModelError, match=shown) as caught:
            await chat_on([f"http://127.0.0.1:{server.server_port}"], SMOLLM2).__aenter__()
        server.shutdown()
    assert "\n" not in str(caught.value)
    assert caught.value.hint


@pytest.mark.parametrize("host", ["127.0.0.1", "no-such-host.invalid"])
async def test_a_wrong_address_is_named(host: str) -> None:
    (port,) = free_ports(1)
    with pytest.raises(ModelBusyError, match=f"Ollama at http://{host}:{port} does not answer") as caught:
        await chat_on([f"http://{host}:{port}"], SMOLLM2).__aenter__()
    assert "OLLAMA_HOST" in caught.value.hint


async def test_a_server_that_accepts_and_never_answers_is_named(first: Proxy) -> None:
    first.mode = "silent"
    with pytest.raises(ModelBusyError, match=f"{url(first)} accepts connections and does not answer"):
        await chat_on([url(first)], SMOLLM2).__aenter__()


async def test_a_full_prompt_is_refused_by_the_first_server_for_all(first: Proxy, second: Proxy) -> None:
    """An error that is the caller's is not carried from server to server."""
    async with chat_on([url(first), url(second)], SMOLLM2) as model:
        with pytest.raises(ModelError, match="more tokens than"):
            await said(model, text="pool pump " * 5000)
        assert all(seat.problem is None for seat in model._pool.seats)
