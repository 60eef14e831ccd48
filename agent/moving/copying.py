"""One copy from end to end: pass after pass until nothing changed meanwhile, then verified.

A pass brings the target's tables in line with one state of the source database, then the passages in line
with that state's sources. Every pass, and every later run, writes only what differs: so a copy that was
killed goes on, and one that ran beside a busy bot is finished by a short second run.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Final, TypeAlias

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from agent.catalog.sql import SqlCatalog
from agent.database import tables
from agent.database.engine import Database
from agent.errors import StoreBusyError, StoreError
from agent.knowledge.protocol import KnowledgeStore
from agent.moving.ends import Ends, Opened, Part, opened, place_of, require_empty
from agent.moving.knowledge import KnowledgeCopy, active_version, added_up, held
from agent.moving.record import MoveRecord, SourceKey, open_record
from agent.moving.tables import TableCopy, count_rows, table_copy
from agent.moving.verify import PASSAGES, Digests, differences, require_same

Show: TypeAlias = Callable[[int, int, str], None]
"""Hears how much is done, of how much, and what is being done."""

Records: TypeAlias = Mapping[Part, MoveRecord]

_PASSES: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """What the target holds now, and what this run did for it."""

    digests: Digests
    rows: int
    """Rows of tables that this run wrote or deleted."""
    passages: int
    """Passages that this run wrote."""
    replaced: tuple[str, ...]
    """Where NUL became the replacement character, because PostgreSQL cannot hold it."""
    left_behind: int
    """Passages of no source, which an unfinished ingest left."""


class Meter:
    """Turns steps into what `Show` hears, a thousand times at most."""

    def __init__(self, show: Show, total: int) -> None:
        self._show = show
        self._total = total
        self._done = 0
        self._told = -1

    def __call__(self, steps: int, what: str) -> None:
        # Another pass makes more steps than were foreseen.
        self._done = min(self._done + steps, self._total)
        told = self._done * 1000 // max(self._total, 1)
        if told > self._told:
            self._told = told
            self._show(self._done, self._total, what)


@contextmanager
def open_records(ends: Ends, state: str = "") -> Iterator[Records]:
    """Give the memory of each part's copy; `state` tells apart what one place holds at different times.

    Raises `StoreBusyError` while the same copy runs already.
    """
    with ExitStack() as stack:
        yield {
            part: stack.enter_context(
                open_record(
                    ends.target.data_dir, place_of(part, ends.source) + state, place_of(part, ends.target)
                )
            )
            for part in sorted(ends.parts)
        }


@asynccontextmanager
async def begun(ends: Ends, records: Records) -> AsyncIterator[Opened]:
    """Open both ends for a copy that is new or goes on.

    Raises `StoreError` when the target holds anything but what this copy has put there.
    """
    async with opened(ends) as both:
        for part, record in records.items():
            if not record.begun:
                await require_empty(both, ends.target, part)
            elif (finished := record.finished()) is not None:
                await _require_untouched(both, part, record, finished, place_of(part, ends.target))
        for record in records.values():
            record.begin()
        yield both


async def bring(both: Opened, records: Records, show: Show, *, follow: bool) -> Moved:
    """Copy and verify. With `follow` nothing at all may have changed since it was read; without, the target
    is one state of the source: what is asked and added meanwhile does not matter, only that no source of that
    state changed before its passages were read.

    Raises `StoreBusyError` when the source changes all the time, `StoreError` for a difference.
    """
    work = await _Work.of(both, records, show, follow)
    for _ in range(_PASSES):
        digests, revisions = await work.copy()
        if not await work.changed(digests, revisions):
            return await work.verified(digests)
    raise StoreBusyError(
        f"{both.database.name} changes faster than it is copied.",
        "Stop the bot and what else writes, then run the same command again: only the difference is copied.",
    )


async def move(ends: Ends, show: Show) -> Moved:
    """Copy what `ends` says; the source stays as it is.

    Goes on with a copy that was stopped, and brings a finished one in line with its source. Raises
    `StoreError`, `StoreBusyError` and `ConfigurationError`.
    """
    with open_records(ends) as records:
        async with begun(ends, records) as both:
            moved = await bring(both, records, show, follow=True)
        for part, record in records.items():
            record.finish(_of_part(moved.digests, part))
    return moved


async def add_up(
    database: Database | None, store: KnowledgeStore | None, sources: Iterable[SourceKey]
) -> Digests:
    """Return what an end holds; of the store, in these sources."""
    digests: Digests = {}
    if database is not None:
        copy = await table_copy(database)
        async with database.read() as connection:
            digests = await copy.add_up(connection, _silent)
    version = None if store is None else await active_version(store)
    if store is None or version is None:
        return digests
    return {**digests, **added_up(await held(store, version.name, sources, _silent))}


class _Work:
    """The parts of a copy that are being copied."""

    def __init__(
        self,
        both: Opened,
        tables_: TableCopy | None,
        knowledge: KnowledgeCopy | None,
        meter: Meter,
        follow: bool,
    ) -> None:
        self._both = both
        self._tables = tables_
        self._knowledge = knowledge
        self._meter = meter
        self._follow = follow

    @classmethod
    async def of(cls, both: Opened, records: Records, show: Show, follow: bool) -> _Work:
        copy = None if both.target_database is None else await table_copy(both.target_database)
        knowledge, total = None, 0
        if both.store is not None and both.target_store is not None:
            version = await active_version(both.store)
            if version is not None:
                knowledge = KnowledgeCopy(both.store, version, both.target_store, records[Part.KNOWLEDGE])
                total += 2 * version.passages
        if copy is not None:
            async with both.database.read() as connection:
                total += (3 if follow else 2) * sum((await count_rows(connection)).values())
        return cls(both, copy, knowledge, Meter(show, total), follow)

    async def copy(self) -> tuple[Digests, dict[str, int]]:
        """One pass; return what the tables add up to, and the revisions of the guilds that it saw."""
        database, target = self._both.database, self._both.target_database
        digests: Digests = {}
        async with database.read() as snapshot:
            revisions = await _revisions(snapshot)
            if self._tables is not None:
                digests = await self._tables.bring(snapshot, self._meter)
        if self._tables is not None and target is not None:
            async with target.read() as connection:
                found = await self._tables.add_up(connection, self._meter)
            require_same(digests, found, database.name, target.name)
        if self._knowledge is not None:
            await self._knowledge.bring(SqlCatalog(target or database), self._meter)
        return digests, revisions

    async def changed(self, digests: Digests, revisions: dict[str, int]) -> bool:
        """Whether another pass is needed: what it would find, or what this one may have mixed."""
        database = self._both.database
        if not self._follow:
            return self._knowledge is not None and not await self._knowledge.settled(SqlCatalog(database))
        async with database.read() as connection:
            if await _revisions(connection) != revisions:
                return True
            now = digests if self._tables is None else await self._tables.add_up(connection, self._meter)
        return bool(differences(digests, now))

    async def verified(self, digests: Digests) -> Moved:
        left_behind = 0
        if self._knowledge is not None:
            digests = {**digests, **await self._knowledge.verify(self._meter)}
            await self._knowledge.finish()
            left_behind = await self._knowledge.left_behind()
        return Moved(
            digests=digests,
            rows=self._tables.changed if self._tables is not None else 0,
            passages=self._knowledge.copied if self._knowledge is not None else 0,
            replaced=tuple(sorted(self._tables.replaced)) if self._tables is not None else (),
            left_behind=left_behind,
        )


async def _require_untouched(
    both: Opened, part: Part, record: MoveRecord, finished: Digests, name: str
) -> None:
    """Raise `StoreError` when the target is not any longer what a finished copy left in it."""
    if part is Part.DATABASE:
        found = await add_up(both.target_database, None, ())
    else:
        found = await add_up(None, both.target_store, sorted(record.sources()))
    for guild, table in differences(finished, found):
        raise StoreError(
            f"{name} is in use already: its {table}{f' of guild {guild}' if guild else ''} changed since "
            "they were copied there.",
            "What is new there would be lost. Choose an empty target.",
        )


def _of_part(digests: Digests, part: Part) -> Digests:
    return {
        (guild, table): digest
        for (guild, table), digest in digests.items()
        if (table == PASSAGES) == (part is Part.KNOWLEDGE)
    }


def _silent(_steps: int, _what: str) -> None:
    """Nobody watches."""


async def _revisions(connection: AsyncConnection) -> dict[str, int]:
    rows = await connection.execute(select(tables.guilds.c.id, tables.guilds.c.revision))
    return {row.id: row.revision for row in rows}
