"""The gateway: hello, heartbeats, identify, resume, and the close codes that tell a client what it did wrong.

Frames go through one queue per socket, so that events arrive in the order in which they happened. With
`compress=zlib-stream` they are compressed as one stream, as Discord does.
"""

from __future__ import annotations

import asyncio
import json
import time
import zlib
from collections import deque
from enum import IntEnum
from typing import Any, Final

from aiohttp import WSMsgType, web

from tests.discord import payloads
from tests.discord.events import Event
from tests.discord.model import Json
from tests.discord.sessions import Session
from tests.discord.world import PRIVILEGED_INTENTS, World

_KNOWN_INTENTS: Final = (1 << 26) - 1
_FRAMES_A_MINUTE: Final = 120
_LARGEST_FRAME: Final = 4096
_MISSED_HEARTBEATS: Final = 1.5
_MEMBERS_INTENT: Final = 1 << 1
_MEMBERS_CHUNK: Final = 1000


class Op(IntEnum):
    DISPATCH = 0
    HEARTBEAT = 1
    IDENTIFY = 2
    PRESENCE = 3
    VOICE = 4
    RESUME = 6
    RECONNECT = 7
    REQUEST_MEMBERS = 8
    INVALID_SESSION = 9
    HELLO = 10
    HEARTBEAT_ACK = 11


class Close(IntEnum):
    UNKNOWN_OPCODE = 4001
    DECODE_ERROR = 4002
    NOT_AUTHENTICATED = 4003
    AUTHENTICATION_FAILED = 4004
    ALREADY_AUTHENTICATED = 4005
    INVALID_SEQUENCE = 4007
    RATE_LIMITED = 4008
    SESSION_TIMED_OUT = 4009
    INVALID_SHARD = 4010
    SHARDING_REQUIRED = 4011
    INVALID_VERSION = 4012
    INVALID_INTENTS = 4013
    DISALLOWED_INTENTS = 4014


class _ClosingError(Exception):
    """Ends a connection with a close code."""

    def __init__(self, code: Close) -> None:
        super().__init__(code.name)
        self.code = code


