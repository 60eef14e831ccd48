"""The endpoints that watch the bot, asked over a real socket."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from agent.errors import ConfigurationError, StoreBusyError
from agent.runtime import Installation, open_stores
from agent.settings import Settings
from bot.health import Check, HealthServer, Readiness, checks_of
from tests.bot.conftest import Command
from tests.servers.postgres import PostgresServer


def _free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port: int = listening.getsockname()[1]
        return port


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path, health_port=_free_port())


def _url(settings: Settings, path: str) -> str:
    return f"http://{settings.health_host}:{settings.health_port}{path}"


async def _get(settings: Settings, path: str, **headers: str) -> httpx.Response:
    async with httpx.AsyncClient(trust_env=False) as client:
        return await client.get(_url(settings, path), headers=headers)


async def _fine() -> str:
    return "it answers"


async def _away() -> str:
    raise StoreBusyError("Weaviate at http://w:8080 cannot be reached.", "Start it.")


async def _silent() -> str:
    await asyncio.Event().wait()
    return "never"


async def test_a_bot_whose_parts_answer_is_healthy_and_ready(settings: Settings) -> None:
    async with HealthServer(settings, {"database": _fine, "knowledge": _fine}):
        healthy, ready = await _get(settings, "/healthz"), await _get(settings, "/readyz")
    assert (healthy.status_code, healthy.json()) == (200, {"healthy": True})
    assert (ready.status_code, ready.json()["ready"]) == (200, True)
    assert set(ready.json()["parts"]) == {"database", "knowledge"}


async def test_a_part_that_is_away_is_named_and_the_bot_stays_healthy(settings: Settings) -> None:
    async with HealthServer(settings, {"database": _fine, "knowledge": _away}):
        healthy, ready = await _get(settings, "/healthz"), await _get(settings, "/readyz")
    assert (healthy.status_code, ready.status_code) == (200, 503)
    assert ready.json()["parts"] == {
        "database": {"ready": True, "said": "", "todo": ""},
        "knowledge": {
            "ready": False,
            "said": "Weaviate at http://w:8080 cannot be reached.",
            "todo": "Start it.",
        },
    }


async def test_the_metrics_say_which_part_is_away_also_when_nobody_asks_for_readiness(
    settings: Settings,
) -> None:
    async with HealthServer(settings, {"database": _fine, "knowledge": _away}):
        shown = (await _get(settings, "/metrics")).text
    assert 'lorekeeper_ready{part="database"} 1.0' in shown
    assert 'lorekeeper_ready{part="knowledge"} 0.0' in shown


async def test_a_check_with_a_bug_is_not_ready_and_the_bot_stays_healthy(settings: Settings) -> None:
    async def broken() -> str:
        raise KeyError("a bug")

    async with HealthServer(settings, {"database": broken}):
        assert (await _get(settings, "/readyz")).status_code == 500
        assert (await _get(settings, "/healthz")).status_code == 200


async def test_a_part_that_never_answers_does_not_hold_up_the_others() -> None:
    readiness = Readiness({"knowledge": _silent, "database": _fine}, check_seconds=0.05)
    parts = await readiness.parts()
    assert parts["database"].ready
    assert (parts["knowledge"].ready, parts["knowledge"].said) == (
        False,
        "It did not answer within 0.05 s.",
    )


async def test_many_askers_cost_the_parts_one_question() -> None:
    asked = 0

    async def slow() -> str:
        nonlocal asked
        asked += 1
        await asyncio.sleep(0)
        return "it answers"

    readiness = Readiness({"database": slow})
    await asyncio.gather(*(readiness.parts() for _ in range(50)))
    await readiness.parts()
    assert asked == 1


async def test_what_was_found_is_asked_anew_after_a_while() -> None:
    answers: list[Callable[[], Awaitable[str]]] = [_fine, _away]

    async def next_answer() -> str:
        return await answers.pop()()

    readiness = Readiness({"database": next_answer}, kept_seconds=0)
    assert [(await readiness.parts())["database"].ready for _ in range(2)] == [False, True]


@pytest.mark.parametrize(
    ("accept", "parse"),
    [("text/plain", parse_text), ("application/openmetrics-text; version=1.0.0", parse_openmetrics)],
)
async def test_metrics_are_in_the_format_that_prometheus_asks_for(
    settings: Settings, accept: str, parse: Callable[[str], Any]
) -> None:
    async with HealthServer(settings, {}):
        shown = await _get(settings, "/metrics", accept=accept)
    assert shown.headers["content-type"].startswith(accept.partition(";")[0])
    families = {family.name for family in parse(shown.text)}
    assert {"lorekeeper_stage_seconds", "lorekeeper_questions", "lorekeeper_questions_running"} <= families


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/", 404), ("GET", "/readyz/x", 404), ("POST", "/readyz", 405), ("DELETE", "/metrics", 405)],
)
async def test_nothing_else_is_served(settings: Settings, method: str, path: str, status: int) -> None:
    async with HealthServer(settings, {}), httpx.AsyncClient(trust_env=False) as client:
        assert (await client.request(method, _url(settings, path))).status_code == status


async def test_only_loopback_unless_another_address_is_asked_for(settings: Settings) -> None:
    assert settings.health_host == "127.0.0.1"
    async with HealthServer(settings, {}) as server:
        assert server._runner is not None
        assert server._runner.addresses == [("127.0.0.1", settings.health_port)]


async def test_port_0_serves_nothing(tmp_path: Path) -> None:
    async with HealthServer(Settings(data_dir=tmp_path), {"database": _away}) as server:
        assert server._runner is None


async def test_a_port_that_is_taken_is_a_clear_error(settings: Settings) -> None:
    async with HealthServer(settings, {}):
        with pytest.raises(
            ConfigurationError, match=f"served at 127.0.0.1:{settings.health_port}: "
        ) as caught:
            await HealthServer(settings, {}).__aenter__()
    assert "LOREKEEPER_HEALTH_PORT" in caught.value.hint


@pytest.mark.asyncio(loop_scope="session")
async def test_an_installation_is_asked_through_its_stores(household: Installation) -> None:
    parts = await Readiness(checks_of(household)).parts()
    assert {name: part.ready for name, part in parts.items()} == {"database": True, "knowledge": True}


async def test_a_server_that_hangs_is_named_and_ready_again_when_it_goes_on(
    postgres_server: PostgresServer, postgres_url: str, tmp_path: Path
) -> None:
    settings = Settings(data_dir=tmp_path, database_url=postgres_url)
    async with open_stores(settings) as stores:
        installation: Any = type("Installation", (), {"settings": settings, "stores": stores})
        readiness = Readiness(checks_of(installation), check_seconds=2.0, kept_seconds=0)
        assert all(part.ready for part in (await readiness.parts()).values())
        postgres_server.pause()
        try:
            parts = await readiness.parts()
        finally:
            postgres_server.resume()
        assert {name: part.ready for name, part in parts.items()} == {"database": False, "knowledge": True}
        assert all(part.ready for part in (await readiness.parts()).values())


@contextmanager
def _serving(settings: Settings, checks: Mapping[str, Check]) -> Iterator[None]:
    """A bot's endpoints in a thread of their own, as the command asks from another process."""
    ready, stop = threading.Event(), threading.Event()

    async def serve() -> None:
        async with HealthServer(settings, checks):
            ready.set()
            await asyncio.to_thread(stop.wait)

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    assert ready.wait(10)
    try:
        yield
    finally:
        stop.set()
        thread.join()


