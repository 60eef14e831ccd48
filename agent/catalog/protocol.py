"""What the catalog must do. tests/agent/catalog holds the conformance suite."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from agent.contracts import Category, Example, GuildId, Slug, Source, SourceId, SourceKind


class Catalog(Protocol):
    """Categories, labelled examples and sources of every guild. Raises `StoreError`, `UsageError` only.

    Each change raises the guild's revision in the same transaction, so that what is derived from the
    catalog (the router's matrices) knows when it is stale, in every process. A call that finds nothing to
    change may raise it too. Every method that names a guild raises `UnknownGuildError` when it does not
    exist, except `create_guild`.
    """

    async def guilds(self) -> tuple[GuildId, ...]: ...

    async def create_guild(self, guild: GuildId) -> None:
        """Nothing happens when it exists."""
        ...

    async def drop_guild(self, guild: GuildId) -> None:
        """Its categories, examples and sources go. Made again, it does not repeat a revision."""
        ...

    async def revision(self, guild: GuildId) -> int: ...

    async def categories(self, guild: GuildId) -> tuple[Category, ...]:
        """By slug."""
        ...

    async def put_category(self, guild: GuildId, category: Category) -> None:
        """Add it, or replace name and description. `UsageError` when the slug is none (catalog/slugs.py)."""
        ...

    async def rename_category(self, guild: GuildId, old: Slug, new: Slug) -> None:
        """Examples and sources follow, and the old slug is a former one. `UsageError` when `new` exists,
        `UnknownCategoryError` for `old`.
        """
        ...

    async def merge_category(self, guild: GuildId, old: Slug, into: Slug) -> None:
        """Examples and sources of `old` become those of `into`; `old` is gone, and a former slug."""
        ...

    async def former_slugs(self, guild: GuildId) -> Mapping[Slug, Slug]:
        """What categories were called before they were renamed or merged, with what they are now; none of a
        category that was removed, nor one that another category has taken since.
        """
        ...

    async def remove_category(self, guild: GuildId, slug: Slug) -> None:
        """Its examples go, its sources stay without a category."""
        ...

    async def examples(self, guild: GuildId, category: Slug | None = None) -> tuple[Example, ...]:
        """By category, then question. Raises `UnknownCategoryError`."""
        ...

    async def put_examples(self, guild: GuildId, examples: Sequence[Example]) -> int:
        """Add or relabel (a question has one label), all or none; return how many were new or changed.

        Questions are kept with every run of white space made one space; of equal ones the last counts.
        Raises `UsageError` for an empty question, `UnknownCategoryError`.
        """
        ...

    async def remove_examples(self, guild: GuildId, questions: Sequence[str]) -> int:
        """Return how many there were."""
        ...

    async def sources(self, guild: GuildId, without: Collection[SourceKind] = ()) -> tuple[Source, ...]:
        """By uri; all of them, or those that are of none of these kinds."""
        ...

    async def source(self, guild: GuildId, id: SourceId) -> Source | None: ...  # noqa: A002

    async def source_by_uri(self, guild: GuildId, uri: str) -> Source | None: ...

    async def put_source(self, source: Source, text: str) -> None:
        """Record a source and its extracted text, after its passages are in the store.

        Replaces the source of the same id. Raises `UnknownCategoryError`, and `UsageError` when another
        source of the guild has the uri.
        """
        ...

    async def source_text(self, guild: GuildId, id: SourceId) -> str:  # noqa: A002
        """The extracted text that the passages' offsets refer to. `UsageError` when there is none."""
        ...

    async def remove_sources(self, guild: GuildId, ids: Sequence[SourceId]) -> int:
        """Return how many there were."""
        ...

    async def close(self) -> None: ...
