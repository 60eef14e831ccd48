"""Dataset versions in the database. A version is never changed; where somebody was forgotten, its items are
gone, and the version that took its place is named instead.

An item keeps its split for as long as any version holds it: so it does not move when its label is taken back
and given again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final

from pydantic import TypeAdapter
from sqlalchemy import RowMapping, delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from agent.contracts import GuildId, Slug
from agent.database import tables
from agent.database.engine import Database
from agent.database.reading import read_as
from agent.errors import UsageError
from agent.serving.served import Task
from tuning.datasets.item import Item, Split
from tuning.datasets.version import DatasetVersion, Difference, Entry, difference

_VERSIONS: Final = tables.dataset_versions
_ITEMS: Final = tables.dataset_items
_ITEM: Final = TypeAdapter(Item)
_SHORTEST: Final = 4
"""Digits of an id that somebody may type instead of all 64."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A version without its items."""

    id: str
    task: Task
    made_at: datetime
    counts: Mapping[Split, int]
    replaced_by: str = ""
    """The version that holds what is left of it; its own items are gone."""


class DatasetStore:
    """Of every guild. Raises `StoreError`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def save(self, guild: GuildId, version: DatasetVersion, *, at: datetime) -> None:
        """Durable when it returns. Of one that is there already, it is remembered when it was made last."""
        async with self._database.write() as connection:
            await _put(self._database, connection, guild, version, at, refreshed=("made_at", "body"))

    async def get(self, guild: GuildId, id_: str) -> DatasetVersion:
        """The version, or what is left of it: follow its `id`. The first digits of an id will do where no
        other begins with them. Raises `UsageError` when there is none.
        """
        async with self._database.read() as connection:
            return await _load(connection, guild, _standing(await _rows(connection, guild), id_))

    async def latest(self, guild: GuildId, task: Task) -> DatasetVersion | None:
        async with self._database.read() as connection:
            rows = [row for row in await _rows(connection, guild) if row["task"] == task]
            standing = [row for row in rows if not row["body"]["replaced_by"]]
            return await _load(connection, guild, standing[-1]) if standing else None

    async def all(self, guild: GuildId, task: Task | None = None) -> tuple[Listed, ...]:
        """Oldest first, also those of which only a part is left."""
        of_split = (_ITEMS.c.version, _ITEMS.c.split)
        query = select(*of_split, func.count()).where(_ITEMS.c.guild == guild).group_by(*of_split)
        async with self._database.read() as connection:
            rows = await _rows(connection, guild)
            counts: dict[str, dict[Split, int]] = {row["id"]: {} for row in rows}
            for version, split, count in await connection.execute(query):
                counts[version][Split(split)] = count
        return tuple(_listed(row, counts[row["id"]]) for row in rows if task in (None, row["task"]))

    async def splits(
        self, guild: GuildId, task: Task, renamed: Mapping[Slug, Slug] = MappingProxyType({})
    ) -> Mapping[str, Split]:
        """By item id, of all versions: what the next one must keep to.

        `renamed` has what categories were called, with what they are called now: an item follows.
        """
        ours = select(_VERSIONS.c.id).where(_VERSIONS.c.guild == guild, _VERSIONS.c.task == task.value)
        query = select(_ITEMS).where(_ITEMS.c.guild == guild, _ITEMS.c.version.in_(ours))
        splits: dict[str, Split] = {}
        async with self._database.read() as connection:
            for row in (await connection.execute(query.order_by(_ITEMS.c.version))).mappings():
                if row["item"] not in splits:
                    split = Split(row["split"])
                    splits |= {row["item"]: split, _called_now(_item(row), renamed).id: split}
        return splits

    async def diff(self, guild: GuildId, before: str, after: str) -> Difference:
        """Raises `UsageError` when one of them is not there."""
        return difference(await self.get(guild, before), await self.get(guild, after))


async def replace_version(
    database: Database, connection: AsyncConnection, guild: GuildId, old: DatasetVersion, new: DatasetVersion
) -> None:
    """Put one version in another's place and remove all items of that, within the caller's transaction."""
    where = (_VERSIONS.c.guild == guild) & (_VERSIONS.c.id == old.id)
    row = (await connection.execute(select(_VERSIONS).where(where))).mappings().one()
    await _put(database, connection, guild, new, row["made_at"], refreshed=("body",))
    body = row["body"] | {"replaced_by": new.id}
    await connection.execute(update(_VERSIONS).where(where).values(body=body))
    await connection.execute(delete(_ITEMS).where(_ITEMS.c.guild == guild, _ITEMS.c.version == old.id))


async def standing_versions(connection: AsyncConnection, guild: GuildId) -> tuple[DatasetVersion, ...]:
    """Every version whose items are there, oldest first."""
    rows = [row for row in await _rows(connection, guild) if not row["body"]["replaced_by"]]
    return tuple([await _load(connection, guild, row) for row in rows])


async def lineage(connection: AsyncConnection, guild: GuildId, id_: str) -> frozenset[str]:
    """The version, and all that it is what is left of."""
    replaced_by = {row["id"]: row["body"]["replaced_by"] for row in await _rows(connection, guild)}
    found, fresh = {id_}, {id_}
    while fresh:
        fresh = {each for each, by in replaced_by.items() if by in fresh} - found
        found |= fresh
    return frozenset(found)


async def _put(
    database: Database,
    connection: AsyncConnection,
    guild: GuildId,
    version: DatasetVersion,
    at: datetime,
    *,
    refreshed: Sequence[str],
) -> None:
    body = {
        "salt": version.salt,
        "left_out": dict(version.left_out),
        "by_author": version.by_author,
        "replaced_by": "",
    }
    row = {"guild": guild, "id": version.id, "task": version.task.value, "made_at": at, "body": body}
    await connection.execute(database.upsert(_VERSIONS, refreshed), row)
    if version.entries:
        items = [_item_row(guild, version.id, entry) for entry in version.entries]
        await connection.execute(database.upsert(_ITEMS), items)


async def _rows(connection: AsyncConnection, guild: GuildId) -> Sequence[RowMapping]:
    query = select(_VERSIONS).where(_VERSIONS.c.guild == guild)
    rows = await connection.execute(query.order_by(_VERSIONS.c.made_at, _VERSIONS.c.id))
    return rows.mappings().all()


def _standing(rows: Sequence[RowMapping], id_: str) -> RowMapping:
    """The version of an id or its beginning, or the one that is left of it."""
    by_id = {row["id"]: row for row in rows}
    found = [id_] if id_ in by_id else [each for each in by_id if each.startswith(id_)]
    if len(found) != 1 or len(id_) < _SHORTEST:
        raise UsageError(
            f"There is no one dataset version {id_}.", "`lorekeeper tune datasets` lists them with their ids."
        )
    row = by_id[found[0]]
    while replaced_by := row["body"]["replaced_by"]:
        row = by_id[replaced_by]
    return row


async def _load(connection: AsyncConnection, guild: GuildId, row: RowMapping) -> DatasetVersion:
    where = (_ITEMS.c.guild == guild) & (_ITEMS.c.version == row["id"])
    items = await connection.execute(select(_ITEMS).where(where).order_by(_ITEMS.c.item))
    body = row["body"]
    return DatasetVersion(
        id=row["id"],
        task=Task(row["task"]),
        salt=body["salt"],
        entries=tuple(Entry(item=_item(each), split=Split(each["split"])) for each in items.mappings()),
        left_out=body["left_out"],
        by_author=body["by_author"],
    )


def _called_now(item: Item, renamed: Mapping[Slug, Slug]) -> Item:
    category = item.label.category
    if category is None or category not in renamed:
        return item
    return replace(item, label=replace(item.label, category=renamed[category]))


def _item_row(guild: GuildId, version: str, entry: Entry) -> dict[str, Any]:
    body = _ITEM.dump_python(entry.item, mode="json")
    return {
        "guild": guild,
        "version": version,
        "item": entry.item.id,
        "split": entry.split.value,
        "body": body | {"keys": sorted(body["keys"])},
    }


def _item(row: RowMapping) -> Item:
    return read_as(_ITEM, row["body"], f"Item {row['item']} of dataset version {row['version'][:12]}")


def _listed(row: RowMapping, counts: Mapping[Split, int]) -> Listed:
    return Listed(
        id=row["id"],
        task=Task(row["task"]),
        made_at=row["made_at"],
        counts=counts,
        replaced_by=row["body"]["replaced_by"],
    )