@pytest.fixture
def health(command: Command, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Command:
    monkeypatch.setenv("LOREKEEPER_HEALTH_PORT", str(settings.health_port))
    return command


def test_the_command_says_what_the_running_bot_says(health: Command, settings: Settings) -> None:
    with _serving(settings, {"database": _fine, "knowledge": _fine}):
        ran = health("health")
    assert (ran.code, ran.lines) == (0, ["ok       database", "ok       knowledge"])
    with _serving(settings, {"database": _fine, "knowledge": _away}):
        told, printed = health("health"), health("health", "--json")
    assert (told.code, printed.code) == (1, 1)
    assert told.lines[1:] == [
        "PROBLEM  knowledge      Weaviate at http://w:8080 cannot be reached.",
        "                        Start it.",
    ]
    assert printed.json["parts"]["knowledge"]["ready"] is False


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_the_command_asks_this_machine_when_the_bot_serves_every_address(
    host: str, health: Command, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOREKEEPER_HEALTH_HOST", host)
    with _serving(settings.model_copy(update={"health_host": host}), {"database": _fine}):
        assert health("health").code == 0


def test_the_command_without_a_bot(health: Command, settings: Settings) -> None:
    ran = health("health")
    assert (ran.code, ran.out) == (1, "")
    assert f"No bot answers at {_url(settings, '/readyz')}." in ran.err


class _Another(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps(["something else"]).encode())

    def log_message(self, *_: object) -> None:
        """Nothing to say."""


def test_the_command_before_another_program(health: Command, settings: Settings) -> None:
    with HTTPServer(("127.0.0.1", settings.health_port), _Another) as server:
        threading.Thread(target=server.handle_request).start()
        ran = health("health")
    assert ran.code == 1
    assert "No bot answers" in ran.err


def test_the_command_where_no_endpoints_are_served(command: Command) -> None:
    ran = command("health")
    assert ran.code == 2
    assert "LOREKEEPER_HEALTH_PORT" in ran.err