class Connection:
    """One socket of the bot, with a session once it identified or resumed."""

    def __init__(self, gateway: Gateway, request: web.Request, socket: web.WebSocketResponse) -> None:
        self._gateway = gateway
        self._world = gateway.world
        self._request = request
        self._socket = socket
        compressed = request.query.get("compress") == "zlib-stream"
        self._zlib = zlib.compressobj() if compressed else None
        self._outgoing: asyncio.Queue[Json] = asyncio.Queue()
        self._frames: deque[float] = deque(maxlen=_FRAMES_A_MINUTE)
        self._beaten = asyncio.Event()
        self._closed_here = False
        self.session: Session | None = None
        self.heartbeats = 0

    async def serve(self) -> None:
        """Until either side closes; the session stays for a resume unless the client ended it."""
        self.push(
            {"op": Op.HELLO, "d": {"heartbeat_interval": round(self._gateway.heartbeat_seconds * 1000)}}
        )
        sender = asyncio.create_task(self._send_all())
        watch = asyncio.create_task(self._watch_heartbeat())
        try:
            async for message in self._socket:
                if message.type in (WSMsgType.TEXT, WSMsgType.BINARY):
                    self._handle(message.data)
        except _ClosingError as closing:
            await self._socket.close(code=closing.code, message=closing.code.name.encode())
        finally:
            sender.cancel()
            watch.cancel()
            self._part()

    def push(self, frame: Json) -> None:
        self._outgoing.put_nowait(frame)

    async def close(self, code: int) -> None:
        self._closed_here = True
        await self._socket.close(code=code)

    def abort(self) -> None:
        """Cut the TCP connection without a goodbye."""
        if self._request.transport is not None:
            self._request.transport.abort()

    def _part(self) -> None:
        """A goodbye with 1000 or 1001 ends the session at once, as Discord does."""
        if self.session is None:
            return
        if self.session.send == self.push:
            self.session.send = None
        if self._socket.close_code in (1000, 1001) and not self._closed_here and not self._gateway.closing:
            self._gateway.forget(self.session)

    async def _send_all(self) -> None:
        """A frame that a dying socket no longer takes is in the session's memory."""
        while not self._socket.closed:
            text = json.dumps(await self._outgoing.get(), separators=(",", ":"))
            try:
                await self._send(text)
            except ConnectionError:
                return

    async def _send(self, text: str) -> None:
        if self._zlib is None:
            await self._socket.send_str(text)
            return
        data = self._zlib.compress(text.encode()) + self._zlib.flush(zlib.Z_SYNC_FLUSH)
        await self._socket.send_bytes(data)

    async def _watch_heartbeat(self) -> None:
        allowed = self._gateway.heartbeat_seconds * _MISSED_HEARTBEATS
        try:
            while True:
                await asyncio.wait_for(self._heartbeat(), allowed)
        except TimeoutError:
            await self.close(Close.SESSION_TIMED_OUT)

    async def _heartbeat(self) -> None:
        self._beaten.clear()
        await self._beaten.wait()

    def _handle(self, raw: str | bytes) -> None:
        self._check_rate()
        if len(raw) > _LARGEST_FRAME:
            raise _ClosingError(Close.DECODE_ERROR)
        try:
            frame = json.loads(raw)
            op, data = frame["op"], frame.get("d")
        except (ValueError, KeyError, TypeError):
            raise _ClosingError(Close.DECODE_ERROR) from None
        self._gateway.received.append(frame)
        if op == Op.HEARTBEAT:
            self._beat(data)
        elif op == Op.IDENTIFY:
            self._identify(data)
        elif op == Op.RESUME:
            self._resume(data)
        elif op in (Op.PRESENCE, Op.VOICE, Op.REQUEST_MEMBERS):
            if self.session is None:
                raise _ClosingError(Close.NOT_AUTHENTICATED)
            if op == Op.REQUEST_MEMBERS:
                self._send_members(self.session, data)
        else:
            raise _ClosingError(Close.UNKNOWN_OPCODE)

    def _check_rate(self) -> None:
        now = time.monotonic()
        if len(self._frames) == _FRAMES_A_MINUTE and now - self._frames[0] < 60:
            raise _ClosingError(Close.RATE_LIMITED)
        self._frames.append(now)

    def _beat(self, sequence: int | None) -> None:
        if self.session is not None and sequence is not None and sequence > self.session.sequence:
            raise _ClosingError(Close.INVALID_SEQUENCE)
        self._beaten.set()
        self.heartbeats += 1
        self._world.events.touch()
        self.push({"op": Op.HEARTBEAT_ACK, "d": None})

    def _identify(self, data: Json) -> None:
        if self.session is not None:
            raise _ClosingError(Close.ALREADY_AUTHENTICATED)
        self._check_token(data)
        intents = data["intents"]
        if intents & ~_KNOWN_INTENTS:
            raise _ClosingError(Close.INVALID_INTENTS)
        if intents & PRIVILEGED_INTENTS & ~self._world.application.allowed_intents:
            raise _ClosingError(Close.DISALLOWED_INTENTS)
        number, count = data.get("shard") or (0, 1)
        if not 0 <= number < count:
            raise _ClosingError(Close.INVALID_SHARD)
        if self._gateway.requires_sharding and count == 1:
            raise _ClosingError(Close.SHARDING_REQUIRED)
        self.session = self._gateway.open_session(
            Session(world=self._world, intents=intents, shard=(number, count), sharded="shard" in data)
        )
        self.session.send = self.push
        self.session.ready(self._gateway.url)
        self._world.events.touch()

    def _check_token(self, data: Json) -> None:
        if str(data.get("token", "")).removeprefix("Bot ") != self._world.application.token:
            raise _ClosingError(Close.AUTHENTICATION_FAILED)

    def _resume(self, data: Json) -> None:
        self._check_token(data)
        session = self._gateway.sessions.get(data["session_id"])
        if session is None or not session.can_replay(data["seq"]):
            self.push({"op": Op.INVALID_SESSION, "d": False})
            return
        self.session = session
        session.send = self.push
        session.resume(data["seq"])
        self._gateway.resumes += 1
        self._world.events.touch()

    def _send_members(self, session: Session, data: Json) -> None:
        """By name or by ids without the members intent; all of them only with it."""
        if not data.get("user_ids") and not data.get("query") and not session.intents & _MEMBERS_INTENT:
            raise _ClosingError(Close.DISALLOWED_INTENTS)
        guild = self._world.guild(int(data["guild_id"]))
        ids = data.get("user_ids")
        wanted = {int(one) for one in ([ids] if isinstance(ids, str) else ids or [])}
        query = (data.get("query") or "").lower()
        chosen = [
            payloads.member(membership)
            for membership in guild.members.values()
            if (membership.user.id in wanted if wanted else membership.user.name.lower().startswith(query))
        ]
        pages = [chosen[at : at + _MEMBERS_CHUNK] for at in range(0, len(chosen), _MEMBERS_CHUNK)] or [[]]
        for index, page in enumerate(pages):
            body = {
                "guild_id": data["guild_id"],
                "members": page,
                "chunk_index": index,
                "chunk_count": len(pages),
            }
            session.dispatch("GUILD_MEMBERS_CHUNK", body | {"nonce": data.get("nonce"), "not_found": []})


