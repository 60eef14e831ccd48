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
from typing import TYPE_CHECKING, Any, TypeAlias

from agent.contracts import GuildId, Passage, PassageId, SourceId
from agent.errors import DiskFullError
from agent.ids import new_id
from agent.knowledge import _filters, _rows
from agent.models.protocol import Vector

if TYPE_CHECKING:
    from lancedb.db import AsyncConnection
    from lancedb.expr import Expr
    from lancedb.table import AsyncTable

FULL_HINT = "Free 64 MB or more and repeat the last command; nothing that was stored is lost."

_Commits: TypeAlias = tuple[int, int, frozenset[str]]
"""Which folder it is, and the names of the commits in it whose states are still kept."""

_SUFFIX = ".lance"
_UNBORN = "unborn-"

_FRESH_ROWS = 500
"""Rows outside the full-text index before a write folds them in; searching 500 of them costs some 10 ms."""
_FRESH_SHARE = 0.02
_FRAGMENTS = 40
"""Files of a table before a write compacts them; each one costs every search some 0.2 ms."""
_SEGMENTS = 6
"""Pieces of the vector index before it is built anew; files of different pieces are never compacted."""

_RESERVE = 64_000_000
"""Bytes that stay free. Lance may commit a file that a full disk has cut short, and then the table cannot be
read any longer: what writes much asks for the space before. Deleting, which a full disk needs, does not."""
_REWRITE_SPACE = 3
"""Space that rewriting a table wants, in its own sizes: the new files are written before the old ones go."""

_SNAPSHOT_LIFE = timedelta(minutes=1)
"""How long the files of an old state stay for the searches that still read it."""
_AT_ONCE = timedelta(milliseconds=1)


class Tables:
    def __init__(self, connection: AsyncConnection, folder: Path) -> None:
        self._connection = connection
        self._folder = folder
        self._snapshots: dict[str, tuple[_Commits, AsyncTable]] = {}

    async def open(self, version: str, guild: GuildId) -> AsyncTable | None:
        """A snapshot of the latest state, only to be read, or None when the guild has nothing.

        It is kept until another commit is there, by whatever process: a new one has to be warmed up.
        """
        name = _name(version, guild)
        commits = await asyncio.to_thread(self._commits, name)
        if commits is None:
            self._snapshots.pop(name, None)
            return None
        snapshot = self._snapshots.get(name)
        if snapshot is None or snapshot[0] != commits:
            # A commit that comes between listing and opening is seen early, and opened again next time.
            snapshot = (commits, await self._connection.open_table(name))
            self._snapshots[name] = snapshot
        return snapshot[1]

    async def open_to_write(self, version: str, guild: GuildId) -> AsyncTable | None:
        """A table of one's own, since writing moves it to the new state; None when the guild has nothing.

        What earlier writes left to tidy is tidied here. Not after a write: what fails here, for want of
        space, has changed nothing yet.
        """
        table = await self._opened(_name(version, guild))
        if table is not None and await _fold_is_due(table) and await self._may_rewrite(table):
            await _fold(table)
        return table

    async def optimize(self, version: str) -> None:
        """Fold every guild's table of a version. Raises `DiskFullError` before it begins one."""
        for table in await self.open_all(version):
            await self.require_space_to_rewrite(table)
            await _fold(table)

    async def erase_deleted(self, version: str, guild: GuildId) -> None:
        """Write a guild's table and its indexes anew, and delete the files of every earlier state."""
        table = await self._opened(_name(version, guild))
        if table is None:
            return
        if not await table.count_rows():
            await self.drop(version, guild)
            return
        await self.require_space_to_rewrite(table)
        # Compacting would leave files alone of which only a few rows were deleted.
        await table.update(updates_sql={"ordinal": "ordinal"})
        await _index(table)
        await table.optimize(cleanup_older_than=_AT_ONCE, delete_unverified=True)

    async def open_all(self, version: str) -> list[AsyncTable]:
        """Every guild's table of a version, each one's own."""
        tables = [await self._opened(name) for name in await self._names(f"{version}-")]
        return [table for table in tables if table is not None]

    async def count(self, version: str) -> int:
        """Passages of a version over all guilds."""
        return sum([await table.count_rows() for table in await self.open_all(version)])

    async def require_space(self, size: int) -> None:
        """Raises `DiskFullError` unless `size` bytes and a reserve are free."""
        if await asyncio.to_thread(self._free) < size:
            raise self._full()

    async def require_space_to_rewrite(self, table: AsyncTable) -> None:
        """Raises `DiskFullError` when a change of most rows might not fit."""
        if not await self._may_rewrite(table):
            raise self._full()

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
        for name in names:
            self._snapshots.pop(name, None)
        await asyncio.to_thread(self._discard, names)

    async def sweep(self, versions: Iterable[str]) -> None:
        """Remove what a killed process left: unborn tables, and those of versions that are not any longer."""
        known = frozenset(versions)
        left = [name for name in await self._names("") if name.split("-")[0] not in known]
        await asyncio.to_thread(self._discard, left)

    def close(self) -> None:
        self._connection.close()  # type: ignore[no-untyped-call]

    def _free(self) -> int:
        """Bytes that may be written; negative when the reserve is touched."""
        return shutil.disk_usage(self._folder).free - _RESERVE

    def _full(self) -> DiskFullError:
        return DiskFullError(f"No space left for the knowledge store {self._folder.parent}.", FULL_HINT)

    async def _may_rewrite(self, table: AsyncTable) -> bool:
        stats: Any = await table.stats()
        return await asyncio.to_thread(self._free) >= _REWRITE_SPACE * int(stats["total_bytes"])

    async def _opened(self, name: str) -> AsyncTable | None:
        if await asyncio.to_thread(self._commits, name) is None:
            return None
        return await self._connection.open_table(name)

    def _commits(self, name: str) -> _Commits | None:
        """What changes with every commit, also when a table was dropped and made again; None without one."""
        folder = self._path(name)
        try:
            made = folder.stat()
        except FileNotFoundError:
            return None
        kept = frozenset(path.name for path in (folder / "_versions").iterdir())
        return made.st_ino, made.st_ctime_ns, kept

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
        await delete(table, _filters.of_sources([source]))
        return
    ids = [passage.id for passage in passages]
    lacking = [identity for identity in ids if identity not in vectors]
    if lacking:
        vectors = {**await stored_vectors(table, lacking), **vectors}
    rows = _rows.to_rows(passages, vectors, dimension)
    touched = _filters.of_sources([source]).or_(_filters.of_ids(ids))
    if await table.count_rows(touched.to_sql()) == 0:
        # Appending does not read the table, which a merge does.
        await table.add(rows)
        return
    merge = table.merge_insert("id").when_matched_update_all().when_not_matched_insert_all()
    await merge.when_not_matched_by_source_delete(_filters.of_sources([source])).execute(rows)


