"""The Lance tables of a knowledge store: one for each guild and index version.

A guild is a table and not a column, so that no filter stands between one guild and another, one guild's
words do not weigh in another's BM25, a small guild searches a small table, and dropping a guild is
dropping a folder. Every write is one Lance commit; a table comes into being, and goes, by one rename.

Only writers that hold the store's lock call what changes something.
"""

from __future__ import annotations

import asyncio
import hashlib
import shutil
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agent.contracts import GuildId, Passage, PassageId, SourceId
from agent.ids import new_id
from agent.knowledge import _filters, _rows
from agent.models.protocol import Vector

if TYPE_CHECKING:
    from lancedb.db import AsyncConnection
    from lancedb.table import AsyncTable

_SUFFIX = ".lance"
_UNBORN = "unborn-"

_FRESH_ROWS = 500
"""Rows outside the full-text index before a write folds them in; searching 500 of them costs some 10 ms."""
_FRESH_SHARE = 0.02
_FRAGMENTS = 40
"""Files of a table before a write compacts them; each one costs every search some 0.2 ms."""

_SNAPSHOT_LIFE = timedelta(minutes=1)
"""How long the files of an old state stay for the searches that still read it."""


class Tables:
    def __init__(self, connection: AsyncConnection, folder: Path) -> None:
        self._connection = connection
        self._folder = folder

    async def open(self, version: str, guild: GuildId) -> AsyncTable | None:
        """A snapshot of the latest state, or None when the guild has nothing; it takes some 0.1 ms."""
        return await self._opened(_name(version, guild))

    async def open_to_write(self, version: str, guild: GuildId) -> AsyncTable | None:
        """As `open`, and what earlier writes left to tidy is tidied.

        Before a write and not after it: what fails here, for want of space, has changed nothing yet.
        """
        table = await self.open(version, guild)
        if table is not None:
            await _fold_if_due(table)
        return table

    async def open_all(self, version: str) -> list[AsyncTable]:
        """Every guild's table of a version."""
        tables = [await self._opened(name) for name in await self._names(f"{version}-")]
        return [table for table in tables if table is not None]

    async def count(self, version: str) -> int:
        """Passages of a version over all guilds."""
        return sum([await table.count_rows() for table in await self.open_all(version)])

    async def create(self, version: str, guild: GuildId, dimension: int) -> AsyncTable:
        """Make an empty table with all its indexes, under another name until it is whole."""
        unborn = _UNBORN + new_id()
        table = await self._connection.create_table(unborn, schema=_rows.schema(dimension))
        await _index(table)
        name = _name(version, guild)
        await asyncio.to_thread(self._path(unborn).rename, self._path(name))
        return await self._connection.open_table(name)

    async def drop(self, version: str, guild: GuildId | None = None) -> None:
        """Remove one guild's table of a version, or all of the version's."""
        names = await self._names(f"{version}-") if guild is None else [_name(version, guild)]
        await asyncio.to_thread(self._discard, names)

    async def sweep(self, versions: Iterable[str]) -> None:
        """Remove what a killed process left: unborn tables, and those of versions that are not any longer."""
        known = frozenset(versions)
        left = [name for name in await self._names("") if name.split("-")[0] not in known]
        await asyncio.to_thread(self._discard, left)

    def close(self) -> None:
        self._connection.close()  # type: ignore[no-untyped-call]

    async def _opened(self, name: str) -> AsyncTable | None:
        if not await asyncio.to_thread(self._path(name).is_dir):
            return None
        return await self._connection.open_table(name)

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}{_SUFFIX}"

    async def _names(self, prefix: str) -> list[str]:
        def listed() -> list[str]:
            return sorted(path.stem for path in self._folder.glob(f"{prefix}*{_SUFFIX}"))

        return await asyncio.to_thread(listed)

    def _discard(self, names: Sequence[str]) -> None:
        """Rename before deleting: a table is there whole or not at all, whenever the process dies."""
        trash = self._folder / "trash"
        trash.mkdir(exist_ok=True)
        for name in names:
            if self._path(name).is_dir():
                self._path(name).rename(trash / new_id())
        shutil.rmtree(trash, ignore_errors=True)


async def replace_source(
    table: AsyncTable,
    source: SourceId,
    passages: Sequence[Passage],
    vectors: Mapping[PassageId, Vector],
    dimension: int,
) -> None:
    """Make `passages` the whole of `source`, in one commit."""
    if not passages:
        await delete_sources(table, [source])
        return
    ids = [passage.id for passage in passages]
    lacking = [identity for identity in ids if identity not in vectors]
    if lacking:
        vectors = {**await _stored_vectors(table, lacking), **vectors}
    rows = _rows.to_rows(passages, vectors, dimension)
    touched = _filters.of_sources([source]).or_(_filters.of_ids(ids))
    if await table.count_rows(touched.to_sql()) == 0:
        # Appending does not read the table, which a merge does.
        await table.add(rows)
        return
    merge = table.merge_insert("id").when_matched_update_all().when_not_matched_insert_all()
    await merge.when_not_matched_by_source_delete(_filters.of_sources([source])).execute(rows)


async def delete_sources(table: AsyncTable, sources: Sequence[SourceId]) -> int:
    """Return how many passages went."""
    where = _filters.of_sources(sources)
    count = await table.count_rows(where.to_sql())
    if count:
        await table.delete(where)
    return count


async def _stored_vectors(table: AsyncTable, ids: Sequence[PassageId]) -> dict[PassageId, Vector]:
    query = table.query().where(_filters.of_ids(ids)).select(["id", _rows.VECTOR])
    rows = await query.to_arrow()
    return dict(zip(rows["id"].to_pylist(), _rows.vectors_of(rows), strict=True))


async def _fold_if_due(table: AsyncTable) -> None:
    """Keep searches fast between two `optimize`: fresh rows are found without an index, but slowly."""
    words = await table.index_stats(f"{_rows.SEARCHED}_idx")
    fresh = words.num_unindexed_rows if words is not None else 0
    limit = max(_FRESH_ROWS, _FRESH_SHARE * await table.count_rows())
    stats: Any = await table.stats()  # A dictionary, whatever its annotation says.
    if fresh > limit or stats["fragment_stats"]["num_fragments"] > _FRAGMENTS:
        await fold(table)


async def fold(table: AsyncTable) -> None:
    """Compact the files, bring the indexes up to date, and forget states that nobody reads any longer."""
    await table.optimize(cleanup_older_than=_SNAPSHOT_LIFE)


async def _index(table: AsyncTable) -> None:
    from lancedb.index import FTS, Bitmap, BTree, IvfFlat

    for column in ("id", "source"):
        await table.create_index(column, config=BTree())
    for column in ("category", "visibility"):
        await table.create_index(column, config=Bitmap())
    # The English stemmer also folds Spanish plurals; measured against none and against the Spanish one, it
    # is better in English and no worse in Spanish. Function words are dropped from the question instead.
    words = FTS(stem=True, language="English", remove_stop_words=False, ascii_folding=True)
    await table.create_index(_rows.SEARCHED, config=words)
    # Exact, and five times faster than reading the column: the index keeps the vectors in memory.
    await table.create_index(_rows.VECTOR, config=IvfFlat(distance_type="dot", num_partitions=1))


def _name(version: str, guild: GuildId) -> str:
    """A digest, because a guild's id may hold anything and file systems differ in what they tell apart."""
    return f"{version}-{hashlib.sha256(guild.encode()).hexdigest()[:40]}"
