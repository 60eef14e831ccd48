"""What comes in: files, folders, URLs, sitemaps and remembered entries become sources with passages.

A source whose bytes did not change costs their hash and nothing else. One that changed is read again, and
only passages that are new are embedded. Some sources are still on their way into the store while the next
one is embedded. A file that cannot be read is reported with its reason and the rest goes in; a failure of the
store or of the model ends the run, and what went in before it, or beside it, stays whole.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TypeAlias

from agent.catalog.protocol import Catalog
from agent.contracts import GUILD_WIDE, Day, GuildId, MemberId, Slug, Source, SourceId, SourceKind
from agent.errors import IngestError, ModelError, StoreError, UsageError
from agent.ids import new_id
from agent.ingest import categories as choosing
from agent.ingest.chunking import entry_passage, passages
from agent.ingest.cleaning import clean_text
from agent.ingest.conversations import (
    Conversation,
    conversation_passages,
    conversation_source,
    digest_of,
    document_of,
)
from agent.ingest.documents import Document
from agent.ingest.keeping import Embedded, Keeping
from agent.ingest.making import (
    Asked,
    Fetched,
    is_unchanged,
    make_entry,
    make_source,
    read_document,
    source_id,
)
from agent.ingest.report import (
    Choice,
    ChosenBy,
    IngestReport,
    Outcome,
    Progress,
    ProgressCallback,
    TargetReport,
    failed,
)
from agent.ingest.sitemaps import is_sitemap, pages_of
from agent.ingest.storing import Storing
from agent.ingest.targets import FileTarget, UrlTarget, expand, has_vanished, read_file
from agent.ingest.web import Fetcher, GoneError, parse_url
from agent.knowledge.protocol import KnowledgeStore
from agent.models.protocol import Embedder
from agent.observing.metrics import Where, count_error
from agent.routing.protocol import Router
from agent.settings import Settings

_Target: TypeAlias = FileTarget | UrlTarget | TargetReport
_Embedded: TypeAlias = Callable[[int, int], None]
"""Hears how many passages of a target are embedded, of how many."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ready:
    """A target that was read and embedded."""

    made: Embedded
    outcome: Outcome
    choice: Choice


_Outcome: TypeAlias = TargetReport | _Ready | Sequence[UrlTarget]
"""For a sitemap, the pages that it stands for."""


