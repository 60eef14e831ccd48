"""What the stages read of a guild at every question, kept until the catalog's revision moves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from agent.catalog.protocol import Catalog
from agent.contracts import GuildId, Slug
from agent.knowledge.protocol import KnowledgeStore


@dataclass(frozen=True, slots=True, kw_only=True)
class GuildView:
    revision: int
    category_names: Mapping[Slug, str]
    authors: tuple[str, ...]
    sources: tuple[tuple[str, str], ...]
    """Title and uri of each."""
    passages: int
    index_version: str


class GuildViews:
    """Views by guild. `get` costs one small query when nothing changed."""

    def __init__(self, catalog: Catalog, store: KnowledgeStore) -> None:
        self._catalog = catalog
        self._store = store
        self._views: dict[GuildId, GuildView] = {}

    async def get(self, guild: GuildId) -> GuildView:
        """Raises `UnknownGuildError`, `StoreError`."""
        revision = await self._catalog.revision(guild)
        view = self._views.get(guild)
        if view is None or view.revision != revision:
            view = self._views[guild] = await self._read(guild, revision)
        return view

    async def _read(self, guild: GuildId, revision: int) -> GuildView:
        categories = await self._catalog.categories(guild)
        sources = await self._catalog.sources(guild)
        versions = await self._store.versions()
        return GuildView(
            revision=revision,
            category_names={category.slug: category.name for category in categories},
            authors=await self._store.author_names(guild),
            sources=tuple((source.title, source.uri) for source in sources),
            passages=await self._store.count(guild),
            index_version=next((version.name for version in versions if version.active), ""),
        )
