"""Each server: starts, answers, keeps its data over a restart, and leaves no process behind."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import asyncpg
import httpx
import ollama
import pytest
import weaviate
from weaviate.classes.config import Configure, DataType, Property

from agent.models.weights import find_weights
from tests.servers.fixtures import SMOLLM2, require
from tests.servers.keeper import children
from tests.servers.ollama import OllamaServer
from tests.servers.postgres import PostgresServer
from tests.servers.server import Server, ServerError, listens
from tests.servers.weaviate import WeaviateServer, cluster_of, start_cluster

_MAKERS: dict[str, Callable[[Path], Server]] = {
    "Weaviate": WeaviateServer,
    "Ollama": OllamaServer,
    "PostgreSQL": PostgresServer,
}

_START_AND_WAIT = """
import sys, time
from pathlib import Path
from tests.servers.test_servers import _MAKERS

server = _MAKERS[sys.argv[1]](Path(sys.argv[2]))
server.start()
print(server.pid, flush=True)
time.sleep(600)
"""


def _alive(pid: int) -> bool:
    """A process that ended and was not yet waited for is not alive."""
    status = Path(f"/proc/{pid}/stat")
    return status.exists() and status.read_text().rpartition(")")[2].split()[0] != "Z"


def _gone(pid: int, seconds: float = 10) -> bool:
    deadline = time.monotonic() + seconds
    while _alive(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    return not _alive(pid)


@pytest.fixture(params=_MAKERS)
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Server]:
    """One of each, of this test alone, not started."""
    require(request.param, request.config)
    server = _MAKERS[request.param](tmp_path)
    yield server
    server.discard()


def test_a_server_starts_pauses_stops_and_leaves_no_process(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("OLLAMA_HOST", "WEAVIATE_URL", "DATABASE_URL", "PGPORT", "PERSISTENCE_DATA_PATH"):
        monkeypatch.setenv(name, "a server of the user's")

    server.start()
    pid = server.pid
    assert server.ready()
    server.pause()
    assert server.running()
    assert not server.ready()
    server.resume()
    server.wait_ready()
    server.pause()
    server.stop()

    assert not _alive(pid)
    assert not server.running()
    assert not server.ready()
    assert server.log.stat().st_size
    server.stop()


def test_a_killed_server_starts_again_on_the_same_ports(server: Server) -> None:
    server.start()
    pid = server.pid
    server.kill()
    assert _gone(pid)
    assert not server.ready()
    server.start()
    assert server.ready()


@pytest.fixture
def reachable_folder() -> Iterator[Path]:
    """For what a killed process leaves behind. Other users can reach it, unlike `tmp_path`."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks for processes where Linux shows them")