class Ingestor:
    """Takes knowledge in and out of one store and catalog, for every guild."""

    def __init__(
        self,
        *,
        store: KnowledgeStore,
        catalog: Catalog,
        embedder: Embedder,
        router: Router,
        settings: Settings,
        clock: Callable[[], datetime],
        fetcher: Fetcher | None = None,
    ) -> None:
        self._store = store
        self._catalog = catalog
        self._router = router
        self._settings = settings
        self._clock = clock
        self._fetcher = fetcher or Fetcher(settings)
        self._keeping = Keeping(store, catalog, embedder)

    async def ingest(
        self,
        guild: GuildId,
        targets: Sequence[str | Path],
        *,
        category: str | None = None,
        visibility: str | None = None,
        author: MemberId | None = None,
        author_name: str = "",
        progress: ProgressCallback | None = None,
    ) -> IngestReport:
        """Bring in files, folders and URLs. `category` is a slug or name of the guild.

        Without `visibility` a source keeps what it has; a new one has what its front matter says, else
        `GUILD_WIDE`. Raises `UnknownGuildError`, `UnknownCategoryError`, and `StoreError` when the active
        index is of another embedder.
        """
        known = await self._catalog.categories(guild)
        asked = Asked(
            guild=guild,
            category=choosing.required_category(category, known) if category else None,
            visibility=visibility,
            author=author,
            author_name=author_name,
        )
        found = await asyncio.to_thread(lambda: list(expand(targets)))
        return await self._run(asked, found, progress)

    async def refresh(
        self,
        guild: GuildId,
        sources: Sequence[SourceId] | None = None,
        *,
        progress: ProgressCallback | None = None,
    ) -> IngestReport:
        """Read again what changed, and remove what vanished: a file whose folder is still there, a page that
        its server says is gone. What merely cannot be reached stays. Raises as `ingest` does.
        """
        targets: list[_Target] = []
        for source in await self._catalog.sources(guild):
            if sources is not None and source.id not in sources:
                continue
            if source.kind is SourceKind.FILE:
                targets.append(FileTarget(path=Path(source.uri)))
            elif source.kind is SourceKind.URL:
                targets.append(UrlTarget(uri=source.uri))
        return await self._run(Asked(guild=guild, refreshing=True), targets, progress)

    async def remember(
        self,
        guild: GuildId,
        text: str,
        *,
        on: Day | None,
        author: MemberId,
        author_name: str,
        category: Slug | None,
        visibility: str = GUILD_WIDE,
        link: str = "",
        entry: SourceId | None = None,
    ) -> Source:
        """Store an entry: a source of one passage. Without a category, the router chooses.

        `entry` is its id; a caller that may have to try again gives it, so that there is one entry. Raises
        `UsageError` when the text is blank.
        """
        text = clean_text(text).strip()
        if not text:
            raise UsageError("There is nothing to remember.")
        given = Choice(category=category, probability=1.0, by=ChosenBy.COMMAND)
        source = make_entry(
            guild,
            text,
            given if category else await self._routed(guild, text),
            id_=entry or new_id(),
            on=on,
            author=author,
            author_name=author_name,
            visibility=visibility,
            language=self._settings.language,
            now=self._clock(),
            link=link,
        )
        await self._keeping.put(source, text, [entry_passage(source, text)])
        return source

    async def keep_conversation(
        self, guild: GuildId, conversation: Conversation, *, category: Slug | None = None
    ) -> Source:
        """Make a conversation a source, or bring its source up to date; where nothing changed, do nothing.

        `category` is what its channel is about. Without one, or when the guild has it no longer, what a
        person chose before stays, else the router chooses.
        """
        before = await self._catalog.source(guild, source_id(guild, conversation.uri))
        known = {each.slug for each in await self._catalog.categories(guild)}
        given = category if category in known else None
        same = before is not None and before.content_hash == digest_of(conversation)
        if before is not None and same and given in (None, before.category):
            return before
        document = document_of(conversation)
        if given is None and before is not None and before.category_probability >= 1.0:
            given = before.category
        source = conversation_source(
            guild,
            conversation,
            document,
            Choice(category=given, probability=1.0, by=ChosenBy.COMMAND)
            if given
            else await self._routed(guild, document.text, conversation.title),
            before,
            language=self._settings.language,
            now=self._clock(),
        )
        cut = await asyncio.to_thread(conversation_passages, conversation, document, source)
        await self._keeping.put(source, document.text, cut)
        return source

    async def forget_entry(self, guild: GuildId, entry: SourceId) -> None:
        """Undo `remember`. Raises `UsageError` when there is no such entry."""
        source = await self._catalog.source(guild, entry)
        if source is None or source.kind is not SourceKind.ENTRY:
            raise UsageError("There is no such entry.", "It may have been removed already.")
        await self._keeping.remove(guild, [entry])

    async def remove(self, guild: GuildId, sources: Sequence[SourceId]) -> int:
        """Remove sources with their passages, in every index; return how many went."""
        return await self._keeping.remove(guild, sources)

    async def _run(
        self, asked: Asked, targets: Sequence[_Target], progress: ProgressCallback | None
    ) -> IngestReport:
        await self._keeping.version()
        queue = list(reversed(targets))
        watch = _Watch(callback=progress, total=len(queue))
        async with Storing(watch.end) as storing:
            while queue and not storing.stopped:
                target = queue.pop()
                watch.begin(target.uri)
                try:
                    outcome = await self._one(asked, target, watch.embedded)
                except (StoreError, ModelError) as error:
                    storing.fail(target.uri, error)
                    break
                if isinstance(outcome, TargetReport):
                    storing.end(outcome)
                elif isinstance(outcome, _Ready):
                    await storing.store(target.uri, partial(self._put, outcome))
                else:
                    queue.extend(reversed(outcome))
                    watch.total += len(outcome) - 1
        report = storing.report()
        if not report.stopped and any(target.added or target.removed for target in report.targets):
            # A search of many small writes takes twice as long as one of what they are folded into.
            await self._store.optimize()
        return report

    async def _one(self, asked: Asked, target: _Target, embedded: _Embedded) -> _Outcome:
        """What became of a target, or what it is to become."""
        try:
            if isinstance(target, FileTarget):
                return await self._take_file(asked, target, embedded)
            if isinstance(target, UrlTarget):
                return await self._take_url(asked, target, embedded)
            return target
        except (IngestError, UsageError) as error:
            count_error(type(error), Where.INGEST.value)
            return failed(target.uri, error)

    async def _take_file(
        self, asked: Asked, target: FileTarget, embedded: _Embedded
    ) -> TargetReport | _Ready:
        if asked.refreshing and await asyncio.to_thread(has_vanished, target.path):
            return await self._vanished(asked.guild, target.uri, "The file is no longer there.")
        data = await asyncio.to_thread(read_file, target.path, self._settings.ingest_file_mb)
        return await self._take(asked, Fetched(uri=target.uri, data=data, path=target.path), embedded)

    async def _take_url(self, asked: Asked, target: UrlTarget, embedded: _Embedded) -> _Outcome:
        uri = str(parse_url(target.uri))
        try:
            page = await self._fetcher.fetch(uri)
        except GoneError as error:
            if asked.refreshing:
                return await self._vanished(asked.guild, uri, str(error))
            raise
        if is_sitemap(page):
            pages = await pages_of(
                self._fetcher,
                page,
                limit=self._settings.web_pages,
                unpacked_bytes=int(self._settings.ingest_unpacked_mb * 1024 * 1024),
            )
            return [UrlTarget(uri=url) for url in pages]
        fetched = Fetched(uri=uri, data=page.data, content_type=page.content_type, charset=page.charset)
        return await self._take(asked, fetched, embedded)

    async def _take(self, asked: Asked, fetched: Fetched, embedded: _Embedded) -> TargetReport | _Ready:
        before = await self._catalog.source_by_uri(asked.guild, fetched.uri)
        if before and is_unchanged(before, fetched, asked):
            return TargetReport(
                uri=fetched.uri, outcome=Outcome.UNCHANGED, source=before.id, title=before.title
            )
        document = await asyncio.to_thread(read_document, fetched, self._settings.ingest_unpacked_mb)
        if fetched.path:
            for category in choosing.new_categories(document, await self._catalog.categories(asked.guild)):
                await self._catalog.put_category(asked.guild, category)
        choice = await self._choose(asked, fetched, document, before)
        source = make_source(
            fetched,
            document,
            choice,
            asked,
            before,
            language=self._settings.language,
            now=self._clock(),
        )
        rows = choosing.row_categories(document, await self._catalog.categories(asked.guild))
        cut = await asyncio.to_thread(passages, document, source, rows)
        made = await self._keeping.embed(source, document.text, cut, embedded)
        return _Ready(made=made, outcome=Outcome.CHANGED if before else Outcome.ADDED, choice=choice)

    async def _put(self, ready: _Ready) -> TargetReport:
        source = ready.made.source
        kept = await self._keeping.store(ready.made)
        return TargetReport(
            uri=source.uri,
            outcome=ready.outcome,
            source=source.id,
            title=source.title,
            added=kept.added,
            kept=kept.kept,
            removed=kept.removed,
            choice=ready.choice,
        )

    async def _choose(
        self, asked: Asked, fetched: Fetched, document: Document, before: Source | None
    ) -> Choice:
        known = await self._catalog.categories(asked.guild)
        person = choosing.chosen_by_person(asked.category, document, fetched.path, before, known)
        return person or await self._routed(asked.guild, document.text, document.title or fetched.name)

    async def _routed(self, guild: GuildId, text: str, title: str = "") -> Choice:
        return choosing.chosen_by_router(await self._router.route(guild, choosing.routed_text(title, text)))

    async def _vanished(self, guild: GuildId, uri: str, reason: str) -> TargetReport:
        before = await self._catalog.source_by_uri(guild, uri)
        if before:
            await self._keeping.remove(guild, [before.id])
        return TargetReport(
            uri=uri,
            outcome=Outcome.REMOVED,
            source=before.id if before else None,
            title=before.title if before else "",
            reason=reason,
        )


@dataclass(slots=True, kw_only=True)
class _Watch:
    """Tells a caller how far the run is."""

    callback: ProgressCallback | None
    total: int
    done: int = 0
    uri: str = ""
    """Of the target that is being read and embedded."""

    def begin(self, uri: str) -> None:
        self.uri = uri
        self._tell()

    def embedded(self, passages: int, of: int) -> None:
        self._tell(passages, of)

    def end(self, report: TargetReport) -> None:
        self.done += 1
        self._tell(report=report)

    def _tell(self, passages: int = 0, of: int = 0, report: TargetReport | None = None) -> None:
        if self.callback:
            now = Progress(
                done=self.done,
                total=self.total,
                uri=report.uri if report else self.uri,
                passages=passages,
                passages_total=of,
                report=report,
            )
            self.callback(now)
