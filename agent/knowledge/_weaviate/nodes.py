"""The nodes of one Weaviate: where they are, who of them is asked, and for how long.

A call goes to the node that answered last. When that one is away the next is asked, and after the last one
the first again, until the call's deadline. So every call may reach the server twice, and each must be
harmless when repeated. The library would wait up to half a minute for a node that is gone before it tells:
where there is another node, a node that leaves a call waiting is asked in between whether it lives.
"""

from __future__ import annotations

import asyncio
import os
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar
from urllib.parse import parse_qs, urlsplit

from grpc import ssl_channel_credentials
from weaviate import WeaviateAsyncClient
from weaviate.classes.init import AdditionalConfig, Auth, Timeout
from weaviate.config import GrpcConfig
from weaviate.connect import ConnectionParams

from agent.errors import ConfigurationError, StoreBusyError, StoreError
from agent.knowledge._weaviate.errors import (
    LIBRARY_ERRORS,
    MissingCollectionError,
    away_error,
    is_away,
    store_error,
)

READ_SECONDS: Final = 8.0
WRITE_SECONDS: Final = 60.0
"""Deadlines of one call, over all nodes."""

_OLDEST: Final = (1, 32)
"""The first Weaviate with aliases of collections."""
_CONNECT_SECONDS: Final = 4.0
_PATIENCE_SECONDS: Final = 0.5
"""How long a node may leave a call waiting before it is asked whether it lives."""
_TRIES: Final = 4
"""Of one call, when there are several nodes and all are silent."""
_ROUND_SECONDS: Final = 0.25
"""Between asking every node and asking them again."""
_PORTS: Final = {"http": 80, "https": 443}
_CHANNEL: Final = [
    # gRPC itself would wait up to two minutes before it looks for a restarted server again.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 1000),
    ("grpc.max_reconnect_backoff_ms", 1000),
]

