"""Sources that a member wrote, or that only they may see, and their passages in the sources of others.

Files and pages that they merely brought in are the guild's: those stay, and who brought them is taken out.

A passage that a member wrote within a source of several authors, such as a conversation, goes from every
index, and its place in the source's text becomes blanks: the offsets of the other passages stay true.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from agent.catalog.protocol import Catalog
from agent.contracts import Passage, Source, SourceId, SourceKind
from agent.knowledge.protocol import KnowledgeStore
from agent.privacy.protocol import Removed, Subject, Traces

_BROUGHT: Final = frozenset({SourceKind.FILE, SourceKind.URL})
"""Kinds of which the author is whoever brought them, where they name no writer."""


class KnowledgeHolder:
    tables = frozenset({"sources", "source_texts"})

    def __init__(self, catalog: Catalog, store: KnowledgeStore) -> None:
        self._catalog = catalog
        self._store = store

    async def traces(self, who: Subject) -> Traces:
        sources, brought = await self._sources(who)
        others = {source.id for source in brought}
        written = [each for version in await self._versions() for each in await self._written(who, version)]
        written = [passage for passage in written if passage.source not in others]
        held = [
            passage
            for version in await self._versions()
            for source in sources
            for passage in await self._store.passages_of(who.guild, source.id, version=version)
        ]
        return Traces(
            sources=frozenset(source.id for source in sources),
            passages=frozenset(passage.id for passage in (*written, *held)),
            names=_names([source for source in sources if source.author == who.member], written),
        )

    async def export(self, who: Subject, traces: Traces) -> Mapping[str, Sequence[object]]:
        sources, brought = await self._sources(who)
        texts = [
            {"source": source, "text": await self._catalog.source_text(who.guild, source.id)}
            for source in sources
        ]
        listed = {source.id for source in (*sources, *brought)}
        passages = await self._store.passages_by(who.guild, who.member)
        within = [passage for passage in passages if passage.source not in listed]
        return {"sources": texts, "brought": brought, "passages": within}

    async def forget(self, who: Subject, traces: Traces) -> Removed:
        sources, brought = await self._sources(who)
        for source in brought:
            await self._disown(source)
        ids = [source.id for source in sources]
        await self._blank(who, frozenset(ids))
        gone = await self._store.delete_by(who.guild, who.member)
        gone += await self._store.delete_sources(who.guild, ids)
        removed = await self._catalog.remove_sources(who.guild, ids) if ids else 0
        # Also when nothing went: an earlier run may have been stopped here.
        await self._store.erase_deleted(who.guild)
        return {"sources": removed, "passages": gone, "sources made nobody's": len(brought)}

    async def _sources(self, who: Subject) -> tuple[list[Source], list[Source]]:
        """What is theirs, and what they brought in."""
        private = f"member:{who.member}"
        theirs = [
            source
            for source in await self._catalog.sources(who.guild)
            if source.author == who.member or source.visibility == private
        ]
        brought = [each for each in theirs if each.kind in _BROUGHT and each.visibility != private]
        return [each for each in theirs if each not in brought], brought

    async def _disown(self, source: Source) -> None:
        """The record goes last: by it an interrupted run finds what is left to do."""
        for version in await self._versions():
            passages = await self._store.passages_of(source.guild, source.id, version=version)
            nobodys = [replace(passage, author=None) for passage in passages]
            await self._store.put_source(source.guild, source.id, nobodys, {}, version=version)
        text = await self._catalog.source_text(source.guild, source.id)
        await self._catalog.put_source(replace(source, author=None), text)

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