class Gateway:
    """All sockets and sessions of the bot, and the faults that a script plays on them."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.url = ""
        self.heartbeat_seconds = 41.25
        self.requires_sharding = False
        self.refusing = False
        self.closing = False
        self.sessions: dict[str, Session] = {}
        self.connections: list[Connection] = []
        self.received: list[Json] = []
        """Every frame that the bot sent."""
        self.identifies = 0
        self.resumes = 0
        world.events.listen(self._deliver)

    @property
    def connected(self) -> bool:
        """Whether a session is being served."""
        return any(session.send is not None for session in self.sessions.values())

    def open_session(self, session: Session) -> Session:
        """A new one; those of the same shard that nobody serves are given up, as Discord does later."""
        for old in tuple(self.sessions.values()):
            if old.send is None and old.shard == session.shard:
                del self.sessions[old.id]
        self.sessions[session.id] = session
        self.identifies += 1
        return session

    def forget(self, session: Session) -> None:
        self.sessions.pop(session.id, None)
        self.world.events.touch()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """The route of the websocket."""
        if self.refusing:
            return web.Response(status=503)
        socket = web.WebSocketResponse(max_msg_size=1 << 20)
        await socket.prepare(request)
        if request.query.get("v", "10") != "10":
            await socket.close(code=Close.INVALID_VERSION)
            return socket
        connection = Connection(self, request, socket)
        self.connections.append(connection)
        try:
            await connection.serve()
        finally:
            self.connections.remove(connection)
            self.world.events.touch()
        return socket

    def ask_reconnect(self) -> None:
        """Op 7: each client closes and resumes."""
        for connection in self.connections:
            connection.push({"op": Op.RECONNECT, "d": None})

    def invalidate(self, *, resumable: bool) -> None:
        """Op 9: each client resumes, or begins anew with its session forgotten."""
        for connection in self.connections:
            if not resumable and connection.session is not None:
                self.sessions.pop(connection.session.id, None)
                connection.session.send = None
            connection.push({"op": Op.INVALID_SESSION, "d": resumable})

    async def close_all(self, code: int = 4000) -> None:
        """Close every socket with a code; 4000 lets the client resume."""
        await asyncio.gather(*(connection.close(code) for connection in tuple(self.connections)))

    def repeat(self, name: str) -> None:
        """Tell the last event of this name again, as a resume in the wrong moment does."""
        for session in self.sessions.values():
            told = [frame["d"] for frame in session.sent if frame["t"] == name]
            if told:
                session.dispatch(name, told[-1])

    def cut(self) -> None:
        """Abort every socket, as when the network fails."""
        for connection in tuple(self.connections):
            connection.abort()

    def _deliver(self, event: Event) -> None:
        for session in tuple(self.sessions.values()):
            session.deliver(event)

    def frames(self, op: Op) -> list[Any]:
        """The data of every frame of this kind that the bot sent."""
        return [frame["d"] for frame in self.received if frame["op"] == op]
