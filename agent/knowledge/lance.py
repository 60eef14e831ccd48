"""The embedded knowledge store: LanceDB in the data folder, no server.

Many processes may use one folder. Readers take no lock: a search reads one snapshot of one table, and the
list of versions anew each time. Writers take turns by a file lock, which the operating system frees when a
process dies. LanceDB takes over a second to import, so it is imported in a thread when a store is opened.
"""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from filelock import AsyncFileLock, Timeout

from agent.contracts import EvidenceItem, GuildId, MemberId, Passage, PassageId, Slug, SourceId
from agent.errors import DiskFullError, StoreBusyError, StoreError
from agent.knowledge import _filters, _rows, _tables
from agent.knowledge._checks import check_vector, check_whole
from agent.knowledge._manifest import Manifest, read_manifest, write_manifest
from agent.knowledge._search import hybrid
from agent.knowledge._tables import Tables
from agent.knowledge.protocol import IndexSpec, IndexVersion, KnowledgeStore, SearchQuery
from agent.language.counts import Count
from agent.models.protocol import Vector

if TYPE_CHECKING:
    from lancedb.expr import Expr
    from lancedb.table import AsyncTable

_Id = TypeVar("_Id", SourceId, PassageId)

_MANIFEST = "versions.json"
_LOCK = "write.lock"
_INDEX_CACHE_BYTES = 256 * 2**20
"""The vectors of 100,000 passages and their words fit; Lance's own bound is 6 GiB."""
_METADATA_CACHE_BYTES = 64 * 2**20
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


async def open_store(folder: Path, *, lock_seconds: float = 30.0) -> LanceStore:
    """Open the store in `folder`, making it when it is new. A process's first call takes a second or two.

    A writer waits `lock_seconds` for another process before `StoreBusyError`.
    """
    # Its Rust side would print warnings into the chat.
    os.environ.setdefault("LANCEDB_LOG", "error")
    lancedb = await asyncio.to_thread(import_module, "lancedb")
    tables = folder / "tables"
    with _as_store_errors(folder):
        await asyncio.to_thread(tables.mkdir, parents=True, exist_ok=True)
        caches = lancedb.Session(_INDEX_CACHE_BYTES, _METADATA_CACHE_BYTES)
        connection = await lancedb.connect_async(tables, session=caches)
    return LanceStore(folder, Tables(connection, tables), lock_seconds)


