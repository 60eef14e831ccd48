"""An embedder that keeps what it embedded on disk, so that a benchmark can be run again in a minute."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

import numpy as np

from agent.contracts import ModelInfo
from agent.models.protocol import Embedder, EmbedKind, Vector, Vectors

_CACHE = Path(tempfile.gettempdir()) / "lorekeeper-benchmarks"

_SAVED_EVERY = 64
"""Vectors: what a benchmark that is stopped may lose."""


class DiskCachedEmbedder:
    """Keeps vectors by digest of the model, the kind and the text, and writes them every few hundred."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self._file = _CACHE / f"{embedder.info.digest[:16]}.npz"
        self._known: dict[str, Vector] = {}
        self._saved = 0
        if self._file.exists():
            with np.load(self._file) as stored:
                self._known = dict(zip(stored["keys"].tolist(), stored["vectors"], strict=True))
            self._saved = len(self._known)

    @property
    def info(self) -> ModelInfo:
        return self._embedder.info

    @property
    def dimension(self) -> int:
        return self._embedder.dimension

    async def embed(self, texts: Sequence[str], kind: EmbedKind) -> Vectors:
        keys = [sha256(f"{kind}\x1f{text}".encode()).hexdigest() for text in texts]
        missing = {key: text for key, text in zip(keys, texts, strict=True) if key not in self._known}
        order = list(missing)
        for first in range(0, len(order), _SAVED_EVERY):
            some = order[first : first + _SAVED_EVERY]
            rows = await self._embedder.embed([missing[key] for key in some], kind)
            self._known |= dict(zip(some, rows, strict=True))
            if len(self._known) - self._saved >= _SAVED_EVERY:
                self.save()
        if not keys:
            return np.zeros((0, self.dimension), np.float32)
        return np.stack([self._known[key] for key in keys])

    def save(self) -> None:
        """Write what is new."""
        if len(self._known) == self._saved:
            return
        _CACHE.mkdir(parents=True, exist_ok=True)
        np.savez(self._file, keys=np.array(list(self._known)), vectors=np.stack(list(self._known.values())))
        self._saved = len(self._known)

    async def close(self) -> None:
        self.save()
        await self._embedder.close()
