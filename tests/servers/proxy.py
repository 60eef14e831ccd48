"""A TCP proxy before a real server that delays, falls silent, refuses or cuts, as networks do.

It knows nothing of what it carries, so it stands before HTTP, gRPC and PostgreSQL alike. A server that is
away behind it looks as behind any other: the connection is made and reset. For a port on which nothing
listens, stop the server itself and go to it directly.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Final, Literal, TypeAlias, TypeVar

Mode: TypeAlias = Literal["pass", "silent", "refuse"]

_T = TypeVar("_T")
_Pair: TypeAlias = tuple[_T, _T]

_CHUNK_BYTES: Final = 64 * 1024
_RESET_ON_CLOSE: Final = struct.pack("ii", 1, 0)
"""SO_LINGER on, for zero seconds: close sends RST and drops what was not yet sent."""


class Proxy:
    """Listens on the loopback. Every attribute may be changed while connections are open."""

    def __init__(self, host: str, port: int) -> None:
        self.port = 0
        """Where clients connect, on 127.0.0.1."""
        self.delay = 0.0
        """Seconds before each chunk towards the client."""
        self._server = (host, port)
        self._mode: Mode = "pass"
        self._carrying = asyncio.Event()
        self._carrying.set()
        self._open: set[_Connection] = set()

    @property
    def mode(self) -> Mode:
        """`silent` accepts and holds all bytes, in both directions and on open connections too, until it is
        `pass` again. `refuse` resets new connections; open ones go on until `cut`.
        """
        return self._mode

    @mode.setter
    def mode(self, mode: Mode) -> None:
        self._mode = mode
        if mode == "silent":
            self._carrying.clear()
        else:
            self._carrying.set()

    @property
    def connections(self) -> int:
        """How many clients are connected."""
        return len(self._open)

    async def cut(self) -> None:
        """Reset every open connection, on both sides, wherever it is; what was on its way is lost."""
        cut = tuple(self._open)
        for connection in cut:
            connection.reset()
        await asyncio.gather(*(connection.ended.wait() for connection in cut))

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry one connection until either side ends it."""
        if self._mode == "refuse":
            _reset(writer)
            return
        try:
            server_reader, server_writer = await asyncio.open_connection(*self._server)
        except OSError:
            _reset(writer)
            return
        connection = _Connection(
            (writer, server_writer),
            (self._copy(reader, server_writer), self._copy(server_reader, writer, towards_client=True)),
        )
        self._open.add(connection)
        await connection.carry()
        self._open.remove(connection)
        connection.ended.set()

    async def _copy(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, towards_client: bool = False
    ) -> None:
        while chunk := await reader.read(_CHUNK_BYTES):
            if towards_client and self.delay:
                await asyncio.sleep(self.delay)
            await self._carrying.wait()
            writer.write(chunk)
            await writer.drain()


class _Connection:
    """Both halves of a client's connection: towards the server and back."""

    def __init__(self, ends: _Pair[asyncio.StreamWriter], ways: _Pair[Coroutine[None, None, None]]) -> None:
        self.ended = asyncio.Event()
        self._ends = ends
        self._ways = tuple(asyncio.create_task(way) for way in ways)

    async def carry(self) -> None:
        """Wait until one way has come to its end, then close both."""
        await asyncio.wait(self._ways, return_when=asyncio.FIRST_COMPLETED)
        for way in self._ways:
            way.cancel()
        # A side that resets its connection is nothing to report: faults are what this is for.
        await asyncio.gather(*self._ways, return_exceptions=True)
        for end in self._ends:
            end.close()

    def reset(self) -> None:
        for end in self._ends:
            _reset(end)
        for way in self._ways:
            way.cancel()


@asynccontextmanager
async def open_proxy(host: str, port: int) -> AsyncIterator[Proxy]:
    """Open a proxy before the server at `host` and `port`, which need not run yet."""
    proxy = Proxy(host, port)
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
        await proxy.cut()
        await server.wait_closed()


def _reset(writer: asyncio.StreamWriter) -> None:
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
    writer.transport.abort()