class LanceStore(KnowledgeStore):
    """See `KnowledgeStore` for what each method promises. Made by `open_store`."""

    def __init__(self, folder: Path, tables: Tables, lock_seconds: float) -> None:
        self._folder = folder
        self._tables = tables
        self._lock_seconds = lock_seconds
        self._turn = asyncio.Lock()

    async def open_index(self, spec: IndexSpec) -> IndexVersion:
        if (await self._manifest()).name_of(spec) is None:
            async with self._writing() as manifest:
                await self._put_manifest(manifest.with_version(spec))
        return next(version for version in await self.versions() if version.spec == spec)

    async def versions(self) -> tuple[IndexVersion, ...]:
        manifest = await self._manifest()
        with _as_store_errors(self._folder):
            passages = {name: await self._tables.count(name) for name in manifest.specs}
        return tuple(
            IndexVersion(name=name, spec=spec, active=name == manifest.active, passages=passages[name])
            for name, spec in manifest.specs.items()
        )

    async def active(self) -> str | None:
        return (await self._manifest()).active

    async def activate(self, name: str) -> None:
        async with self._writing() as manifest:
            await self._put_manifest(manifest.with_active(name))

    async def remove_version(self, name: str) -> None:
        async with self._writing() as manifest:
            await self._put_manifest(manifest.without(name))
            await self._tables.drop(name)

    async def put_source(
        self,
        guild: GuildId,
        source: SourceId,
        passages: Sequence[Passage],
        vectors: Mapping[PassageId, Vector],
        *,
        version: str | None = None,
    ) -> None:
        check_whole(guild, source, passages)
        async with self._writing() as manifest:
            name = manifest.require(version)
            dimension = manifest.specs[name].dimension
            await self._tables.require_space(_rows.size_of(passages, dimension))
            table = await self._tables.open_to_write(name, guild)
            if table is None and passages:
                table = await self._tables.create(name, guild, dimension)
            if table is not None:
                await _tables.replace_source(table, source, passages, vectors, dimension)

    async def passages_of(
        self, guild: GuildId, source: SourceId, *, version: str | None = None
    ) -> tuple[Passage, ...]:
        found = await self._passages(guild, version, _filters.of_sources, [source])
        return tuple(sorted(found, key=lambda passage: passage.ordinal))

    async def get(self, guild: GuildId, ids: Sequence[PassageId]) -> tuple[Passage, ...]:
        found = {passage.id: passage for passage in await self._passages(guild, None, _filters.of_ids, ids)}
        return tuple(found[identity] for identity in ids if identity in found)

    async def vectors_of(
        self, guild: GuildId, ids: Sequence[PassageId], *, version: str | None = None
    ) -> Mapping[PassageId, Vector]:
        with _as_store_errors(self._folder):
            table = await self._opened(guild, version)
            return {} if table is None or not ids else await _tables.stored_vectors(table, ids)

    async def delete_sources(
        self, guild: GuildId, sources: Sequence[SourceId], *, version: str | None = None
    ) -> int:
        if not sources:
            return 0
        return await self._delete(guild, _filters.of_sources(sources), version)

    async def passages_by(
        self, guild: GuildId, author: MemberId, *, version: str | None = None
    ) -> tuple[Passage, ...]:
        found = await self._matching(guild, version, _filters.of_author(author))
        return tuple(sorted(found, key=lambda passage: (passage.source, passage.ordinal)))

    async def delete_by(self, guild: GuildId, author: MemberId) -> int:
        return await self._delete(guild, _filters.of_author(author), None)

    async def erase_deleted(self, guild: GuildId) -> None:
        async with self._writing() as manifest:
            for name in manifest.specs:
                await self._tables.erase_deleted(name, guild)
            await self._tables.sweep(manifest.specs)

    async def _delete(self, guild: GuildId, where: Expr, version: str | None) -> int:
        """From one version, or from every one for None; return how many passages went."""
        gone = 0
        async with self._writing() as manifest:
            for name in manifest.specs if version is None else [manifest.require(version)]:
                table = await self._tables.open_to_write(name, guild)
                gone += 0 if table is None else await _tables.delete(table, where)
        return gone

    async def recategorise(self, guild: GuildId, old: Slug, new: Slug | None) -> int:
        moved = 0
        async with self._writing() as manifest:
            for name in manifest.specs:
                table = await self._tables.open_to_write(name, guild)
                if table is not None:
                    await self._tables.require_space_to_rewrite(table)
                    result = await table.update({"category": new}, where=_filters.of_category(old))
                    moved += result.rows_updated if name == manifest.active else 0
        return moved

    async def search(self, query: SearchQuery, *, version: str | None = None) -> tuple[EvidenceItem, ...]:
        if not query.may_see or query.limit < 1:
            return ()
        manifest = await self._manifest()
        if version is None and manifest.active is None:
            return ()
        name = manifest.require(version)
        check_vector(query, manifest.specs[name])
        with _as_store_errors(self._folder):
            table = await self._tables.open(name, query.guild)
            return () if table is None else await hybrid(table, query)

    async def author_names(self, guild: GuildId, may_see: frozenset[str]) -> tuple[str, ...]:
        with _as_store_errors(self._folder):
            table = await self._opened(guild, None)
            if table is None:
                return ()
            query = table.query().where(_filters.of_visibilities(may_see))
            rows = await query.select(["author_name"]).to_arrow()
            return tuple(sorted(name for name in rows["author_name"].unique().to_pylist() if name))

    async def count(self, guild: GuildId, *, version: str | None = None) -> int:
        with _as_store_errors(self._folder):
            table = await self._opened(guild, version)
            return 0 if table is None else await table.count_rows()

    async def drop_guild(self, guild: GuildId) -> None:
        async with self._writing() as manifest:
            for name in manifest.specs:
                await self._tables.drop(name, guild)

    async def optimize(self, *, version: str | None = None) -> None:
        async with self._writing() as manifest:
            if version is None and manifest.active is None:
                return
            await self._tables.optimize(manifest.require(version))
            await self._tables.sweep(manifest.specs)

    async def check(self) -> str:
        versions = await self.versions()
        active = next((version for version in versions if version.active), None)
        if active is None:
            return f"{self._folder}: no index yet"
        size = await asyncio.to_thread(_megabytes, self._folder)
        return (
            f"{self._folder}: {Count(active.passages):# passage|# passages} in {active.name}, the active "
            f"one of {Count(len(versions)):# index version|# index versions}, {size:.0f} MB"
        )

    async def close(self) -> None:
        self._tables.close()

    async def _manifest(self) -> Manifest:
        return await asyncio.to_thread(read_manifest, self._folder / _MANIFEST)

    async def _put_manifest(self, manifest: Manifest) -> None:
        await asyncio.to_thread(write_manifest, self._folder / _MANIFEST, manifest)

    async def _opened(self, guild: GuildId, version: str | None) -> AsyncTable | None:
        manifest = await self._manifest()
        if version is None and manifest.active is None:
            return None
        return await self._tables.open(manifest.require(version), guild)

    async def _passages(
        self,
        guild: GuildId,
        version: str | None,
        where: Callable[[Sequence[_Id]], Expr],
        values: Sequence[_Id],
    ) -> list[Passage]:
        return await self._matching(guild, version, where(values)) if values else []

    async def _matching(self, guild: GuildId, version: str | None, where: Expr) -> list[Passage]:
        with _as_store_errors(self._folder):
            table = await self._opened(guild, version)
            if table is None:
                return []
            rows = await table.query().where(where).select(list(_rows.COLUMNS)).to_arrow()
            return _rows.to_passages(rows, guild)

    @asynccontextmanager
    async def _writing(self) -> AsyncIterator[Manifest]:
        """The only writer of all processes while it lasts; gives the versions as they are now."""
        # A new lock for each turn: one lock object may be taken again by whoever holds it already.
        lock = AsyncFileLock(
            self._folder / _LOCK, timeout=self._lock_seconds, poll_interval=0.02, run_in_executor=False
        )
        async with self._turn:
            with _as_store_errors(self._folder):
                try:
                    await lock.acquire()
                except Timeout as error:
                    raise StoreBusyError(
                        f"Another process has been writing to {self._folder} for {self._lock_seconds:g} s.",
                        "Wait for it to finish, then try again.",
                    ) from error
                try:
                    yield await self._manifest()
                finally:
                    await lock.release()


@contextmanager
def _as_store_errors(folder: Path) -> Iterator[None]:
    """Lance tells its failures apart by their text only."""
    try:
        yield
    except (RuntimeError, ValueError, OSError) as error:
        raise _store_error(folder, error) from error


def _store_error(folder: Path, error: Exception) -> StoreError:
    text = str(error)
    if getattr(error, "errno", None) in _FULL or any(f"os error {code}" in text for code in _FULL):
        return DiskFullError(f"No space left for the knowledge store {folder}.", _tables.FULL_HINT)
    if "commit conflict" in text.lower():
        return StoreBusyError(f"Another process changed {folder} meanwhile.", "Try again.")
    line = " ".join(text.split())[:200]
    return StoreError(
        f"The knowledge store {folder} cannot be used: {line}",
        "If this stays, restore the folder from a backup, or move it away and ingest again.",
    )


def _megabytes(folder: Path) -> float:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6
