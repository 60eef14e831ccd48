"""all-MiniLM-L6-v2 (English) without torch: llama.cpp runs the GGUF that minilm_gguf.py makes of its weights.

The model reads 512 tokens; llama.cpp refuses a longer text instead of cutting it, so the text is halved until
it fits.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import xllamacpp

from agent.contracts import ModelInfo
from agent.errors import ModelBrokenError, ModelError
from agent.models.listener import listening
from agent.models.minilm_gguf import DIMENSION, NAME, TOKENS, minilm_gguf
from agent.models.protocol import EmbedKind, Vector, Vectors

_CHARACTERS = 2500
"""Most that is read of one text: 512 tokens of English, with room."""

_SLOTS = 4
_BATCH_TEXTS = 16
"""A batch bounds how long a question waits behind an ingest."""

_TOO_LONG = "exceed_context_size_error"


class MiniLmEmbedder:
    """Works in one thread of its own, batch by batch; batches of several callers take turns."""

    def __init__(self, server: xllamacpp.Server, digest: str, thread: ThreadPoolExecutor) -> None:
        self._server = server
        self._thread = thread
        self._info = ModelInfo(name=NAME, engine="llama.cpp", digest=digest, context_tokens=TOKENS)

    @classmethod
    async def open(cls, files: tuple[Path, ...], digest: str, prepared: Path, threads: int) -> MiniLmEmbedder:
        """Load checked `files` (safetensors, tokenizer), converted into the folder `prepared` the first time.

        Raises `ModelBrokenError`, `StoreError` when the disk is full.
        """
        thread = ThreadPoolExecutor(1, thread_name_prefix="minilm")
        loop = asyncio.get_running_loop()
        target = await loop.run_in_executor(thread, minilm_gguf, files, digest, prepared)
        server = await loop.run_in_executor(thread, _load, target, threads)
        return cls(server, digest, thread)

    @property
    def info(self) -> ModelInfo:
        return self._info

    @property
    def dimension(self) -> int:
        return DIMENSION

    async def embed(self, texts: Sequence[str], kind: EmbedKind) -> Vectors:
        """See `Embedder.embed`; both kinds are the same to this model. Cancelling ends after a batch."""
        loop = asyncio.get_running_loop()
        rows: list[Vector] = []
        for start in range(0, len(texts), _BATCH_TEXTS):
            batch = [_readable(text) for text in texts[start : start + _BATCH_TEXTS]]
            try:
                rows += await loop.run_in_executor(self._thread, self._embedded, batch)
            except RuntimeError as error:
                raise ModelError(f"The embedder {NAME} is closed.") from error
        return np.stack(rows) if rows else np.empty((0, DIMENSION), np.float32)

    async def close(self) -> None:
        await asyncio.to_thread(self._thread.shutdown)
        self._server = None

    def _embedded(self, texts: list[str]) -> list[Vector]:
        reply = self._server.handle_embeddings({"input": texts})
        error = reply.get("error")
        if error is None:
            return [np.asarray(item["embedding"], np.float32) for item in reply["data"]]
        if error.get("type") != _TOO_LONG:
            raise ModelError(f"{NAME} failed: {error.get('message', error)}.")
        if len(texts) > 1:
            return [vector for text in texts for vector in self._embedded([text])]
        return self._embedded([texts[0][: len(texts[0]) // 2]])


def _readable(text: str) -> str:
    """A text of no token at all has no vector; a full stop stands for it."""
    clean = text[:_CHARACTERS].replace("\0", " ").encode("utf-8", "replace").decode("utf-8")
    return clean if clean.strip() else "."


def _load(path: Path, threads: int) -> xllamacpp.Server:
    params = xllamacpp.CommonParams()
    params.model.path = str(path)
    params.embedding = True
    params.pooling_type = xllamacpp.llama_pooling_type.LLAMA_POOLING_TYPE_MEAN
    params.n_parallel = _SLOTS
    params.n_ctx = params.n_batch = params.n_ubatch = TOKENS * _SLOTS
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads
    params.api_keys = [secrets.token_urlsafe()]
    params.n_threads_http = 1
    params.ui = params.endpoint_slots = False
    params.cache_ram_mib = 0
    params.fit_params = params.warmup = False
    params.verbosity = 0
    try:
        return listening(xllamacpp.Server(params))
    except RuntimeError as error:
        raise ModelBrokenError(
            f"llama.cpp cannot load {path}.", "Delete that file: it is made anew at the next start."
        ) from error
