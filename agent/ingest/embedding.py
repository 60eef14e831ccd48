"""Passages to vectors, in batches, and the spec of the index that they belong to."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from agent.contracts import Passage, PassageId
from agent.ingest.chunking import CHUNKER, embedding_text
from agent.knowledge.protocol import IndexSpec
from agent.models.protocol import Embedder, EmbedKind, Vector

_BATCH = 32
"""Passages a call: enough to keep an engine busy, few enough to show progress and to stop soon."""


def index_spec(embedder: Embedder) -> IndexSpec:
    """What an index must have been made with, to be searched and filled with this embedder."""
    return IndexSpec(
        embedder=f"{embedder.info.name}:{embedder.info.digest}",
        dimension=embedder.dimension,
        chunker=CHUNKER,
    )


async def embed_passages(
    embedder: Embedder, passages: Sequence[Passage], embedded: Callable[[int, int], None] | None = None
) -> dict[PassageId, Vector]:
    """A vector for each passage. `embedded` hears how many of how many are done. Raises `ModelError`."""
    vectors: dict[PassageId, Vector] = {}
    for first in range(0, len(passages), _BATCH):
        batch = passages[first : first + _BATCH]
        rows = await embedder.embed([embedding_text(passage) for passage in batch], EmbedKind.PASSAGE)
        vectors |= {passage.id: row for passage, row in zip(batch, rows, strict=True)}
        if embedded:
            embedded(len(vectors), len(passages))
    return vectors
