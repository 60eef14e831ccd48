"""The page on loopback: static files and one websocket a browser. It loads nothing from anywhere else."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from aiohttp import web

from tests.discord.loopback import Loopback
from tests.discord.page.browser import Browser

_STATIC: Final = Path(__file__).parent / "static"
_LARGEST_FRAME: Final = 16 * 1024 * 1024


class Site:
    """Shows one loopback Discord. Only pages of this very address may open its websocket."""

    def __init__(self, loopback: Loopback, *, port: int = 0) -> None:
        self._loopback = loopback
        self.port = port
        self._runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    async def start(self) -> None:
        app = web.Application()
        app.router.add_get("/", self._index)
        app.router.add_get("/socket", self._socket)
        app.router.add_static("/static", _STATIC)
        self._runner = web.AppRunner(app, handle_signals=False, shutdown_timeout=0.1, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port).start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    async def _index(self, _request: web.Request) -> web.FileResponse:
        return web.FileResponse(_STATIC / "index.html")

    async def _socket(self, request: web.Request) -> web.StreamResponse:
        """Another site open in the same browser must not act as a member."""
        if request.headers.get("Origin", self.url.rstrip("/")) not in self._origins():
            return web.Response(status=403)
        socket = web.WebSocketResponse(max_msg_size=_LARGEST_FRAME, heartbeat=20)
        await socket.prepare(request)
        await Browser(self._loopback, socket).serve()
        return socket

    def _origins(self) -> set[str]:
        return {f"http://{host}:{self.port}" for host in ("127.0.0.1", "localhost")}
