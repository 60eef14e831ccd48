"""What every knowledge store must do. tests/agent/knowledge holds the conformance suite.

A store holds *index versions*; one is active. A version is defined by the embedder and the chunker
(`IndexSpec`): a change of either makes a new version beside the old, which is filled, checked and then
made active in one step; the old one stays until it is removed, so that one step goes back as well.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Protocol

from agent.contracts import EvidenceItem, GuildId, MemberId, Passage, PassageId, Slug, SourceId
from agent.models.protocol import Vector


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexSpec:
    embedder: str
    """Name and digest of the embedder."""
    dimension: int
    chunker: str
    """The chunker's version."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexVersion:
    name: str
    """`v1`, `v2`, ... in order of creation."""
    spec: IndexSpec
    active: bool
    passages: int
    """Over all guilds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchQuery:
    """One search. Every filter is exact and is applied before ranking."""

    guild: GuildId
    text: str
    """For BM25; empty means vector only."""
    vector: Vector | None
    """For the dense part; None means BM25 only."""
    embedder: str = ""
    """Which embedder made `vector`, as its `IndexSpec` names it. A search of another's index is refused:
    a process that started before an index was flipped must not compare vectors that mean nothing together.
    """
    limit: int = 8
    may_see: frozenset[str]
    """Visibilities; empty finds nothing."""
    categories: tuple[Slug, ...] = ()
    """Empty means every category."""
    sources: tuple[SourceId, ...] = ()
    author_name: str = ""
    since: date | None = None
    until: date | None = None
    """Both inclusive. A passage without a date never matches a date filter."""
    alpha: float = 0.5
    """Weight of the dense part against BM25 in the fusion, 0 to 1."""


class KnowledgeStore(Protocol):
    """Raises `StoreError` and its children only. A guild that is unknown is an empty guild."""

    async def open_index(self, spec: IndexSpec) -> IndexVersion:
        """Return the version with this spec, making it when it is new. The first ever becomes active."""
        ...

    async def versions(self) -> tuple[IndexVersion, ...]:
        """Oldest first."""
        ...

    async def active(self) -> str | None:
        """The name of the version that is searched, without what `versions` counts; None before the first."""
        ...

    async def activate(self, name: str) -> None:
        """Make this version the one that is searched, atomically, for every process."""
        ...

    async def remove_version(self, name: str) -> None:
        """Delete a version that is not active."""
        ...

    async def put_source(
        self,
        guild: GuildId,
        source: SourceId,
        passages: Sequence[Passage],
        vectors: Mapping[PassageId, Vector],
        *,
        version: str | None = None,
    ) -> None:
        """Make `passages` the whole of `source`, in one step: a search sees the old or the new, never a mix.

        A passage that has no vector in `vectors` is already stored and keeps the one it has. `version`
        None means the active one; so everywhere.
        """
        ...

    async def passages_of(
        self, guild: GuildId, source: SourceId, *, version: str | None = None
    ) -> tuple[Passage, ...]:
        """In order; empty when the source is unknown."""
        ...

    async def get(self, guild: GuildId, ids: Sequence[PassageId]) -> tuple[Passage, ...]:
        """Those that exist, in the order asked."""
        ...

    async def vectors_of(
        self, guild: GuildId, ids: Sequence[PassageId], *, version: str | None = None
    ) -> Mapping[PassageId, Vector]:
        """Of those that exist, exactly as they were put; each of shape (dimension,), float32."""
        ...

    async def delete_sources(
        self, guild: GuildId, sources: Sequence[SourceId], *, version: str | None = None
    ) -> int:
        """Return how many passages went. With `version` None they go from *every* version."""
        ...

    async def passages_by(
        self, guild: GuildId, author: MemberId, *, version: str | None = None
    ) -> tuple[Passage, ...]:
        """Every passage of an author, by source and then in order."""
        ...

    async def delete_by(self, guild: GuildId, author: MemberId) -> int:
        """Delete an author's passages from every version; return how many went."""
        ...

    async def erase_deleted(self, guild: GuildId) -> None:
        """Leave nothing of deleted and replaced passages where the store is kept, earlier states included.

        It reads and writes all that the guild has. A search that began before may fail.
        """
        ...

    async def recategorise(self, guild: GuildId, old: Slug, new: Slug | None) -> int:
        """Move every passage of a category, in every version; return how many moved in the active one."""
        ...

    async def search(self, query: SearchQuery, *, version: str | None = None) -> tuple[EvidenceItem, ...]:
        """Hybrid search, best first. Another `version` than the active one is searched to check it."""
        ...

    async def count(self, guild: GuildId, *, version: str | None = None) -> int: ...

    async def author_names(self, guild: GuildId, may_see: frozenset[str]) -> tuple[str, ...]:
        """Every distinct author name, sorted; what "what did Marta say" is read against."""
        ...

    async def drop_guild(self, guild: GuildId) -> None:
        """Delete all passages of a guild in every version."""
        ...

    async def optimize(self, *, version: str | None = None) -> None:
        """Compact files and indexes after large changes. Searches work before and meanwhile."""
        ...

    async def check(self) -> str:
        """One line for doctor: where it is and what it holds."""
        ...

    async def close(self) -> None: ...
