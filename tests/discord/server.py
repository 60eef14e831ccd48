"""The loopback Discord on one port: REST under /api/v10, the gateway, and the CDN of attachments.

Every REST request passes the same gates as on Discord: a script's fault, the token, the route (an unknown
one is recorded and fails the test), the rate limit; then the rules decide. The answers have exactly the
content type that discord.py compares with, and 204 has none.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

from aiohttp import BodyPartReader, web

from tests.discord import rest_channels, rest_guilds, rest_interactions, rest_messages
from tests.discord.commands import Registry
from tests.discord.errors import DiscordError, invalid_form, unauthorized
from tests.discord.faults import Fault, Faults
from tests.discord.gateway import Gateway
from tests.discord.limits import Limits
from tests.discord.messages import Upload
from tests.discord.model import Json
from tests.discord.rest import Body, Call, Route
from tests.discord.world import World

API: Final = "/api/v10"
_LARGEST_REQUEST: Final = 64 * 1024 * 1024
_VIA: Final = {"Via": "1.1 loopback"}
_ROUTES: Final = (
    *rest_messages.ROUTES.routes,
    *rest_channels.ROUTES.routes,
    *rest_guilds.ROUTES.routes,
    *rest_interactions.ROUTES.routes,
)


class Server:
    """Serves one world. `start` binds a free port of 127.0.0.1, which an outage keeps.

    `commands` is the file in which registered commands outlive it.
    """

    def __init__(self, world: World, *, port: int = 0, commands: Path | None = None) -> None:
        self.world = world
        self.gateway = Gateway(world)
        self.limits = Limits()
        self.faults = Faults()
        self.registry = Registry(world, commands)
        self.port = port
        self._runner: web.AppRunner | None = None

    @property
    def base_url(self) -> str:
        """For `LOREKEEPER_DISCORD_API`: where REST begins."""
        return f"http://127.0.0.1:{self.port}{API}"

    @property
    def gateway_url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/gateway"

    @property
    def cdn_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/cdn"

    @property
    def environment(self) -> Mapping[str, str]:
        """What a bot process needs in its environment to connect here."""
        return {
            "LOREKEEPER_DISCORD_API": self.base_url,
            "DISCORD_TOKEN": self.world.application.token,
        }

    async def start(self) -> None:
        app = web.Application(client_max_size=_LARGEST_REQUEST)
        app.router.add_get("/gateway", self.gateway.handle)
        app.router.add_get("/gateway/", self.gateway.handle)
        app.router.add_get("/cdn/attachments/{channel}/{attachment}/{name}", self._attachment)
        app.router.add_route("*", "/{path:.*}", self._rest)
        self._runner = web.AppRunner(app, handle_signals=False, shutdown_timeout=0.1, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port)
        await site.start()
        self.port = self._runner.addresses[0][1]
        self.gateway.url = self.gateway_url
        self.world.cdn_url = self.cdn_url

    async def stop(self) -> None:
        if self._runner is None:
            return
        self.gateway.closing = True
        self.gateway.cut()
        await self._runner.cleanup()
        self.gateway.closing = False
        self._runner = None

    @asynccontextmanager
    async def outage(self) -> AsyncIterator[None]:
        """No connection is accepted and every open one is cut; the world and its sessions stay."""
        await self.stop()
        try:
            yield
        finally:
            await self.start()

    async def _rest(self, request: web.Request) -> web.StreamResponse:
        path = request.path
        line = f"{request.method} {path.removeprefix(API)}"
        self.world.records.requests.append(line)
        fault = self.faults.take(line)
        if fault is not None and not fault.after:
            await self._play(request, fault)
            if fault.kind == "status":
                return web.Response(status=fault.status, text="upstream error")
        try:
            response = await self._answer(request, path)
        except DiscordError as error:
            self.world.records.errors.append(f"{line} -> {error.status} {error.code}")
            response = _json(error.payload(), error.status, _VIA if error.status == 429 else {})
        if fault is not None and fault.after:
            await self._play(request, fault)
            return web.Response(status=fault.status, text="upstream error")
        return response

    async def _play(self, request: web.Request, fault: Fault) -> None:
        if fault.kind == "delay":
            await asyncio.sleep(fault.seconds)
        elif fault.kind == "drop" and request.transport is not None:
            request.transport.abort()
            raise web.HTTPServiceUnavailable

    async def _answer(self, request: web.Request, path: str) -> web.Response:
        route, arguments = self._find(request.method, path)
        if route is None:
            self.world.records.unknown_routes.append(f"{request.method} {path}")
            self.world.events.touch()
            raise DiscordError(404, 0, "404: Not Found")
        if not route.for_anyone:
            self._check_token(request)
        verdict = self.limits.take(route.bucket, route.major(arguments), counts_globally=not route.for_anyone)
        if not verdict.allowed:
            self.world.records.errors.append(f"{request.method} {path.removeprefix(API)} -> 429")
            body = {"message": "You are being rate limited.", "retry_after": verdict.retry_after}
            return _json(body | {"global": verdict.is_global}, 429, {**verdict.headers, **_VIA})
        answer = self._handle(route, await self._call(request, arguments), f"{request.method} {path}")
        if answer is None:
            return web.Response(status=204, headers=verdict.headers)
        return _json(answer, route.status, verdict.headers)

    def _handle(self, route: Route, call: Call, line: str) -> Body:
        """A body of the wrong shape is the client's fault, and fails the test by its record."""
        try:
            return route.handler(call)
        except (KeyError, TypeError, ValueError) as error:
            self.world.records.malformed.append(f"{line}: {error!r}")
            raise invalid_form("body", "MALFORMED", repr(error)) from error

    def _find(self, method: str, path: str) -> tuple[Route | None, Mapping[str, str]]:
        if path.startswith(API):
            for route in _ROUTES:
                if route.method == method and (match := route.pattern.fullmatch(path, len(API))):
                    return route, match.groupdict()
        return None, {}

    def _check_token(self, request: web.Request) -> None:
        if request.headers.get("Authorization") != f"Bot {self.world.application.token}":
            raise unauthorized()

    async def _call(self, request: web.Request, arguments: Mapping[str, str]) -> Call:
        body, files = await _read(request)
        return Call(
            world=self.world,
            registry=self.registry,
            gateway_url=self.gateway_url,
            path=arguments,
            query=request.query,
            body=body,
            files=files,
        )

    async def _attachment(self, request: web.Request) -> web.Response:
        attachment = self.world.attachments.get(int(request.match_info["attachment"]))
        if attachment is None or attachment.filename != request.match_info["name"]:
            return web.Response(status=404, text="This content is no longer available.")
        return web.Response(body=attachment.content, content_type=attachment.content_type.partition(";")[0])