async def delete(table: AsyncTable, where: Expr) -> int:
    """Return how many passages went."""
    count = await table.count_rows(where.to_sql())
    if count:
        await table.delete(where)
    return count


async def stored_vectors(table: AsyncTable, ids: Sequence[PassageId]) -> dict[PassageId, Vector]:
    """Of those that exist; each of shape (dimension,), float32."""
    query = table.query().where(_filters.of_ids(ids)).select(["id", _rows.VECTOR])
    rows = await query.to_arrow()
    return dict(zip(rows["id"].to_pylist(), _rows.vectors_of(rows), strict=True))


async def _fold_is_due(table: AsyncTable) -> bool:
    """Keep searches fast between two `optimize`: fresh rows are found without an index, but slowly."""
    words = await table.index_stats(f"{_rows.SEARCHED}_idx")
    fresh = words.num_unindexed_rows if words is not None else 0
    limit = max(_FRESH_ROWS, _FRESH_SHARE * await table.count_rows())
    stats: Any = await table.stats()  # A dictionary, whatever its annotation says.
    return bool(fresh > limit or stats["fragment_stats"]["num_fragments"] > _FRAGMENTS)


async def _fold(table: AsyncTable) -> None:
    """Compact the files, bring the indexes up to date, and forget states that nobody reads any longer."""
    vectors = await table.index_stats(f"{_rows.VECTOR}_idx")
    if vectors is not None and (vectors.num_indices or 0) > _SEGMENTS:
        await _index_vectors(table)
    await table.optimize(cleanup_older_than=_SNAPSHOT_LIFE)


async def _index(table: AsyncTable) -> None:
    from lancedb.index import FTS, Bitmap, BTree

    for column in ("id", "source"):
        await table.create_index(column, config=BTree())
    for column in ("category", "visibility"):
        await table.create_index(column, config=Bitmap())
    # The English stemmer also folds Spanish plurals; measured against none and against the Spanish one, it
    # is better in English and no worse in Spanish. Function words are dropped from the question instead.
    words = FTS(stem=True, language="English", remove_stop_words=False, ascii_folding=True)
    await table.create_index(_rows.SEARCHED, config=words)
    await _index_vectors(table)


async def _index_vectors(table: AsyncTable) -> None:
    """Exact, and five times faster than reading the column: the index keeps the vectors in memory."""
    from lancedb.index import IvfFlat

    await table.create_index(_rows.VECTOR, config=IvfFlat(distance_type="dot", num_partitions=1))


def _name(version: str, guild: GuildId) -> str:
    """A digest, because a guild's id may hold anything and file systems differ in what they tell apart."""
    return f"{version}-{hashlib.sha256(guild.encode()).hexdigest()[:40]}"
