"""What the stages read of a guild at every question, kept until the catalog's revision moves.

Titles and authors are those that the asker may see: what a question is read against must not betray that
something hidden exists.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass

from agent.catalog.protocol import Catalog
from agent.contracts import GuildId, Slug, SourceKind
from agent.knowledge.protocol import KnowledgeStore


@dataclass(frozen=True, slots=True, kw_only=True)
class GuildView:
    revision: int
    category_names: Mapping[Slug, str]
    former_slugs: Mapping[Slug, Slug]
    """What categories were called before, with what they are now."""
    authors: tuple[str, ...]
    sources: tuple[tuple[str, str], ...]
    """Title and uri of each that a question may name: not of conversations, of which there are tens of
    thousands where the history of channels is kept.
    """
    index_version: str


_KEPT = 256
_CONVERSATIONS = frozenset({SourceKind.CHANNEL, SourceKind.THREAD})


class GuildViews:
    """Views by guild and by what may be seen. `get` costs one small query when nothing changed."""

    def __init__(self, catalog: Catalog, store: KnowledgeStore) -> None:
        self._catalog = catalog
        self._store = store
        self._views: OrderedDict[tuple[GuildId, frozenset[str]], GuildView] = OrderedDict()

    async def get(self, guild: GuildId, may_see: frozenset[str]) -> GuildView:
        """Raises `UnknownGuildError`, `StoreError`."""
        revision = await self._catalog.revision(guild)
        view = self._views.get((guild, may_see))
        if view is None or view.revision != revision:
            view = self._views[guild, may_see] = await self._read(guild, may_see, revision)
        self._views.move_to_end((guild, may_see))
        while len(self._views) > _KEPT:
            self._views.popitem(last=False)
        return view

    def category_names(self, guild: GuildId, may_see: frozenset[str]) -> Mapping[Slug, str]:
        """Names as they were when somebody last asked who may see this; empty where nobody did."""
        view = self._views.get((guild, may_see))
        return {} if view is None else view.category_names

    def read_again(self, guild: GuildId) -> None:
        """Read everything of a guild anew at its next question, whatever the revision says."""
        for key in [key for key in self._views if key[0] == guild]:
            del self._views[key]

    async def _read(self, guild: GuildId, may_see: frozenset[str], revision: int) -> GuildView:
        categories = await self._catalog.categories(guild)
        sources = await self._catalog.sources(guild, without=_CONVERSATIONS)
        versions = await self._store.versions()
        return GuildView(
            revision=revision,
            category_names={category.slug: category.name for category in categories},
            former_slugs=await self._catalog.former_slugs(guild),
            authors=await self._store.author_names(guild, may_see),
            sources=tuple((each.title, each.uri) for each in sources if each.visibility in may_see),
            index_version=next((version.name for version in versions if version.active), ""),
        )
