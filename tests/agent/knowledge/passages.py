"""Passages and vectors to test with: small, and the same on every machine."""

import zlib
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from agent.contracts import GUILD_WIDE, EvidenceItem, GuildId, Passage, PassageId, SourceId, SourceKind
from agent.knowledge.protocol import IndexSpec, KnowledgeStore, SearchQuery
from agent.models.protocol import Vector

HOME, WORK = GuildId("home"), GuildId("work")
NOTES, MANUAL = SourceId("notes"), SourceId("manual")

DIMENSION = 16
SPEC = IndexSpec(embedder="test@0", dimension=DIMENSION, chunker="1")
NEW_SPEC = replace(SPEC, chunker="2")


def a_vector(of: str) -> Vector:
    """A unit vector that `of` decides."""
    values = np.random.default_rng(zlib.crc32(of.encode())).standard_normal(DIMENSION)
    return np.asarray(values / np.linalg.norm(values), dtype=np.float32)


PUMP = Passage(
    id=PassageId("p1"),
    guild=HOME,
    source=NOTES,
    ordinal=0,
    title="The pool",
    location="Pool › Pump",
    text="We replaced the pump in May.",
    start=10,
    end=38,
    kind=SourceKind.ENTRY,
)


def passages_of(source: SourceId, *texts: str, guild: GuildId = HOME) -> list[Passage]:
    """One passage a text; ids and offsets follow from source and place."""
    return [
        replace(
            PUMP,
            id=PassageId(f"{source}/{place}"),
            guild=guild,
            source=source,
            ordinal=place,
            text=text,
            end=PUMP.start + len(text),
        )
        for place, text in enumerate(texts)
    ]


async def put(store: KnowledgeStore, *passages: Passage, version: str | None = None) -> None:
    """Make these passages the whole of their source; the text of each decides its vector."""
    first = passages[0]
    vectors = {passage.id: a_vector(passage.text) for passage in passages}
    await store.put_source(first.guild, first.source, passages, vectors, version=version)


def about(text: str, guild: GuildId = HOME) -> SearchQuery:
    """A hybrid search by the words and by the vector of `text`."""
    return SearchQuery(
        guild=guild, text=text, vector=a_vector(text), may_see=frozenset({GUILD_WIDE}), limit=50
    )


def ids(found: Sequence[EvidenceItem] | Sequence[Passage]) -> list[str]:
    return [item.passage.id if isinstance(item, EvidenceItem) else item.id for item in found]
