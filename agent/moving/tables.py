"""Every table of the database, whatever tables there are: rows are compared in the order of their keys, and
only what differs is written.

Nothing here names a table. So a copy that was stopped goes on where it was, one that is repeated writes only
what changed since, and a table that is added later is copied without a change. Memory is that of one batch.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from sqlalchemy import (
    Column,
    LargeBinary,
    MetaData,
    String,
    Table,
    UniqueConstraint,
    delete,
    func,
    select,
    tuple_,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from agent.database import tables
from agent.database.engine import Database
from agent.errors import DiskFullError, LorekeeperError, StoreError
from agent.moving.verify import Digest, Digester, line_of

Row: TypeAlias = dict[str, Any]
_Key: TypeAlias = tuple[Any, ...]
Step: TypeAlias = Callable[[int, str], None]
"""Hears how many rows were dealt with, and of what."""

_BATCH: Final = 200
_BLOB_BATCH: Final = 8
"""Rows with the texts of whole documents."""

_NUL: Final = "\x00"
_REPLACEMENT: Final = "\ufffd"


@dataclass(frozen=True, slots=True)
class _Line:
    key: _Key
    row: Row
    line: bytes


_Refused: TypeAlias = tuple[_Line, LorekeeperError]


async def table_copy(target: Database, metadata: MetaData = tables.metadata) -> TableCopy:
    """Prepare a copy of every table of `metadata` into `target`."""
    async with target.read() as connection:
        return TableCopy(target, metadata, to_postgresql=connection.dialect.name == "postgresql")


class TableCopy:
    """Brings the target's tables in line with one state of the source's. Made by `table_copy`."""

    def __init__(self, target: Database, metadata: MetaData, *, to_postgresql: bool) -> None:
        self._target = target
        self._tables = metadata.sorted_tables
        self._to_postgresql = to_postgresql
        self.changed = 0
        """Rows that were written or deleted."""
        self.replaced = set[str]()
        """Where values held NUL, which PostgreSQL cannot: each became the replacement character."""

    async def bring(self, snapshot: AsyncConnection, step: Step) -> dict[tuple[str, str], Digest]:
        """Write and delete what differs; return what adds up of `snapshot`, as the target can hold it.

        New rows go in before old ones go out, parents before children and back, as foreign keys want it.
        Raises `StoreError` that names the row which the target cannot hold.
        """
        digester = Digester()
        surplus = []
        for table in self._tables:
            ours = _told(self._lines(snapshot, table), table, digester, step)
            if await self._write_differences(table, ours):
                surplus.append(table)
        for table in reversed(surplus):
            await self._delete_surplus(table, self._lines(snapshot, table))
        for table in self._tables if self._to_postgresql else ():
            await self._count_on(table)
        return digester.digests()

    async def add_up(self, connection: AsyncConnection, step: Step) -> dict[tuple[str, str], Digest]:
        """Return what adds up of either side, as the target can hold it."""
        digester = Digester()
        for table in self._tables:
            async for _ in _told(self._lines(connection, table), table, digester, step):
                pass
        return digester.digests()

    async def _write_differences(self, table: Table, ours: AsyncIterator[_Line]) -> bool:
        """Return whether the target holds rows that the source does not."""
        surplus, batch, refused = False, list[_Line](), list[_Refused]()
        async with aclosing(self._differences(table, ours)) as found:
            async for mine, _ in found:
                if mine is None:
                    surplus = True
                    continue
                batch.append(mine)
                if len(batch) >= _batch(table):
                    refused += await self._write(table, batch)
                    batch = []
        refused += await self._write(table, batch)
        await self._write_refused(table, refused)
        return surplus

    async def _write_refused(self, table: Table, refused: list[_Refused]) -> None:
        """Rows that refer to rows of their own table may have come before them."""
        while refused:
            again = [each for line, _ in refused for each in await self._write(table, [line])]
            if len(again) == len(refused):
                line, error = again[0]
                raise StoreError(
                    f"{self._target.name} refuses {table.name} {_named(line.key)}: {error}",
                    "Change or remove it, then run the same command again.",
                ) from error
            refused = again

    async def _delete_surplus(self, table: Table, ours: AsyncIterator[_Line]) -> None:
        keys = list[_Key]()
        async with aclosing(self._differences(table, ours)) as found:
            async for mine, theirs in found:
                if mine is None and theirs is not None:
                    keys.append(theirs.key)
                if len(keys) >= _BATCH:
                    await self._delete(table, keys)
                    keys = []
        await self._delete(table, keys)

    async def _differences(
        self, table: Table, ours: AsyncIterator[_Line]
    ) -> AsyncGenerator[tuple[_Line | None, _Line | None]]:
        async with self._target.read() as connection:
            async for pair in _differences(ours, self._lines(connection, table)):
                yield pair

    async def _lines(self, connection: AsyncConnection, table: Table) -> AsyncIterator[_Line]:
        """Every row of a table in the order of its key, text by code point."""
        query = select(table).order_by(*_order(connection, table))
        async with connection.stream(query, execution_options={"yield_per": _batch(table)}) as result:
            async for found in result.mappings():
                row = self._without_nul(table, dict(found)) if self._to_postgresql else dict(found)
                yield _Line(_key(table, row), row, line_of(row.values()))

    def _without_nul(self, table: Table, row: Row) -> Row:
        """Raises `StoreError` for NUL in a key, which other rows may name."""
        for name in (c.name for c in table.c if isinstance(c.type, String)):
            if _NUL not in (row[name] or ""):
                continue
            where = f"{table.name} {_named(_key(table, row))}, {name}"
            if _names_a_row(table.c[name]):
                raise StoreError(
                    f"PostgreSQL cannot hold the NUL character in {where}.",
                    "Remove what has this name, then run the same command again.",
                )
            self.replaced.add(where)
            row[name] = row[name].replace(_NUL, _REPLACEMENT)
        return row

    async def _write(self, table: Table, lines: Sequence[_Line]) -> list[_Refused]:
        """Return the rows that the target refuses."""
        if not lines:
            return []
        try:
            await self._put(table, lines)
        except DiskFullError:
            raise
        except LorekeeperError as error:
            if error.transient:
                raise
            if len(lines) == 1:
                return [(lines[0], error)]
            return [each for line in lines for each in await self._write(table, [line])]
        self.changed += len(lines)
        return []

    async def _put(self, table: Table, lines: Sequence[_Line]) -> None:
        keys = table.primary_key.columns
        statement = self._target.upsert(table, [c.name for c in table.c if c.name not in keys])
        async with self._target.write() as connection:
            if table.name in tables.APPEND_ONLY:
                await self._clear(connection, table, [line.key for line in lines])
            for unique in (each for each in table.constraints if isinstance(each, UniqueConstraint)):
                # What had this value before belongs to a row that is gone, or follows with another value.
                taken = [tuple(line.row[column.name] for column in unique.columns) for line in lines]
                await connection.execute(
                    delete(table).where(
                        tuple_(*unique.columns).in_(taken),
                        tuple_(*keys).not_in([line.key for line in lines]),
                    )
                )
            await connection.execute(statement, [line.row for line in lines])

    async def _clear(self, connection: AsyncConnection, table: Table, keys: Sequence[_Key]) -> None:
        """Make room for rows that refuse to be changed: somebody who was forgotten may have stood in them.

        What refers to them goes too, and comes back with its own table, which is copied after this one.
        """
        for other in self._tables:
            for reference in other.foreign_key_constraints:
                if reference.referred_table is table:
                    await connection.execute(delete(other).where(tuple_(*reference.columns).in_(keys)))
        await connection.execute(delete(table).where(tuple_(*table.primary_key.columns).in_(keys)))

    async def _count_on(self, table: Table) -> None:
        """Let a number that PostgreSQL counts by itself go on after the highest that was copied."""
        if (column := table.autoincrement_column) is not None:
            sequence = func.pg_get_serial_sequence(table.name, column.name)
            async with self._target.write() as connection:
                await connection.execute(select(func.setval(sequence, func.max(column))))

    async def _delete(self, table: Table, keys: Sequence[_Key]) -> None:
        if keys:
            async with self._target.write() as connection:
                await connection.execute(delete(table).where(tuple_(*table.primary_key.columns).in_(keys)))
            self.changed += len(keys)


async def count_rows(connection: AsyncConnection, metadata: MetaData = tables.metadata) -> dict[str, int]:
    """Return how many rows each table holds."""
    return {
        table.name: (await connection.execute(select(func.count()).select_from(table))).scalar_one()
        for table in metadata.sorted_tables
    }


async def _differences(
    ours: AsyncIterator[_Line], theirs: AsyncIterator[_Line]
) -> AsyncIterator[tuple[_Line | None, _Line | None]]:
    """Pairs of unequal rows of one key, out of two that are sorted by it; None where one side has none."""
    mine, other = await anext(ours, None), await anext(theirs, None)
    while mine is not None or other is not None:
        if other is None or (mine is not None and mine.key < other.key):
            yield mine, None
            mine = await anext(ours, None)
        elif mine is None or other.key < mine.key:
            yield None, other
            other = await anext(theirs, None)
        else:
            if mine.line != other.line:
                yield mine, other
            mine, other = await anext(ours, None), await anext(theirs, None)


async def _told(
    lines: AsyncIterator[_Line], table: Table, digester: Digester, step: Step
) -> AsyncIterator[_Line]:
    """The same lines, added up and stepped over."""
    async for line in lines:
        digester.add(line.row.get("guild", ""), table.name, line.line)
        step(1, table.name)
        yield line


def _named(key: _Key) -> str:
    return "/".join(map(repr, key))


def _key(table: Table, row: Row) -> _Key:
    return tuple(row[column.name] for column in table.primary_key.columns)


def _order(connection: AsyncConnection, table: Table) -> list[Any]:
    """PostgreSQL sorts text by a locale unless it is told not to."""
    by_locale = connection.dialect.name == "postgresql"
    return [
        column.collate("C") if by_locale and isinstance(column.type, String) else column
        for column in table.primary_key.columns
    ]


def _names_a_row(column: Column[Any]) -> bool:
    return column.primary_key or bool(column.foreign_keys)


def _batch(table: Table) -> int:
    return _BLOB_BATCH if any(isinstance(column.type, LargeBinary) for column in table.c) else _BATCH
