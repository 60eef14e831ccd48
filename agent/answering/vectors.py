"""Vectors of sentences, remembered for as long as their embedder lives.

The key is a digest of the text and never the text itself: what a member said is not kept here after it is
deleted everywhere else.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from hashlib import blake2b
from weakref import WeakKeyDictionary

import numpy as np

from agent.models.protocol import Embedder, EmbedKind, Vector, Vectors

_REMEMBERED = 4096
"""Sentences of one embedder: 6 MB at 384 dimensions."""

_memories: WeakKeyDictionary[Embedder, OrderedDict[bytes, Vector]] = WeakKeyDictionary()


async def sentence_vectors(texts: Sequence[str], embedder: Embedder) -> Vectors:
    """Embed as passages, one row a text, in order; each distinct text once. Raises `ModelError`."""
    keys = [blake2b(text.encode(), digest_size=16).digest() for text in texts]
    memory = _memories.setdefault(embedder, OrderedDict())
    known = {key: memory[key] for key in keys if key in memory}
    missing = {key: text for key, text in zip(keys, texts, strict=True) if key not in known}
    if missing:
        rows = await embedder.embed(list(missing.values()), EmbedKind.PASSAGE)
        known |= dict(zip(missing, rows, strict=True))
    memory.update(known)
    for key in known:
        memory.move_to_end(key)
    while len(memory) > _REMEMBERED:
        memory.popitem(last=False)
    return np.stack([known[key] for key in keys]) if keys else np.zeros((0, embedder.dimension), np.float32)
