"""What every store refuses before it touches anything."""

from __future__ import annotations

from collections.abc import Sequence

from agent.contracts import GuildId, Passage, SourceId
from agent.errors import StoreError
from agent.knowledge.protocol import IndexSpec, SearchQuery


def check_whole(guild: GuildId, source: SourceId, passages: Sequence[Passage]) -> None:
    """`StoreError` when the passages are not distinct passages of this source."""
    strange = [p.id for p in passages if p.guild != guild or p.source != source]
    if strange:
        raise StoreError(f"Passage {strange[0]} is not of source {source} of guild {guild}.")
    if len({passage.id for passage in passages}) < len(passages):
        raise StoreError(f"Source {source} holds a passage id twice.")


def check_vector(query: SearchQuery, spec: IndexSpec) -> None:
    """`StoreError` when the question's vector means nothing in this index."""
    if query.vector is not None and query.vector.shape != (spec.dimension,):
        raise StoreError(
            f"The question's vector has the shape {query.vector.shape}, the index wants ({spec.dimension},).",
            f"Embed questions with {spec.embedder}, or build an index version for the new embedder.",
        )
    if query.embedder and query.embedder != spec.embedder:
        made_with = spec.embedder.rsplit(":", 1)[0]
        raise StoreError(
            f"The index in use is of {made_with}, not of {query.embedder.partition(':')[0]}.",
            "Start it again, with the settings that the index was built with.",
        )
