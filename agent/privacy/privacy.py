"""Everything about a member: shown as one document, and forgotten everywhere.

Who asks to be forgotten is written down first and taken off the list last, so that what a stop leaves undone
is gone on with: by `resume` after a start, or by asking again. The audit log then says that a member was
forgotten, when, and how much went; not who, and nothing of what.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

from pydantic_core import to_jsonable_python
from sqlalchemy import delete, insert, select, update

from agent.contracts import GuildId, MemberId, PassageId, SourceId
from agent.database import tables
from agent.ids import new_id
from agent.privacy.protocol import FORGOTTEN, Holder, Subject, Traces
from agent.privacy.registry import registry_of

if TYPE_CHECKING:
    from agent.runtime import Stores

FORMAT: Final = 1
"""Of the export; docs/privacy.md describes it."""

ACTION: Final = "member forgotten"
"""What the audit log calls it."""

_TABLE: Final = tables.forgettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What was removed from one guild, by what it was. A run that was stopped counts what it had removed."""

    guild: GuildId
    removed: Mapping[str, int]


class Privacy:
    """Of every guild. Raises `UnknownGuildError`, `StoreError`."""

    own_tables: Final = frozenset({_TABLE.name})
    """Those that it answers for itself."""

    def __init__(self, stores: Stores, more: Sequence[Holder] = ()) -> None:
        self._stores = stores
        self._database = stores.database
        self._registry = registry_of(stores, more)

    @property
    def held_tables(self) -> frozenset[str]:
        """Every table that somebody answers for."""
        return self.own_tables.union(*(holder.tables for holder in self._registry.holders))

    async def export(
        self, guild: GuildId, member: MemberId, names: frozenset[str] = frozenset()
    ) -> dict[str, Any]:
        """Everything about a member, as JSON. `names` are what they are called in conversations."""
        await self._stores.catalog.revision(guild)
        who = Subject(guild=guild, member=member)
        traces = await self._registry.traces(who) | Traces(names=names)
        document: dict[str, Any] = {
            "format": FORMAT,
            "guild": guild,
            "member": member,
            "made_at": self._stores.clock(),
        }
        for holder in self._registry.holders:
            document |= await holder.export(who, traces)
        jsonable: dict[str, Any] = to_jsonable_python(document)
        return jsonable

    async def forget(self, guild: GuildId, member: MemberId, names: frozenset[str] = frozenset()) -> Report:
        """Remove everything of a member from one guild. Done again, it goes on, or finds nothing.

        `StoreBusyError` when another process is in the way of erasing: what is left is done by the next call.
        """
        await self._stores.catalog.revision(guild)
        (report,) = await self._forget([Subject(guild=guild, member=member)], names)
        return report

    async def forget_everywhere(
        self, member: MemberId, names: frozenset[str] = frozenset()
    ) -> tuple[Report, ...]:
        """Forget a member in every guild of this installation, and in the journals of those removed since."""
        guilds = await self._stores.catalog.guilds()
        for gone in await self._journals_of(member) - set(guilds):
            await self._stores.journal.forget(gone, member)
        return await self._forget([Subject(guild=guild, member=member) for guild in guilds], names)

    async def resume(self) -> tuple[Report, ...]:
        """Go on with what a stop left undone; after a start."""
        async with self._database.read() as connection:
            rows = (await connection.execute(select(_TABLE.c.guild, _TABLE.c.member))).all()
        return await self._forget([Subject(guild=row.guild, member=row.member) for row in rows], frozenset())

    async def _forget(self, subjects: Sequence[Subject], names: frozenset[str]) -> tuple[Report, ...]:
        """The database is erased once for all of them: it takes a while."""
        if not subjects:
            return ()
        removed = [(who, await self._remove(who, names)) for who in subjects]
        await self._database.erase_deleted()
        for who, counts in removed:
            await self._end(who, counts)
        await self._database.erase_deleted(whole=False)
        return tuple(Report(guild=who.guild, removed=dict(counts)) for who, counts in removed)

    async def _journals_of(self, member: MemberId) -> set[GuildId]:
        """The guilds whose journal knows a member; the journal outlives its guild."""
        found = set[GuildId]()
        async with self._database.read() as connection:
            for table in (tables.episodes, tables.feedback):
                query = select(table.c.guild).where(table.c.member == member).distinct()
                found.update(await connection.scalars(query))
        return found

    async def _remove(self, who: Subject, names: frozenset[str]) -> Counter[str]:
        traces, removed = await self._begin(who, names)
        for holder in self._registry.holders:
            removed.update(await holder.forget(who, traces))
            await self._note(who, removed=dict(removed))
        await self._note(who, traces=_written(Traces()))
        return removed

    async def _begin(self, who: Subject, names: frozenset[str]) -> tuple[Traces, Counter[str]]:
        """Write down who is to be forgotten, and by what they are known, with what an earlier run knew."""
        found = await self._registry.traces(who) | Traces(names=names)
        row = {"guild": who.guild, "member": who.member, "begun_at": self._stores.clock()}
        async with self._database.write() as connection:
            new = row | {"traces": _written(found), "removed": {}}
            await connection.execute(self._database.upsert(_TABLE), new)
            kept = (await connection.execute(select(_TABLE).where(_is(who)))).mappings().one()
            traces = found | _read(kept["traces"])
            await connection.execute(update(_TABLE).where(_is(who)).values(traces=_written(traces)))
        return traces, Counter(kept["removed"])

    async def _note(self, who: Subject, **values: Any) -> None:
        async with self._database.write() as connection:
            await connection.execute(update(_TABLE).where(_is(who)).values(**values))

    async def _end(self, who: Subject, removed: Mapping[str, int]) -> None:
        line = {
            "guild": who.guild,
            "id": new_id(),
            "at": self._stores.clock(),
            "member": FORGOTTEN,
            "action": ACTION,
            "detail": dict(removed),
        }
        async with self._database.write() as connection:
            ended = await connection.execute(delete(_TABLE).where(_is(who)))
            # Of two that forget the same member at once, one ends it.
            if ended.rowcount and any(removed.values()):
                await connection.execute(insert(tables.bot_audit), line)


def counted(document: Mapping[str, Any]) -> dict[str, int]:
    """How many records each section of an export has."""
    return {name: len(records) for name, records in document.items() if isinstance(records, list)}


def _is(who: Subject) -> Any:
    return (_TABLE.c.guild == who.guild) & (_TABLE.c.member == who.member)


def _written(traces: Traces) -> dict[str, list[str]]:
    return {name: sorted(values) for name, values in asdict(traces).items()}


def _read(written: Mapping[str, Sequence[str]]) -> Traces:
    return Traces(
        sources=frozenset(map(SourceId, written["sources"])),
        passages=frozenset(map(PassageId, written["passages"])),
        questions=frozenset(written["questions"]),
        names=frozenset(written["names"]),
    )
