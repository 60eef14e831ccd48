"""What tuning keeps of members: their words in dataset versions, and what they did with adapters.

A version that holds words of a member who is forgotten, or does not want to be learnt from any longer, gives
way to one without them. The adapters that were trained on it stay in service, since nobody can take a word
out of weights; they are named in their events, so that an admin can roll back or train again. What training
runs wrote down of their rows goes too, and a run that was under way begins again with what is left.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import RowMapping, delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from agent.contracts import GuildId, MemberId, PassageId
from agent.database import tables
from agent.database.engine import Database
from agent.files import write_error
from agent.privacy.bot_tables import without as without_id
from agent.privacy.privacy import Privacy
from agent.privacy.protocol import FORGOTTEN, Removed, Subject, Traces
from tuning.datasets.store import lineage, replace_version, standing_versions
from tuning.datasets.version import DatasetVersion, Entry, items_with, without
from tuning.registry.events import Act, write_event
from tuning.training.job import METRICS

if TYPE_CHECKING:
    from agent.runtime import Clock, Stores

TUNING_FOLDER: Final = "tuning"
"""In the data folder; each guild has one in it."""

_WORDS: Final = ("*.jsonl", "*.db", "*.db-*")
"""Files of training runs in which words of members may stand, or what was computed of them."""

_EVENTS: Final = tables.adapter_events
_ADAPTERS: Final = tables.adapters


def privacy_of(stores: Stores) -> Privacy:
    """Everything that any room keeps of members."""
    return Privacy(stores, (_holder_of(stores),))


async def stop_learning(stores: Stores, guild: GuildId, member: MemberId) -> Removed:
    """Take the words of a member who opted out of every dataset version. Done again, it goes on."""
    return await _holder_of(stores).leave_out(guild, member)


def _holder_of(stores: Stores) -> TuningHolder:
    return TuningHolder(stores.database, stores.settings.data_dir, stores.clock)


class TuningHolder:
    tables = frozenset({"dataset_items", "adapter_events"})

    def __init__(self, database: Database, data_dir: Path, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._folder = data_dir / TUNING_FOLDER

    async def export(self, who: Subject, traces: Traces) -> Mapping[str, Sequence[object]]:
        """Without whom they share an item with: who gave feedback on it is that member's affair."""
        async with self._database.read() as connection:
            versions = await standing_versions(connection, who.guild)
            acts = await self._acts(connection, who)
        shown = {
            entry.item.id: _shown(entry, version)
            for version in versions
            for entry in items_with(version, who.member, traces.passages)
        }
        done = [{name: row[name] for name in ("at", "adapter", "act", "detail")} for row in acts]
        return {"learnt": list(shown.values()), "adapters": done}

    async def forget(self, who: Subject, traces: Traces) -> Removed:
        removed = await self.leave_out(who.guild, who.member, traces.passages)
        async with self._database.write() as connection:
            acts = await self._acts(connection, who)
            await _rewrite(connection, who, acts)
        return {**removed, "acts on adapters made nobody's": len(acts)}

    async def leave_out(
        self, guild: GuildId, member: MemberId, passages: frozenset[PassageId] = frozenset()
    ) -> Removed:
        """Replace every version that holds words of a member by one without; name the adapters made of it.

        The files go first: by the versions an interrupted run finds what is left to do.
        """
        async with self._database.read() as connection:
            if not await _affected(connection, guild, member, passages):
                return {}
        files = await asyncio.to_thread(_remove_words, self._folder / guild)
        items, named = 0, set[str]()
        async with self._database.write() as connection:
            for old in await _affected(connection, guild, member, passages):
                new = without(old, member, passages)
                items += len(old.entries) - len(new.entries)
                named.update(await self._name_adapters(connection, guild, old, new))
                await replace_version(self._database, connection, guild, old, new)
        return {
            "items of dataset versions": items,
            "files of training runs": files,
            "adapters that learnt from it": len(named),
        }

    async def _name_adapters(
        self, connection: AsyncConnection, guild: GuildId, old: DatasetVersion, new: DatasetVersion
    ) -> list[str]:
        """Write down which adapters were trained on a version, or on one of which it was what was left."""
        trained = await lineage(connection, guild, old.id)
        query = select(_ADAPTERS.c.id, _ADAPTERS.c.body).where(_ADAPTERS.c.guild == guild)
        named = [row.id for row in await connection.execute(query) if row.body["dataset"] in trained]
        for id_ in named:
            detail = {"left": new.id}
            await write_event(connection, guild, id_, Act.HOLDS_FORGOTTEN, at=self._clock(), detail=detail)
        return named

    async def _acts(self, connection: AsyncConnection, who: Subject) -> list[RowMapping]:
        """What the member did with adapters, and where they are named."""
        query = select(_EVENTS).where(_EVENTS.c.guild == who.guild).order_by(_EVENTS.c.id)
        rows = (await connection.execute(query)).mappings().all()
        return [
            row
            for row in rows
            if row["member"] == who.member or without_id(row["detail"], who.member) != row["detail"]
        ]


async def _affected(
    connection: AsyncConnection, guild: GuildId, member: MemberId, passages: frozenset[PassageId]
) -> list[DatasetVersion]:
    versions = await standing_versions(connection, guild)
    return [each for each in versions if items_with(each, member, passages)]


async def _rewrite(connection: AsyncConnection, who: Subject, acts: Iterable[RowMapping]) -> None:
    """The log refuses to be updated, so a row goes and comes back under its id."""
    for row in acts:
        by = FORGOTTEN if row["member"] == who.member else row["member"]
        clean = dict(row) | {"member": by, "detail": without_id(row["detail"], who.member)}
        await connection.execute(
            delete(_EVENTS).where(_EVENTS.c.guild == who.guild, _EVENTS.c.id == row["id"])
        )
        await connection.execute(insert(_EVENTS), clean)


def _remove_words(folder: Path) -> int:
    """Delete the rows, proofs, answers and vectors that runs of a guild wrote down; metrics hold no words."""
    found = [path for pattern in _WORDS for path in folder.rglob(pattern) if path.name != METRICS]
    for path in found:
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise write_error(path, error) from error
    return len(found)


def _shown(entry: Entry, version: DatasetVersion) -> dict[str, Any]:
    label = entry.item.label
    said = {"question": label.question, "category": label.category, "answer": label.answer}
    return said | {"task": label.task, "used_for": entry.split, "version": version.id}
