"""Whether the bot is well, over HTTP for those that watch it: /healthz, /readyz and /metrics.

/healthz answers while the event loop runs. /readyz answers 200 when every server and file that the settings
name answers, else 503, and says which do not. /metrics is for Prometheus.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Final

from aiohttp import web
from prometheus_client.exposition import choose_encoder

from agent.contracts import LOCAL_GUILD
from agent.errors import ConfigurationError, LorekeeperError
from agent.observing import metrics

if TYPE_CHECKING:
    from agent.runtime import Installation
    from agent.settings import Settings
    from bot.shards import ShardState

Check = Callable[[], Awaitable[object]]
"""Returns when a part answers; raises `LorekeeperError` when it does not."""

_CHECK_SECONDS: Final = 3.0
_KEPT_SECONDS: Final = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    ready: bool
    said: str = ""
    """What is wrong."""
    todo: str = ""


class Readiness:
    """Asks each part, all at once and each within a deadline.

    What was found is kept for some seconds, and one asking serves everybody who waits: however often the
    endpoint is called, the parts are not called more often than that.
    """

    def __init__(
        self,
        checks: Mapping[str, Check],
        *,
        check_seconds: float = _CHECK_SECONDS,
        kept_seconds: float = _KEPT_SECONDS,
    ) -> None:
        self._checks = checks
        self._check_seconds = check_seconds
        self._kept_seconds = kept_seconds
        self._asking = asyncio.Lock()
        self._found: Mapping[str, Part] = {}
        self._asked_at = float("-inf")

    async def parts(self) -> Mapping[str, Part]:
        async with self._asking:
            if time.monotonic() - self._asked_at >= self._kept_seconds:
                found = await asyncio.gather(*map(self._part, self._checks.values()))
                self._found = dict(zip(self._checks, found, strict=True))
                self._asked_at = time.monotonic()
                for name, part in self._found.items():
                    metrics.set_ready(name, part.ready)
            return self._found

    async def _part(self, check: Check) -> Part:
        try:
            async with asyncio.timeout(self._check_seconds):
                await check()
        except LorekeeperError as error:
            return Part(ready=False, said=str(error), todo=error.hint)
        except TimeoutError:
            return Part(ready=False, said=f"It did not answer within {self._check_seconds:g} s.")
        return Part(ready=True)


class HealthServer:
    """Serves while it is open, where the settings say; nothing when `LOREKEEPER_HEALTH_PORT` is 0.

    Entering raises `ConfigurationError` when the address cannot be used.
    """

    def __init__(
        self,
        settings: Settings,
        checks: Mapping[str, Check],
        shards: Callable[[], Sequence[ShardState]] = tuple,
    ) -> None:
        """`shards` says how each is connected; /readyz shows it."""
        self._settings = settings
        self._shards = shards
        self._readiness = Readiness(checks)
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> HealthServer:
        host, port = self._settings.health_host, self._settings.health_port
        if not port:
            return self
        self._runner = web.AppRunner(self._app(), access_log=None, handle_signals=False)
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, host, port).start()
        except OSError as error:
            await self._runner.cleanup()
            raise ConfigurationError(
                f"The health endpoints cannot be served at {host}:{port}: {error.strerror}.",
                "Choose another LOREKEEPER_HEALTH_PORT; 0 serves none.",
            ) from error
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    def _app(self) -> web.Application:
        app = web.Application()
        app.add_routes(
            [
                web.get("/healthz", _healthz),
                web.get("/readyz", self._readyz),
                web.get("/metrics", self._metrics),
            ]
        )
        return app

    async def _readyz(self, request: web.Request) -> web.Response:
        parts = await self._readiness.parts()
        ready = all(part.ready for part in parts.values())
        body = {
            "ready": ready,
            "parts": {name: asdict(part) for name, part in parts.items()},
            "shards": [asdict(shard) for shard in self._shards()],
        }
        return web.json_response(body, status=200 if ready else 503)

    async def _metrics(self, request: web.Request) -> web.Response:
        await self._readiness.parts()  # which sets a metric
        encode, content_type = choose_encoder(request.headers.get("Accept", ""))
        return web.Response(body=encode(metrics.REGISTRY), headers={"Content-Type": content_type})


def checks_of(installation: Installation) -> Mapping[str, Check]:
    """What has to answer for questions to be answered. Models in this process cannot be away."""
    settings, stores = installation.settings, installation.stores
    checks: dict[str, Check] = {
        "database": lambda: stores.catalog.revision(LOCAL_GUILD),
        "knowledge": lambda: stores.store.count(LOCAL_GUILD),
    }
    if settings.ollama_host:
        from agent.models.ollama_models import check_ollama

        checks["ollama"] = lambda: check_ollama(settings)
    return checks


async def _healthz(request: web.Request) -> web.Response:
    return web.json_response({"healthy": True})
