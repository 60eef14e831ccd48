"""An embedder on Ollama servers.

A text that is longer than the model reads is cut to its beginning here, by halves until it fits, and the log
tells it: left to itself, Ollama cuts without a word.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextlib import suppress
from functools import partial

import numpy as np

from agent.contracts import ModelInfo
from agent.errors import ModelBrokenError, ModelError
from agent.models._ollama.config import ENGINE, OllamaConfig
from agent.models._ollama.errors import TooLongError
from agent.models._ollama.pool import OllamaPool
from agent.models._ollama.server import OllamaServer
from agent.models._ollama.texts import texts_of
from agent.models.protocol import EmbedKind, Vectors
from agent.models.space import unit

_log = logging.getLogger(__name__)

_BATCH_TEXTS = 16
"""A batch bounds how long a question waits behind an ingest."""

_CHARACTERS_A_TOKEN = 8
"""A text of more cannot fit, and need not be sent to learn that."""


class OllamaEmbedder:
    """An `Embedder`. Not bound to an event loop."""

    def __init__(self, pool: OllamaPool, config: OllamaConfig, dimension: int) -> None:
        self._pool = pool
        self._config = config
        self._dimension = dimension
        self._texts = texts_of(config.model)
        trained_for = pool.facts.context_tokens or config.context_tokens
        self._info = ModelInfo(
            name=config.model,
            engine=ENGINE,
            engine_version=pool.version,
            digest=pool.facts.digest,
            parameters=pool.facts.parameters,
            context_tokens=min(config.context_tokens, trained_for),
        )

    @classmethod
    async def open(cls, config: OllamaConfig) -> OllamaEmbedder:
        """Find servers that have the model and see how long its vectors are. Raises `ModelError`."""
        pool = await OllamaPool.open(config)
        try:
            return cls(pool, config, await _dimension(pool, config.model))
        except ModelError:
            await pool.close()
            raise

    @property
    def info(self) -> ModelInfo:
        return self._info

    @property
    def dimension(self) -> int:
        return self._dimension

    async def embed(self, texts: Sequence[str], kind: EmbedKind) -> Vectors:
        """See `Embedder.embed`. Raises `ModelBrokenError` when the model is another than the one opened."""
        ready = [self._texts.of(self._readable(text), kind) for text in texts]
        rows: list[Sequence[float]] = []
        for start in range(0, len(ready), _BATCH_TEXTS):
            rows += await self._fitted(ready[start : start + _BATCH_TEXTS])
        return self._checked(rows)

    async def close(self) -> None:
        """Stop every call; the servers keep the model for as long as the setting says."""
        await self._pool.close()

    def _readable(self, text: str) -> str:
        """A text of no token at all has no vector; a full stop stands for it."""
        most = self._info.context_tokens * _CHARACTERS_A_TOKEN
        clean = text[:most].replace("\0", " ").encode("utf-8", "replace").decode("utf-8")
        return clean if clean.strip() else "."

    async def _fitted(self, texts: Sequence[str]) -> Sequence[Sequence[float]]:
        try:
            return await self._pool.call(lambda server: server.embed(texts))
        except TooLongError:
            if len(texts) > 1:
                return [row for text in texts for row in await self._fitted([text])]
        return [await self._cut(texts[0])]

    async def _cut(self, text: str) -> Sequence[float]:
        _log.info("a text is cut to what %s reads: %d tokens", self.info.name, self.info.context_tokens)
        while True:
            text = text[: len(text) // 2]
            with suppress(TooLongError):
                return (await self._pool.call(partial(_embedded, text)))[0]

    def _checked(self, rows: Sequence[Sequence[float]]) -> Vectors:
        self._refuse_another()
        if not rows:
            return np.empty((0, self._dimension), np.float32)
        if {len(row) for row in rows} != {self._dimension}:
            raise self._changed(f"its vectors have {len(rows[0])} numbers instead of {self._dimension}")
        vectors = np.asarray(rows, np.float32)
        if not np.isfinite(vectors).all():
            raise ModelError(f"{self.info.name} gave a vector that is not of numbers.")
        return unit(vectors)

    def _refuse_another(self) -> None:
        if self._pool.facts.digest != self._info.digest:
            raise self._changed(f"it is {self._pool.facts.digest[:12]} now")

    def _changed(self, how: str) -> ModelBrokenError:
        return ModelBrokenError(
            f"The embedder {self.info.name} changed while it was in use: {how}.",
            "Start again, and make a new index: lorekeeper index build",
        )


async def _dimension(pool: OllamaPool, model: str) -> int:
    if not pool.facts.embeds:
        raise ModelError(
            f"{model} is not for embeddings.",
            "See `lorekeeper models list` for models that are fit for them.",
        )
    return len((await pool.call(partial(_embedded, ".")))[0])


async def _embedded(text: str, server: OllamaServer) -> Sequence[Sequence[float]]:
    return await server.embed([text])
