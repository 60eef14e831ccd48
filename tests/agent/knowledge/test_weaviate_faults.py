"""What the store says, and keeps, when Weaviate is wrong, away, slow, full or meddled with."""

import asyncio
import gc
import json
import ssl
import time
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from agent.errors import ConfigurationError, DiskFullError, LorekeeperError, StoreBusyError, StoreError
from agent.knowledge._weaviate import nodes
from agent.knowledge._weaviate.rows import tenant_of
from agent.knowledge.weaviate import WeaviateStore, open_store
from tests.agent.knowledge.factories import discard, new_alias, open_at
from tests.agent.knowledge.passages import (
    HOME,
    MANUAL,
    NEW_SPEC,
    NOTES,
    PUMP,
    SPEC,
    about,
    ids,
    passages_of,
    put,
)
from tests.servers.fixtures import require
from tests.servers.proxy import Proxy, open_proxy
from tests.servers.server import free_ports
from tests.servers.weaviate import WeaviateServer

KEY = "open sesame"


@pytest.fixture
def alias(weaviate_server: WeaviateServer) -> Iterator[str]:
    name = new_alias()
    yield name
    discard(weaviate_server, name)


@pytest.fixture(scope="module")
def own_server(
    pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[WeaviateServer]:
    """One that may be killed, and that lets in only who has the key."""
    require("Weaviate", pytestconfig)
    server = WeaviateServer(tmp_path_factory.mktemp("own"), api_key=KEY)
    try:
        server.start()
        yield server
    finally:
        server.kill()


@pytest.fixture
async def own_store(own_server: WeaviateServer) -> AsyncIterator[WeaviateStore]:
    """A store that holds one passage on `own_server`, which runs at the beginning and at the end."""
    store = await open_at(own_server, alias=new_alias(), api_key=KEY, stale_seconds=1.0)
    await store.open_index(SPEC)
    await put(store, PUMP)
    yield store
    if not own_server.running():
        await asyncio.to_thread(own_server.start)
    await store.close()


async def _tell(server: WeaviateServer, method: str, path: str, body: object = None) -> None:
    """Do something to the server behind the store's back."""
    async with httpx.AsyncClient(base_url=f"{server.url}/v1", trust_env=False) as client:
        (await client.request(method, path, json=body)).raise_for_status()


async def _opening(url: str, grpc_port: int, **options: str) -> LorekeeperError:
    """The error of opening a store there."""
    with pytest.raises(LorekeeperError) as raised:
        await open_store(url, alias="Nobody", grpc_port=grpc_port, **options)
    assert url in str(raised.value)
    assert "\n" not in str(raised.value)
    assert raised.value.hint
    return raised.value


async def test_a_wrong_host_is_named(weaviate_server: WeaviateServer) -> None:
    error = await _opening("http://nowhere.invalid:8080", weaviate_server.grpc_port)
    assert isinstance(error, StoreBusyError)
    assert "WEAVIATE_URL" in error.hint


async def test_a_wrong_port_is_named(weaviate_server: WeaviateServer) -> None:
    (free,) = free_ports(1)
    assert isinstance(await _opening(f"http://127.0.0.1:{free}", weaviate_server.grpc_port), StoreBusyError)


async def test_a_wrong_grpc_port_is_found_out_when_it_is_opened(weaviate_server: WeaviateServer) -> None:
    (free,) = free_ports(1)
    error = await _opening(weaviate_server.url, free)
    assert isinstance(error, StoreBusyError)
    assert "gRPC port" in error.hint


async def test_a_server_that_never_answers_is_given_up_in_time(weaviate_server: WeaviateServer) -> None:
    async with open_proxy("127.0.0.1", weaviate_server.http_port) as proxy:
        proxy.mode = "silent"
        began = time.monotonic()
        error = await _opening(f"http://127.0.0.1:{proxy.port}", weaviate_server.grpc_port)
    assert isinstance(error, StoreBusyError)
    assert time.monotonic() - began < 10


@pytest.mark.parametrize("key", ["", "guess"])
async def test_a_wrong_key_names_the_server_and_the_setting(own_server: WeaviateServer, key: str) -> None:
    error = await _opening(own_server.url, own_server.grpc_port, api_key=key)
    assert isinstance(error, ConfigurationError)
    assert "WEAVIATE_API_KEY" in error.hint


async def test_a_server_that_is_too_old_is_told_to_be_upgraded() -> None:
    body = json.dumps({"version": "1.31.5", "grpcMaxMessageSize": 1000}).encode()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        writer.write(head.encode() + b"Connection: close\r\n\r\n" + body)
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        error = await _opening(f"http://127.0.0.1:{port}", 1)
    assert isinstance(error, ConfigurationError)
    assert "1.31.5" in str(error)
    assert "1.32" in str(error)


async def test_a_collection_that_was_deleted_by_hand_is_told(
    weaviate_server: WeaviateServer, alias: str
) -> None:
    store = await open_at(weaviate_server, alias=alias)
    await store.open_index(SPEC)
    await store.open_index(NEW_SPEC)
    await put(store, PUMP)
    await store.search(about("pump"))
    await _tell(weaviate_server, "DELETE", f"/schema/{alias}_v1")

    calls: list[Callable[[], Awaitable[object]]] = [
        lambda: store.search(about("pump")),
        lambda: put(store, PUMP),
        lambda: store.passages_of(HOME, NOTES),
        store.versions,
        lambda: store.activate("v1"),
    ]
    for call in calls:
        with pytest.raises(StoreError, match=f"{alias}_v1") as raised:
            await call()
        assert "v2" in raised.value.hint
    await store.close()


async def test_an_alias_that_points_elsewhere_is_told(weaviate_server: WeaviateServer, alias: str) -> None:
    store = await open_at(weaviate_server, alias=alias)
    await store.open_index(SPEC)
    foreign = f"{alias}Foreign"
    await _tell(weaviate_server, "POST", "/schema", {"class": foreign})
    await _tell(weaviate_server, "PUT", f"/aliases/{alias}", {"class": foreign})

    for call in (store.search(about("pump")), put(store, PUMP), store.versions(), store.open_index(SPEC)):
        with pytest.raises(StoreError, match=foreign):
            await call
    await store.close()


async def test_an_alias_that_was_deleted_comes_back_with_a_flip(
    weaviate_server: WeaviateServer, alias: str
) -> None:
    store = await open_at(weaviate_server, alias=alias)
    await store.open_index(SPEC)
    await store.open_index(NEW_SPEC)
    await put(store, PUMP)
    await _tell(weaviate_server, "DELETE", f"/aliases/{alias}")

    with pytest.raises(StoreError, match="no index"):
        await store.search(about("pump"))
    await store.activate("v1")
    assert ids(await store.search(about("pump"))) == ["p1"]
    await store.close()


async def test_a_name_that_is_a_collection_already_is_told(
    weaviate_server: WeaviateServer, alias: str
) -> None:
    await _tell(weaviate_server, "POST", "/schema", {"class": alias})
    store = await open_at(weaviate_server, alias=alias)
    with pytest.raises(ConfigurationError, match=alias) as raised:
        await store.open_index(SPEC)
    assert "LOREKEEPER_WEAVIATE_COLLECTION" in raised.value.hint
    await store.close()


async def test_more_replicas_than_nodes_are_told(weaviate_server: WeaviateServer, alias: str) -> None:
    store = await open_at(weaviate_server, alias=alias, replicas=3)
    with pytest.raises(ConfigurationError) as raised:
        await store.open_index(SPEC)
    assert "LOREKEEPER_WEAVIATE_REPLICAS" in raised.value.hint
    await store.close()


async def test_a_full_disk_stores_nothing_and_loses_nothing(
    weaviate_server: WeaviateServer, alias: str
) -> None:
    """A server whose disk is nearly full makes every tenant read-only; here it is told to."""
    store = await open_at(weaviate_server, alias=alias)
    await store.open_index(SPEC)
    await put(store, PUMP)
    for status, shards in (("READONLY", (tenant_of(HOME),)), ("READONLY", ("ledger",)), ("READY", ())):
        for shard in shards or (tenant_of(HOME), "ledger"):
            await _tell(weaviate_server, "PUT", f"/schema/{alias}_v1/shards/{shard}", {"status": status})
        if status == "READY":
            break
        for write in (put(store, replace(PUMP, text="more")), store.delete_sources(HOME, [NOTES])):
            with pytest.raises(DiskFullError, match=weaviate_server.url) as raised:
                await write
            assert "Free space" in raised.value.hint
        assert [item.passage for item in await store.search(about("pump"))] == [PUMP]
    await put(store, replace(PUMP, text="more"))
    assert [item.passage.text for item in await store.search(about("pump"))] == ["more"]
    await store.close()


@pytest.mark.parametrize("how", ["stop", "kill"])
async def test_a_server_that_goes_and_comes_back_in_a_search(
    own_server: WeaviateServer, own_store: WeaviateStore, how: str
) -> None:
    await asyncio.to_thread(getattr(own_server, how))
    with pytest.raises(StoreBusyError, match=own_server.url):
        await own_store.search(about("pump"))
    search = asyncio.create_task(own_store.search(about("pump")))
    await asyncio.sleep(0.2)
    await asyncio.to_thread(own_server.start)
    try:
        assert ids(await search) == ["p1"]
    except StoreBusyError:
        assert ids(await own_store.search(about("pump"))) == ["p1"]


async def test_a_server_killed_in_the_middle_of_an_ingest_keeps_only_whole_sources(
    own_server: WeaviateServer, own_store: WeaviateStore
) -> None:
    kept: list[str] = []
    under_way = asyncio.Event()

    async def ingest() -> None:
        for number in range(200):
            source = type(NOTES)(f"s{number}")
            try:
                await put(own_store, *passages_of(source, *(f"{source} pump {place}" for place in range(20))))
            except StoreBusyError:
                return
            kept.append(source)
            if number == 4:
                under_way.set()

    ingesting = asyncio.create_task(ingest())
    await under_way.wait()
    await asyncio.to_thread(own_server.kill)
    await asyncio.to_thread(own_server.start)
    await ingesting

    for number in range(len(kept) + 1):
        source = type(NOTES)(f"s{number}")
        assert len(await own_store.passages_of(HOME, source)) in ((20,) if source in kept else (0, 20))
    await put(own_store, replace(PUMP, text="after all"))
    found = await own_store.search(replace(about("after all"), sources=(NOTES,)))
    assert [item.passage.text for item in found] == ["after all"]


@asynccontextmanager
async def _behind_proxies(server: WeaviateServer) -> AsyncIterator[tuple[Proxy, Proxy, WeaviateStore]]:
    async with (
        open_proxy("127.0.0.1", server.http_port) as http,
        open_proxy("127.0.0.1", server.grpc_port) as grpc,
    ):
        url = f"http://127.0.0.1:{http.port}?grpc_port={grpc.port}"
        alias = new_alias()
        store = await open_store(url, alias=alias)
        await store.open_index(SPEC)
        await put(store, PUMP)
        yield http, grpc, store
        for proxy in (http, grpc):
            proxy.mode = "pass"
        await store.close()
        discard(server, alias)


async def test_a_slow_server_is_waited_for(weaviate_server: WeaviateServer) -> None:
    async with _behind_proxies(weaviate_server) as (http, grpc, store):
        http.delay = grpc.delay = 0.3
        assert ids(await store.search(about("pump"))) == ["p1"]
        await put(store, *passages_of(MANUAL, "press the button"))
        assert len(await store.search(about("pump"))) == 2


async def test_a_server_that_falls_silent_is_given_up_and_then_used_again(
    weaviate_server: WeaviateServer,
) -> None:
    async with _behind_proxies(weaviate_server) as (http, grpc, store):
        http.mode = grpc.mode = "silent"
        began = time.monotonic()
        with pytest.raises(StoreBusyError):
            await store.search(about("pump"))
        assert time.monotonic() - began < nodes.READ_SECONDS + 2
        http.mode = grpc.mode = "pass"
        assert ids(await store.search(about("pump"))) == ["p1"]


async def test_connections_that_are_cut_are_made_again(weaviate_server: WeaviateServer) -> None:
    async with _behind_proxies(weaviate_server) as (http, grpc, store):
        for _ in range(3):
            await asyncio.gather(http.cut(), grpc.cut())
            assert ids(await store.search(about("pump"))) == ["p1"]
            await asyncio.gather(http.cut(), grpc.cut())
            await put(store, PUMP)


async def test_a_search_or_write_that_is_cancelled_leaves_the_store_usable(
    weaviate_server: WeaviateServer,
) -> None:
    async with _behind_proxies(weaviate_server) as (http, grpc, store):
        http.delay = grpc.delay = 0.2
        for work in (store.search(about("pump")), put(store, replace(PUMP, text="never"))):
            task = asyncio.ensure_future(work)
            await asyncio.sleep(0.3)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        http.delay = grpc.delay = 0.0
        await put(store, replace(PUMP, text="the pump at last"))
        assert [item.passage.text for item in await store.search(about("pump"))] == ["the pump at last"]


def _certificate(folder: Path) -> tuple[Path, Path]:
    """A self-signed certificate of localhost, which is its own authority, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    paths = folder / "certificate.pem", folder / "key.pem"
    paths[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return paths


@asynccontextmanager
async def _tls(port: int, context: ssl.SSLContext) -> AsyncIterator[int]:
    """Ends TLS on the port that it gives, and passes on to a plain one."""

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while chunk := await reader.read(2**16):
            writer.write(chunk)
            await writer.drain()
        writer.close()

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(pump(reader, back), pump(there, writer), return_exceptions=True)

    async with await asyncio.start_server(carry, "127.0.0.1", 0, ssl=context) as server:
        yield server.sockets[0].getsockname()[1]


async def test_tls_is_spoken_on_both_ports_and_strangers_are_refused(
    own_server: WeaviateServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate, key = _certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    context.set_alpn_protocols(["h2", "http/1.1"])
    async with _tls(own_server.http_port, context) as http, _tls(own_server.grpc_port, context) as grpc:
        url = f"https://localhost:{http}"
        assert isinstance(await _opening(url, grpc, api_key=KEY), StoreBusyError)
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        store = await open_store(url, alias=new_alias(), api_key=KEY, grpc_port=grpc)
        await store.open_index(SPEC)
        await put(store, PUMP)
        assert ids(await store.search(about("pump"))) == ["p1"]
        await store.close()


async def test_nothing_is_left_open(weaviate_server: WeaviateServer, alias: str) -> None:
    gc.collect()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        store = await open_at(weaviate_server, alias=alias)
        await store.open_index(SPEC)
        await put(store, PUMP)
        await store.search(about("pump"))
        await store.close()
        with pytest.raises(StoreBusyError):
            await open_store("http://127.0.0.1:9", alias=alias)
        del store
        gc.collect()
        await asyncio.sleep(0.1)
    assert [str(one.message) for one in caught if issubclass(one.category, ResourceWarning)] == []
    assert [task for task in asyncio.all_tasks() if task is not asyncio.current_task()] == []
