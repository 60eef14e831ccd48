"""What a guild holds as one archive, as far as one admin may see it; docs/privacy.md says what is left out.

An admin gets what members asked and said where the admin can read along, not what was asked in private; out
of what the admin may read, not what was answered from elsewhere; and nothing of members who do not want it
used. Nobody's id is in it: members are numbered in the order in which they come.
"""

from __future__ import annotations

import asyncio
import io
import json
import zipfile
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Final, TypeAlias

from agent.contracts import Episode, EpisodeId, Feedback, GuildId, MemberId, Passage, PassageId
from agent.privacy.consents import Consents
from agent.runtime import Stores
from tuning.labels.gathering import labels_of

Row: TypeAlias = Mapping[str, Any]
_PAGE: Final = 200


class TooLargeError(Exception):
    """The archive passed what may be sent; `size` bytes were written by then."""

    def __init__(self, size: int) -> None:
        super().__init__(f"{size} bytes")
        self.size = size


@dataclass(frozen=True, slots=True, kw_only=True)
class Viewer:
    """What the admin may read."""

    visible: frozenset[str]
    """Visibilities of passages and sources."""
    readable: Callable[[EpisodeId], bool]
    """Whether the answer of an episode stands where the admin can read it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    archive: bytes
    """A ZIP of files of JSON lines."""
    counts: Mapping[str, int]
    """Lines of each file."""
    left_out: int
    """Questions that are not in it."""


@dataclass(slots=True)
class _Members:
    """Numbers instead of ids."""

    known: dict[MemberId, str] = field(default_factory=dict)

    def name(self, member: MemberId) -> str:
        return self.known.setdefault(member, f"member {len(self.known) + 1}")


class Exporter:
    """One export of one guild. Mutable: it fills its archive and counts."""

    def __init__(self, stores: Stores, guild: GuildId, viewer: Viewer, *, now: datetime, limit: int) -> None:
        """`limit` is the most bytes that the archive may have."""
        self._stores = stores
        self._guild = guild
        self._viewer = viewer
        self._now = now
        self._limit = limit
        self._consents = Consents(stores.database, stores.settings)
        self._agreed: dict[MemberId, bool] = {}
        self._members = _Members()
        self._shown: set[EpisodeId] = set()
        self._questions: set[str] = set()
        self._left_out = 0

    async def make(self) -> Export:
        """Raises `TooLargeError`, `StoreError`."""
        buffer, counts = io.BytesIO(), {}
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            # What was asked decides which examples and labels may be shown, so it comes first.
            for name, rows in (
                ("episodes.jsonl", self._episodes()),
                ("feedback.jsonl", self._feedback()),
                ("labels.jsonl", self._labels()),
                ("categories.jsonl", self._categories()),
                ("examples.jsonl", self._examples()),
                ("sources.jsonl", self._sources()),
            ):
                counts[name] = await self._write(archive, buffer, name, rows)
        return Export(archive=buffer.getvalue(), counts=counts, left_out=self._left_out)

    async def _write(
        self, archive: zipfile.ZipFile, buffer: io.BytesIO, name: str, pages: AsyncIterator[Sequence[Row]]
    ) -> int:
        count = 0
        with archive.open(name, "w") as file:
            async for page in pages:
                await asyncio.to_thread(file.write, _lines(page))
                count += len(page)
                if buffer.tell() > self._limit:
                    raise TooLargeError(buffer.tell())
        return count

    async def _episodes(self) -> AsyncIterator[Sequence[Row]]:
        after: EpisodeId | None = None
        while page := await self._stores.journal.episodes(self._guild, after=after, limit=_PAGE):
            after = page[-1].id
            passages = await self._passages(page)
            shown = [each for each in page if await self._may_show(each, passages)]
            self._left_out += len(page) - len(shown)
            self._shown |= {each.id for each in shown}
            self._questions |= {each.question for each in shown}
            yield [_episode_row(each, self._members.name(each.member)) for each in shown]

    async def _feedback(self) -> AsyncIterator[Sequence[Row]]:
        shown = sorted(self._shown)
        for start in range(0, len(shown), _PAGE):
            events = await self._stores.journal.feedback_on(self._guild, shown[start : start + _PAGE])
            yield [
                _feedback_row(event, self._members.name(event.member))
                for event in events
                if await self._agrees(event.member)
            ]

    async def _labels(self) -> AsyncIterator[Sequence[Row]]:
        derived = await labels_of(self._stores, self._guild, now=self._now)
        yield [
            _without(asdict(label), "guild", "members", "events")
            for label in derived.labels
            if self._shown.issuperset(label.episodes)
        ]

    async def _categories(self) -> AsyncIterator[Sequence[Row]]:
        yield [asdict(each) for each in await self._stores.catalog.categories(self._guild)]

    async def _examples(self) -> AsyncIterator[Sequence[Row]]:
        """Those that an admin gave, and those out of questions that are in the export."""
        yield [
            _without(asdict(each), "asker", "teacher")
            for each in await self._stores.catalog.examples(self._guild)
            if (each.asker is None and each.teacher is None) or each.question in self._questions
        ]

    async def _sources(self) -> AsyncIterator[Sequence[Row]]:
        catalog = self._stores.catalog
        for source in await catalog.sources(self._guild):
            if source.visibility in self._viewer.visible:
                text = await catalog.source_text(self._guild, source.id)
                yield [_without(asdict(source), "guild", "author") | {"text": text}]

    async def _passages(self, page: Sequence[Episode]) -> Mapping[PassageId, Passage]:
        wanted = {passage for episode in page for passage in _used(episode)}
        found = await self._stores.store.get(self._guild, sorted(wanted))
        return {each.id: each for each in found}

    async def _may_show(self, episode: Episode, passages: Mapping[PassageId, Passage]) -> bool:
        """What was retrieved and is gone since could have been from anywhere, so it is not shown."""
        visible = all(
            id_ in passages and passages[id_].visibility in self._viewer.visible for id_ in _used(episode)
        )
        return visible and self._viewer.readable(episode.id) and await self._agrees(episode.member)

    async def _agrees(self, member: MemberId) -> bool:
        if member not in self._agreed:
            self._agreed[member] = await self._consents.allows(self._guild, member, self._now)
        return self._agreed[member]


def _used(episode: Episode) -> frozenset[PassageId]:
    """The passages that an episode was answered from."""
    quoted = {quote.passage for quote in episode.answer.quotes} if episode.answer else set()
    return frozenset(quoted | {id_ for id_, _ in episode.evidence})


def _episode_row(episode: Episode, member: str) -> Row:
    row = asdict(episode) | {"member": member}
    if episode.route is not None:
        # The nearest examples are what others asked.
        row["route"] = _without(row["route"], "examples")
    return _without(row, "guild")


def _feedback_row(event: Feedback, member: str) -> Row:
    return _without(asdict(event), "guild", "id") | {"member": member}


def _without(row: Row, *names: str) -> dict[str, Any]:
    return {key: value for key, value in row.items() if key not in names}


def _lines(rows: Iterable[Row]) -> bytes:
    return "".join(f"{json.dumps(row, ensure_ascii=False, default=str)}\n" for row in rows).encode()
