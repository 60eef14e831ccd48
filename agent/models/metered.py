"""Models that tell what they cost, to the question's meter and the metrics; an embedder that remembers.

Route and search both need the vector of the question, at the same time: the first of them asks the
model and the other waits for the same answer. Only single queries are remembered; passages are
embedded once in their life.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from typing import Any

import numpy as np

from agent.contracts import ModelInfo
from agent.meter import model_call
from agent.models.protocol import ChatMessage, ChatModel, ChatOptions, Embedder, EmbedKind, Vector, Vectors
from agent.observing import metrics, seams
from agent.observing.metrics import Call

_REMEMBERED = 512
"""Questions: 0.8 MB at 384 dimensions."""


class MeteredChatModel:
    """A `ChatModel` that accounts its time."""

    def __init__(self, model: ChatModel) -> None:
        self._model = model

    @property
    def info(self) -> ModelInfo:
        return self._model.info

    async def chat(
        self, messages: Sequence[ChatMessage], options: ChatOptions = ChatOptions()
    ) -> AsyncGenerator[str, None]:
        start, waiting = time.perf_counter(), True
        with model_call(lambda: self.info), seams.model_call(self.info, Call.CHAT):
            # Closing this stream must close the model's, at once and not when it is collected.
            async with aclosing(self._model.chat(messages, options)) as pieces:
                async for piece in pieces:
                    if waiting:
                        metrics.first_token(self.info, time.perf_counter() - start)
                        waiting = False
                    yield piece

    async def structured(
        self,
        messages: Sequence[ChatMessage],
        schema: Mapping[str, Any],
        options: ChatOptions = ChatOptions(),
    ) -> Any:
        with model_call(lambda: self.info), seams.model_call(self.info, Call.STRUCTURED):
            return await self._model.structured(messages, schema, options)

    async def likelihoods(self, messages: Sequence[ChatMessage], labels: Sequence[str]) -> tuple[float, ...]:
        with model_call(lambda: self.info), seams.model_call(self.info, Call.LIKELIHOODS):
            return await self._model.likelihoods(messages, labels)

    async def close(self) -> None:
        await self._model.close()


class MeteredEmbedder:
    """An `Embedder` that accounts its time and embeds each question once."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self._remembered: OrderedDict[str, asyncio.Task[Vectors]] = OrderedDict()

    @property
    def info(self) -> ModelInfo:
        return self._embedder.info

    @property
    def dimension(self) -> int:
        return self._embedder.dimension

    async def embed(self, texts: Sequence[str], kind: EmbedKind) -> Vectors:
        with model_call(lambda: self.info):
            if kind is EmbedKind.QUERY and len(texts) == 1:
                return (await self._query(texts[0]))[np.newaxis]
            return await self._embed(texts, kind)

    async def close(self) -> None:
        for task in self._remembered.values():
            task.cancel()
        self._remembered.clear()
        await self._embedder.close()

    async def _query(self, text: str) -> Vector:
        task = self._remembered.get(text)
        if task is None or (task.done() and (task.cancelled() or task.exception() is not None)):
            task = asyncio.ensure_future(self._embed([text], EmbedKind.QUERY))
            self._remembered[text] = task
        self._remembered.move_to_end(text)
        while len(self._remembered) > _REMEMBERED:
            self._remembered.popitem(last=False)
        # One of several waiting questions may be cancelled; the others still need the vector.
        vector: Vector = (await asyncio.shield(task))[0]
        return vector

    async def _embed(self, texts: Sequence[str], kind: EmbedKind) -> Vectors:
        """Ask the model; what is remembered costs it nothing and is not counted."""
        with seams.model_call(self.info, Call.EMBED):
            vectors = await self._embedder.embed(texts, kind)
        metrics.embedded(self.info, len(texts))
        return vectors