def _json(body: Body, status: int, headers: Mapping[str, str]) -> web.Response:
    """Without a charset: discord.py compares the content type as a whole."""
    data = json.dumps(body).encode()
    return web.Response(body=data, status=status, headers={**headers, "Content-Type": "application/json"})


async def _read(request: web.Request) -> tuple[Any, list[Upload]]:
    """JSON, or a form whose part `payload_json` is it and whose other parts are files."""
    if request.content_type == "multipart/form-data":
        return await _read_form(request)
    raw = await request.read()
    if not raw:
        return {}, []
    try:
        return json.loads(raw), []
    except ValueError:
        raise DiscordError(400, 50109, "The request body contains invalid JSON.") from None


async def _read_form(request: web.Request) -> tuple[Json, list[Upload]]:
    body: Json = {}
    files: list[tuple[str, Upload]] = []
    async for part in await request.multipart():
        if not isinstance(part, BodyPartReader) or part.name is None:
            raise invalid_form("files", "FORM_PART", "Must be a file.")
        content = bytes(await part.read(decode=True))
        if part.name == "payload_json":
            body = json.loads(content)
            continue
        kind = part.headers.get("Content-Type", "application/octet-stream")
        name = part.filename or "file"
        files.append((part.name, Upload(filename=name, content=content, content_type=kind)))
    return body, [upload for _, upload in sorted(files, key=lambda item: item[0])]