def test_a_server_ends_with_the_process_that_started_it(
    server: Server, tmp_path: Path, reachable_folder: Path
) -> None:
    kind = next(name for name, make in _MAKERS.items() if make is type(server))
    parent = subprocess.Popen(
        [sys.executable, "-c", _START_AND_WAIT, kind, str(tmp_path)],
        cwd=Path(__file__).parents[2],
        env={**os.environ, "TMPDIR": str(reachable_folder)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    assert _alive(pid)

    parent.send_signal(signal.SIGKILL)
    parent.communicate()

    assert _gone(pid)


def test_a_server_that_cannot_start_names_its_log(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "command", lambda: ["/bin/false"])
    with pytest.raises(ServerError, match=r"ended while starting; its log is .*server\.log"):
        server.start()


async def test_postgresql_keeps_rows_over_a_restart(
    postgres_server: PostgresServer, postgres_url: str
) -> None:
    connection = await asyncpg.connect(postgres_url)
    await connection.execute("CREATE TABLE kept (fact text)")
    await connection.execute("INSERT INTO kept VALUES ('the pump is new')")
    await connection.close()

    postgres_server.restart()

    connection = await asyncpg.connect(postgres_url)
    assert await connection.fetchval("SELECT fact FROM kept") == "the pump is new"
    await connection.close()


def _connect(server: WeaviateServer) -> weaviate.WeaviateClient:
    return weaviate.connect_to_local(port=server.http_port, grpc_port=server.grpc_port)


def test_weaviate_keeps_objects_over_a_restart(weaviate_server: WeaviateServer) -> None:
    with weaviate.connect_to_local(
        port=weaviate_server.http_port, grpc_port=weaviate_server.grpc_port
    ) as client:
        collection = client.collections.create(
            "Kept",
            vector_config=Configure.Vectors.self_provided(),
            properties=[Property(name="fact", data_type=DataType.TEXT)],
        )
        key = collection.data.insert({"fact": "the pump is new"}, vector=[1.0, 0.0])

    weaviate_server.restart()

    with weaviate.connect_to_local(
        port=weaviate_server.http_port, grpc_port=weaviate_server.grpc_port
    ) as client:
        found = client.collections.get("Kept").query.near_vector([1.0, 0.1], limit=1).objects
        assert [(one.uuid, one.properties["fact"]) for one in found] == [(key, "the pump is new")]
        client.collections.delete("Kept")


def test_weaviate_lets_in_only_who_has_the_key(pytestconfig: pytest.Config, tmp_path: Path) -> None:
    require("Weaviate", pytestconfig)
    server = WeaviateServer(tmp_path, api_key="open sesame")
    try:
        server.start()
        schema = f"{server.url}/v1/schema"
        assert httpx.get(schema).status_code == httpx.codes.UNAUTHORIZED
        allowed = httpx.get(schema, headers={"Authorization": "Bearer open sesame"})
        assert allowed.status_code == httpx.codes.OK
    finally:
        server.stop()


def test_three_weaviates_are_one_cluster_that_outlives_a_node(
    pytestconfig: pytest.Config, tmp_path: Path
) -> None:
    require("Weaviate", pytestconfig)
    nodes = cluster_of(tmp_path, 3)
    try:
        start_cluster(nodes)
        assert _healthy(nodes[0]) == {"node1", "node2", "node3"}

        nodes[2].kill()

        assert nodes[0].ready()
        nodes[0].wait_for(lambda: _healthy(nodes[0]) == {"node1", "node2"})
        nodes[2].start()
        nodes[0].wait_for(lambda: _healthy(nodes[0]) == {"node1", "node2", "node3"})
    finally:
        for node in nodes:
            node.kill()


def _healthy(node: WeaviateServer) -> set[str]:
    """The nodes that it can reach; none while it finds out which."""
    told = httpx.get(f"{node.url}/v1/nodes").json()
    return {one["name"] for one in told.get("nodes", ()) if one["status"] == "HEALTHY"}


def test_ollama_answers_and_keeps_its_model_over_a_restart(ollama_server: OllamaServer) -> None:
    client = ollama.Client(ollama_server.url)
    question = [{"role": "user", "content": "What is the capital of France?"}]
    before = client.chat(SMOLLM2, question, options={"temperature": 0, "num_predict": 8}).message.content

    ollama_server.restart()

    assert f"{SMOLLM2}:latest" in [model.model for model in client.list().models]
    after = client.chat(SMOLLM2, question, options={"temperature": 0, "num_predict": 8}).message.content
    assert before == after
    assert "France" in (after or "")


def test_killing_ollama_kills_its_runner(pytestconfig: pytest.Config, tmp_path: Path) -> None:
    require("Ollama", pytestconfig)
    server = OllamaServer(tmp_path)
    try:
        server.start()
        server.create("small", find_weights(SMOLLM2, tmp_path)[0])
        ollama.Client(server.url).generate("small", "Hello", options={"num_predict": 1})
        (runner,) = children(server.pid)
    finally:
        server.kill()
    assert _gone(runner)
    assert not listens(server.port)