_T = TypeVar("_T")
Work = Callable[[WeaviateAsyncClient], Awaitable[_T]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    host: str
    port: int
    grpc_port: int
    secure: bool

    @property
    def url(self) -> str:
        return f"{'https' if self.secure else 'http'}://{self.host}:{self.port}"


def addresses_of(urls: str, grpc_port: int) -> tuple[Address, ...]:
    """Read WEAVIATE_URL. Raises `ConfigurationError`."""
    return tuple(_address_of(url.strip(), grpc_port) for url in urls.split(",") if url.strip())


def _address_of(url: str, grpc_port: int) -> Address:
    try:
        parts = urlsplit(url)
        port = parts.port or _PORTS[parts.scheme]
        own = parse_qs(parts.query, strict_parsing=bool(parts.query)).get("grpc_port")
        found = Address(
            host=parts.hostname or "",
            port=port,
            grpc_port=int(own[0]) if own else grpc_port,
            secure=parts.scheme == "https",
        )
    except (KeyError, ValueError):
        found = None
    if found is None or not found.host or found.port == found.grpc_port or parts.path not in ("", "/"):
        raise ConfigurationError(
            f"WEAVIATE_URL names {url!r}, which is no address of a Weaviate node.",
            "Write http://HOST:8080 or https://HOST; ?grpc_port=50052 behind it names another gRPC port.",
        )
    return found


class Nodes:
    """Connects when first asked. `call` is the only door to the library."""

    def __init__(self, addresses: Sequence[Address], api_key: str = "") -> None:
        self._addresses = list(addresses)
        self._api_key = api_key
        self._clients: dict[Address, WeaviateAsyncClient] = {}
        self._connecting: defaultdict[Address, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._closed = False

    @property
    def urls(self) -> str:
        return ", ".join(sorted(address.url for address in self._addresses))

    @property
    def count(self) -> int:
        return len(self._addresses)

    async def require(self) -> None:
        """Reach a node by both of its ports, and see that it is new enough. Asks each node once.

        Raises `StoreBusyError`, `ConfigurationError`.
        """
        error = StoreBusyError("")
        for address in tuple(self._addresses):
            try:
                return await self._ask(address, _require_grpc, _CONNECT_SECONDS)
            except MissingCollectionError:
                return None
            except StoreBusyError as away:
                error = away
                self._ask_last(address)
        raise error

    async def require_ready(self) -> None:
        """Raises `StoreBusyError` when the node that is asked is still starting."""
        if not await self.call(lambda client: client.is_ready()):
            raise StoreBusyError(f"Weaviate at {self.urls} is still starting.", "Try again in a moment.")

    async def call(self, work: Work[_T], *, seconds: float = READ_SECONDS) -> _T:
        """Do `work` with a node that answers; it may be done twice.

        Raises `StoreBusyError` when none does in time, another `LorekeeperError` for what one says.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        # A node that lives may hang: what waited for one that leads the cluster and dies is never answered.
        share = seconds if len(self._addresses) == 1 else seconds / _TRIES
        while True:
            for address in tuple(self._addresses):
                try:
                    return await self._ask(address, work, min(share, deadline - loop.time()))
                except StoreBusyError:
                    if loop.time() + _ROUND_SECONDS > deadline:
                        raise
                    self._ask_last(address)
            await asyncio.sleep(_ROUND_SECONDS)

    async def close(self) -> None:
        self._closed = True
        while self._clients:
            await self._clients.popitem()[1].close()

    def _ask_last(self, address: Address) -> None:
        if self._addresses[0] == address:
            self._addresses.append(self._addresses.pop(0))

    async def _ask(self, address: Address, work: Work[_T], seconds: float) -> _T:
        try:
            async with asyncio.timeout(seconds):
                client = await self._client(address)
                if len(self._addresses) == 1:
                    return await work(client)
                return await _while_it_lives(client, work)
        except LIBRARY_ERRORS as error:
            if is_away(error) and len(self._addresses) > 1:
                raise away_error(self.urls, error) from error
            raise store_error(address.url, error) from error

    async def _client(self, address: Address) -> WeaviateAsyncClient:
        if address not in self._clients:
            async with self._connecting[address]:
                if self._closed:
                    raise StoreError("The knowledge store is closed.")
                if address not in self._clients:
                    self._clients[address] = await _connected(address, self._api_key)
        return self._clients[address]


async def _connected(address: Address, api_key: str) -> WeaviateAsyncClient:
    client = WeaviateAsyncClient(
        connection_params=ConnectionParams.from_params(
            http_host=address.host,
            http_port=address.port,
            http_secure=address.secure,
            grpc_host=address.host,
            grpc_port=address.grpc_port,
            grpc_secure=address.secure,
        ),
        auth_client_secret=Auth.api_key(api_key) if api_key else None,
        additional_config=AdditionalConfig(
            timeout=Timeout(init=_CONNECT_SECONDS, query=READ_SECONDS, insert=WRITE_SECONDS),
            trust_env=address.secure,
            grpc_config=_grpc_config(secure=address.secure),
        ),
        # The library's own checks also ask PyPI for its newest version.
        skip_init_checks=True,
    )
    try:
        async with asyncio.timeout(_CONNECT_SECONDS):
            await client.connect()
            _require_version((await client.get_meta())["version"], address)
    except BaseException:
        await client.close()
        raise
    return client


def _require_version(version: str, address: Address) -> None:
    """Raises `ConfigurationError` for a server that is too old."""
    if tuple(int(part) for part in version.split(".")[:2]) < _OLDEST:
        oldest = ".".join(map(str, _OLDEST))
        raise ConfigurationError(
            f"Weaviate at {address.url} is {version}; collections have aliases from {oldest} on.",
            "Upgrade it; docs/deploy.md tells how.",
        )


def _grpc_config(*, secure: bool) -> GrpcConfig:
    """SSL_CERT_FILE names whom to trust, for gRPC as for everything else in Python."""
    authorities = os.environ.get("SSL_CERT_FILE") if secure else None
    roots = Path(authorities).read_bytes() if authorities else None
    return GrpcConfig(
        channel_options=_CHANNEL,
        credentials=ssl_channel_credentials(root_certificates=roots) if secure else None,
    )


async def _require_grpc(client: WeaviateAsyncClient) -> None:
    """The answer to a question about nothing comes by gRPC, which connecting does not try."""
    await client.collections.use("Lorekeeper_").query.fetch_objects(limit=1, return_properties=[])


async def _while_it_lives(client: WeaviateAsyncClient, work: Work[_T]) -> _T:
    """Do `work`. Raises `ConnectionError` as soon as the node is known to be gone."""
    task = asyncio.ensure_future(work(client))
    try:
        while not (await asyncio.wait({task}, timeout=_PATIENCE_SECONDS))[0]:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                await client.get_meta()
        return task.result()
    finally:
        if not task.done():
            task.cancel()
            await asyncio.wait({task})
