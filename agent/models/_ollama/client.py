"""The library's client with what Ollama's API has and the library's methods leave out.

Those methods cannot say that a prompt which is too long must not be cut, nor ask what a model's template
makes of messages; so the requests that need it are made here, through the library's own plumbing.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import httpx
from ollama import (
    AsyncClient,
    ChatResponse,
    EmbedResponse,
    GenerateResponse,
    ProgressResponse,
    ResponseError,
    ShowResponse,
)
from pydantic import BaseModel, Field

from agent.models.weights import sha256_of

_BLOCK = 1 << 20
"""Bytes."""

_WHOLE = {"truncate": False, "shift": False}
"""Unasked, Ollama takes the middle out of a prompt that is too long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tag:
    """A model that a server has."""

    name: str
    digest: str
    """sha256 of its manifest, hex."""
    size: int
    """Bytes."""
    quantization: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFacts:
    """What a server says of a model."""

    digest: str
    """sha256, hex, of all that decides what it answers: its weights by their digest, template, parameters."""
    weights: str
    """sha256 of its GGUF file, hex; empty when it does not say."""
    adapters: tuple[str, ...]
    """sha256 of each of its adapters, hex."""
    chats: bool
    embeds: bool
    thinks: bool
    parameters: int
    """0 when it does not say."""
    context_tokens: int
    """That it was trained for; 0 when it does not say."""


class _Version(BaseModel):
    version: str


class _DebugInfo(BaseModel):
    rendered_template: str


class _Rendered(BaseModel):
    debug_info: _DebugInfo = Field(alias="_debug_info")


class OllamaClient(AsyncClient):
    """Not bound to an event loop: no connection outlives its call, so that none is stale either.

    Raises what the library raises; `agent.models._ollama.errors.translated` is made for it.
    """

    def __init__(self, address: str, connect_seconds: float) -> None:
        super().__init__(
            address,
            timeout=httpx.Timeout(None, connect=connect_seconds),
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=0),
            # A proxy of the environment must not see what members say.
            trust_env=False,
        )

    async def version(self) -> str:
        """Asked first of all: anything may answer, which the library is not made to read."""
        reply = await self._client.get("/api/version")
        if reply.is_error:
            raise ResponseError(reply.reason_phrase, reply.status_code)
        return _Version.model_validate_json(reply.content).version

    async def tags(self) -> tuple[Tag, ...]:
        """The models it has."""
        return tuple(
            Tag(
                name=each.model or "",
                digest=each.digest or "",
                size=int(each.size or 0),
                quantization=(each.details.quantization_level if each.details else "") or "",
            )
            for each in (await self.list()).models
        )

    async def loaded(self) -> frozenset[str]:
        """The digests of the models that are in memory."""
        return frozenset(each.digest for each in (await self.ps()).models if each.digest)

    async def unload(self, model: str) -> None:
        """Have the server take a model out of memory once its calls have ended; loads nothing."""
        asked = {"model": model, "keep_alive": 0, "stream": False}
        await self._request(GenerateResponse, "POST", "/api/generate", json=asked)

    async def facts(self, model: str) -> ModelFacts:
        return _facts(await self.show(model))

    async def pulling(self, model: str) -> AsyncGenerator[ProgressResponse, None]:
        """Have the server fetch a model. Closing this stops it, and it keeps what it has."""
        steps = cast("AsyncGenerator[ProgressResponse, None]", await self.pull(model, stream=True))
        async with aclosing(steps):
            async for step in steps:
                yield step

    async def upload(self, path: Path) -> str:
        """Give the server a file; return the digest by which it knows it."""
        digest = await asyncio.to_thread(sha256_of, path)
        # A server that has it already answers before it has read, upon which sending fails.
        if not await self.has_blob(digest):
            await self.send_blob(path, digest)
        return f"sha256:{digest}"

    async def has_blob(self, digest: str) -> bool:
        """Whether the server has the file of this sha256."""
        reply = await self._client.head(f"/api/blobs/sha256:{digest}")
        return bool(reply.is_success)

    async def send_blob(self, path: Path, digest: str) -> None:
        """The library's own method would hash the file once more, within the event loop."""
        _require(await self._client.post(f"/api/blobs/sha256:{digest}", content=_blocks(path)))

    async def make(self, body: Mapping[str, Any]) -> None:
        """Make a model. The library's own method knows neither `renderer` nor `parser`."""
        await self._request(ProgressResponse, "POST", "/api/create", json={**body, "stream": False})

    async def shown(self, model: str) -> Mapping[str, Any]:
        """All that the server says of a model; the library leaves out its system prompt."""
        reply = _require(await self._client.post("/api/show", json={"model": model}))
        return cast("Mapping[str, Any]", reply.json())

    async def whole_chat(self, body: Mapping[str, Any]) -> AsyncGenerator[ChatResponse, None]:
        """Stream a reply to the whole prompt, or refuse it."""
        asked = {**body, **_WHOLE, "stream": True}
        parts = await self._request(ChatResponse, "POST", "/api/chat", json=asked, stream=True)
        return cast("AsyncGenerator[ChatResponse, None]", parts)

    async def rendered(self, body: Mapping[str, Any]) -> str:
        """Return the prompt that the model's own template makes of messages."""
        asked = {**body, **_WHOLE, "_debug_render_only": True}
        reply = await self._request(_Rendered, "POST", "/api/chat", json=asked)
        return reply.debug_info.rendered_template

    async def whole_completion(self, body: Mapping[str, Any]) -> GenerateResponse:
        asked = {**body, **_WHOLE, "stream": False}
        return await self._request(GenerateResponse, "POST", "/api/generate", json=asked)

    async def whole_embeddings(self, body: Mapping[str, Any]) -> Sequence[Sequence[float]]:
        asked = {**body, "truncate": False}
        return (await self._request(EmbedResponse, "POST", "/api/embed", json=asked)).embeddings

    async def close(self) -> None:
        await self._client.aclose()


def _require(reply: httpx.Response) -> httpx.Response:
    if reply.is_error:
        raise ResponseError(reply.text, reply.status_code)
    return reply


async def _blocks(path: Path) -> AsyncGenerator[bytes, None]:
    with path.open("rb") as file:
        while block := await asyncio.to_thread(file.read, _BLOCK):
            yield block


_HEADER = re.compile(r"\A(?:#.*\n)+")
_ORIGIN = re.compile(r"^(FROM|ADAPTER) .*(sha256-([0-9a-f]{64}))$", re.MULTILINE)


def _digest(modelfile: str) -> str:
    """The manifest's digest will not do: it holds the path of the server's folder when the model was made
    there, so that the same model is another on each server.
    """
    made_of = _ORIGIN.sub(r"\1 \2", _HEADER.sub("", modelfile))
    return hashlib.sha256(made_of.encode()).hexdigest()


def _facts(shown: ShowResponse) -> ModelFacts:
    said = shown.modelinfo or {}
    made_of = [(kind, digest) for kind, _, digest in _ORIGIN.findall(shown.modelfile or "")]
    architecture = said.get("general.architecture", "")
    can = set(shown.capabilities or ())
    return ModelFacts(
        digest=_digest(shown.modelfile or ""),
        weights=next((digest for kind, digest in made_of if kind == "FROM"), ""),
        adapters=tuple(digest for kind, digest in made_of if kind == "ADAPTER"),
        chats="completion" in can,
        embeds="embedding" in can,
        thinks="thinking" in can,
        parameters=int(said.get("general.parameter_count") or 0),
        context_tokens=int(said.get(f"{architecture}.context_length") or 0),
    )
