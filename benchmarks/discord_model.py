"""A door before a real Ollama that notes when each chat request comes, and can answer by itself, at once.

What a bot does before it asks its model is seen here, on the wire. Where the door answers by itself the
models take no time, so that nothing of what is measured is theirs: a chat is "I don't know", and a vector the
one that Ollama gave for the same question before.
"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, Final

import aiohttp
from aiohttp import web

from agent.answering.prompts import UNKNOWN

_CHAT: Final = "/api/chat"
_EMBED: Final = "/api/embed"
NUMBER: Final = re.compile(r" \(\d+\)")
"""What may tell two questions apart and makes no other vector here."""
_NOT_PASSED_ON: Final = {"transfer-encoding", "content-length", "content-encoding", "connection", "host"}


class Door:
    """Passes everything on, but for chats and for vectors that it knows when `instant`."""

    def __init__(self, server: str, *, instant: bool) -> None:
        self.url = ""
        self.asked: list[tuple[datetime, str]] = []
        """When each chat request came, and its last message."""
        self._server = server
        self._instant = instant
        self._vectors: dict[str, Any] = {}
        self._session: aiohttp.ClientSession | None = None

    def first_asked(self, question: str) -> datetime | None:
        """When the model was first asked this."""
        return next((at for at, said in self.asked if question in said), None)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        at, body = datetime.now(UTC), await request.read()
        if request.path == _CHAT:
            asked = json.loads(body)
            if asked.get("messages") and not asked.get("_debug_render_only"):
                self.asked.append((at, asked["messages"][-1]["content"]))
                if self._instant:
                    return await _answer(request, asked)
        if request.path == _EMBED and self._instant:
            return await self._embed(json.loads(body))
        return await self._pass_on(request, body)

    async def _embed(self, asked: dict[str, Any]) -> web.Response:
        assert self._session is not None
        keys = [f"{asked['model']}: {NUMBER.sub('', text)}" for text in asked["input"]]
        if any(key not in self._vectors for key in keys):
            async with self._session.post(self._server + _EMBED, json=asked) as answer:
                answer.raise_for_status()
                self._vectors.update(zip(keys, (await answer.json())["embeddings"], strict=True))
        return web.json_response(
            {"model": asked["model"], "embeddings": [self._vectors[key] for key in keys]}
        )

    async def _pass_on(self, request: web.Request, body: bytes) -> web.StreamResponse:
        assert self._session is not None
        url = self._server + request.path_qs
        async with self._session.request(
            request.method, url, data=body, headers=_passed_on(request.headers)
        ) as answer:
            response = web.StreamResponse(status=answer.status, headers=_passed_on(answer.headers))
            await response.prepare(request)
            async for part in answer.content.iter_any():
                await response.write(part)
            return response

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Door]:
        app = web.Application(client_max_size=1 << 26)
        app.router.add_route("*", "/{path:.*}", self.handle)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        try:
            async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout()) as self._session:
                yield self
        finally:
            await runner.cleanup()


def _passed_on(headers: Any) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name.lower() not in _NOT_PASSED_ON}


async def _answer(request: web.Request, asked: dict[str, Any]) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "application/x-ndjson"})
    await response.prepare(request)
    for content, end in ((_words(asked), {"done": False}), ("", {"done": True, "done_reason": "stop"})):
        part = {
            "model": asked["model"],
            "created_at": datetime.now(UTC).isoformat(),
            "message": {"role": "assistant", "content": content},
            **end,
        }
        await response.write(json.dumps(part).encode() + b"\n")
    return response


def _words(asked: dict[str, Any]) -> str:
    """ "I don't know", or in the form that was asked for what was said last."""
    fields = (asked.get("format") or {}).get("required")
    return json.dumps(dict.fromkeys(fields, asked["messages"][-1]["content"])) if fields else UNKNOWN
