"""Sources that a member wrote, or that only they may see, and their passages in the sources of others.

A passage that a member wrote within a source of several authors, such as a conversation, goes from every
index, and its place in the source's text becomes blanks: the offsets of the other passages stay true.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from agent.catalog.protocol import Catalog
from agent.contracts import Passage, Source, SourceId
from agent.knowledge.protocol import KnowledgeStore
from agent.privacy.protocol import Removed, Subject, Traces


class KnowledgeHolder:
    tables = frozenset({"sources", "source_texts"})

    def __init__(self, catalog: Catalog, store: KnowledgeStore) -> None:
        self._catalog = catalog
        self._store = store

    async def traces(self, who: Subject) -> Traces:
        sources = await self._sources(who)
        written = [each for version in await self._versions() for each in await self._written(who, version)]
        held = [
            passage
            for version in await self._versions()
            for source in sources
            for passage in await self._store.passages_of(who.guild, source.id, version=version)
        ]
        return Traces(
            sources=frozenset(source.id for source in sources),
            passages=frozenset(passage.id for passage in (*written, *held)),
            names=_names(sources, written),
        )

    async def export(self, who: Subject, traces: Traces) -> Mapping[str, Sequence[object]]:
        sources = await self._sources(who)
        texts = [
            {"source": source, "text": await self._catalog.source_text(who.guild, source.id)}
            for source in sources
        ]
        own = {source.id for source in sources}
        passages = await self._store.passages_by(who.guild, who.member)
        return {"sources": texts, "passages": [each for each in passages if each.source not in own]}

    async def forget(self, who: Subject, traces: Traces) -> Removed:
        sources = [source.id for source in await self._sources(who)]
        await self._blank(who, frozenset(sources))
        gone = await self._store.delete_by(who.guild, who.member)
        gone += await self._store.delete_sources(who.guild, sources)
        removed = await self._catalog.remove_sources(who.guild, sources) if sources else 0
        if traces.passages or sources:
            await self._store.erase_deleted(who.guild)
        return {"sources": removed, "passages": gone}

    async def _sources(self, who: Subject) -> list[Source]:
        private = f"member:{who.member}"
        return [
            source
            for source in await self._catalog.sources(who.guild)
            if source.author == who.member or source.visibility == private
        ]

    async def _versions(self) -> list[str]:
        return [version.name for version in await self._store.versions()]

    async def _written(self, who: Subject, version: str) -> tuple[Passage, ...]:
        return await self._store.passages_by(who.guild, who.member, version=version)

    async def _blank(self, who: Subject, own: frozenset[SourceId]) -> None:
        """Before the passages go: afterwards nobody knows any longer where in the text they stood."""
        spans: dict[SourceId, set[tuple[int, int]]] = defaultdict(set)
        for version in await self._versions():
            for passage in await self._written(who, version):
                spans[passage.source].add((passage.start, passage.end))
        for id_ in spans.keys() - own:
            source = await self._catalog.source(who.guild, id_)
            if source is not None:
                text = await self._catalog.source_text(who.guild, id_)
                await self._catalog.put_source(source, blanked(text, spans[id_]))


def _names(sources: Iterable[Source], passages: Iterable[Passage]) -> frozenset[str]:
    names = {source.author_name for source in sources} | {passage.author_name for passage in passages}
    return frozenset(names - {""})


def blanked(text: str, spans: Iterable[tuple[int, int]]) -> str:
    """The text with blanks in the place of its spans, as long as it was; lines stay lines."""
    letters = list(text)
    for start, end in spans:
        letters[start:end] = ["\n" if letter == "\n" else " " for letter in letters[start:end]]
    return "".join(letters)
