"""A pooler before PostgreSQL, as PgBouncer is in its transaction mode.

Each transaction of a client runs on whichever connection to the server is next, so nothing that belongs to a
session is there in the next one: prepared statements, settings, temporary tables, locks. Parameters at the
start of a session that it cannot carry over are refused, in PgBouncer's words. It knows what the tests need
of the protocol (https://www.postgresql.org/docs/current/protocol-message-formats.html): no TLS, no COPY, and
Flush only after Describe; towards the server it is the superuser, whom the test server trusts.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

_SSL_REQUEST: Final = 80877103
_PROTOCOL: Final = 3 << 16
_CARRIED: Final = frozenset(
    {"user", "database", "application_name", "client_encoding", "DateStyle", "TimeZone"}
)
_LOGGED_IN: Final = b"R" + struct.pack("!ii", 8, 0)
_ENDS: Final = {b"S": b"Z", b"Q": b"Z", b"H": b"TnE"}
"""What ends the answer to a message that is answered at once: ReadyForQuery to Sync and Query; to Flush the
description of rows, that there are none, or an error."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Server:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    greeting: bytes
    """Its parameters and ReadyForQuery, which a client hears too."""


class _Pooler:
    def __init__(self, servers: Sequence[_Server]) -> None:
        self._idle: asyncio.Queue[_Server] = asyncio.Queue()
        self._greeting = servers[0].greeting
        for server in servers:
            self._idle.put_nowait(server)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if refused := await _start(reader, writer):
                message = f"SFATAL\0C08P01\0Munsupported startup parameter: {refused}\0\0".encode()
                writer.write(b"E" + struct.pack("!i", len(message) + 4) + message)
            else:
                writer.write(_LOGGED_IN + self._greeting)
                while await self._transaction(reader, writer):
                    pass
        except (asyncio.IncompleteReadError, ConnectionResetError):
            return
        finally:
            writer.close()

    async def _transaction(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Carry one transaction; False when the client says good-bye instead."""
        kind, message = await _message(reader)
        if kind == b"X":
            return False
        server = await self._idle.get()
        while True:
            server.writer.write(message)
            if kind in _ENDS and await _answer(server, writer, _ENDS[kind]) == b"ZI":
                break
            kind, message = await _message(reader)
        self._idle.put_nowait(server)
        return True


@asynccontextmanager
async def open_pooler(server_port: int, database: str, connections: int = 2) -> AsyncIterator[int]:
    """Open a pooler before a database of the server on this port; gives the port for clients."""
    servers = [await _connected(server_port, database) for _ in range(connections)]
    listener = await asyncio.start_server(_Pooler(servers).serve, "127.0.0.1", 0)
    try:
        yield listener.sockets[0].getsockname()[1]
    finally:
        listener.close()
        for server in servers:
            server.writer.close()


async def _connected(port: int, database: str) -> _Server:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    startup = f"user\0postgres\0database\0{database}\0\0".encode()
    writer.write(struct.pack("!ii", len(startup) + 8, _PROTOCOL) + startup)
    greeting = b""
    kind = b""
    while kind != b"Z":
        kind, message = await _message(reader)
        greeting += message if kind in {b"S", b"Z"} else b""
    return _Server(reader=reader, writer=writer, greeting=greeting)


async def _start(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> str:
    """Read how a client introduces itself; return a parameter that cannot be carried, if it has one."""
    length, code = struct.unpack("!ii", await reader.readexactly(8))
    if code == _SSL_REQUEST:
        writer.write(b"N")
        length, code = struct.unpack("!ii", await reader.readexactly(8))
    assert code == _PROTOCOL
    words = (await reader.readexactly(length - 8)).decode().rstrip("\0").split("\0")
    return next((name for name in words[::2] if name not in _CARRIED), "")


async def _answer(server: _Server, writer: asyncio.StreamWriter, ends: bytes) -> bytes:
    """Pass on the answer and return what ended it; `ZI` means that the transaction has ended too."""
    while True:
        kind, message = await _message(server.reader)
        writer.write(message)
        if kind in ends:
            await writer.drain()
            return kind + message[-1:]


async def _message(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    head = await reader.readexactly(5)
    return head[:1], head + await reader.readexactly(struct.unpack("!i", head[1:])[0] - 4)
