"""Who lets the bot learn from what they say: append-only events, the latest of which stands.

Before something is learnt from, ask twice: as of when it was said, and as of now. Who opts out is not learnt
from any longer, and who opts in again does not thereby give what they said in between.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, insert, select

from agent.contracts import GuildId, MemberId
from agent.database import tables
from agent.database.engine import Database
from agent.ids import new_id
from agent.privacy.protocol import Removed, Subject, Traces
from agent.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    at: datetime
    allowed: bool


def allowed_at(events: Iterable[Consent], at: datetime, *, default: bool) -> bool:
    """What stood at a moment: the latest event up to then, of several at once the one that forbids."""
    past = [event for event in events if event.at <= at]
    latest = max((event.at for event in past), default=None)
    return all(event.allowed for event in past if event.at == latest) if past else default


class Consents:
    """Of every guild. `LOREKEEPER_TRAINING_CONSENT` decides for who said nothing. Raises `StoreError`."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database = database
        self._default = settings.training_consent == "opt-out"

    async def set(self, guild: GuildId, member: MemberId, allowed: bool, at: datetime) -> None:
        """Write down what a member decided; durable when it returns."""
        row = {"guild": guild, "id": new_id(), "member": member, "at": at, "allowed": allowed}
        async with self._database.write() as connection:
            await connection.execute(insert(tables.consents), row)

    async def history(self, guild: GuildId, member: MemberId) -> tuple[Consent, ...]:
        """Oldest first."""
        columns = tables.consents.c
        query = select(columns.at, columns.allowed).where(columns.guild == guild, columns.member == member)
        async with self._database.read() as connection:
            rows = (await connection.execute(query.order_by(columns.at, columns.id))).mappings().all()
        return tuple(Consent(**row) for row in rows)

    async def allows(self, guild: GuildId, member: MemberId, at: datetime) -> bool:
        """Whether the bot may learn from the member, as it stood at that moment."""
        return allowed_at(await self.history(guild, member), at, default=self._default)

    async def refused(self, guild: GuildId) -> frozenset[MemberId]:
        """The members who said that the bot may not learn from them; not those who said nothing."""
        columns = tables.consents.c
        query = select(columns.member, columns.at, columns.allowed).where(columns.guild == guild)
        said = defaultdict[MemberId, list[Consent]](list)
        async with self._database.read() as connection:
            for row in await connection.execute(query):
                said[MemberId(row.member)].append(Consent(at=row.at, allowed=row.allowed))
        return frozenset(
            member
            for member, events in said.items()
            if not allowed_at(events, max(event.at for event in events), default=True)
        )


class ConsentsHolder:
    """A consent goes with the rest: nothing is left that it could be about. Who comes back says it anew."""

    tables = frozenset({"consents"})

    def __init__(self, database: Database, consents: Consents) -> None:
        self._database = database
        self._consents = consents

    async def export(self, who: Subject, traces: Traces) -> Mapping[str, Sequence[object]]:
        return {"consents": await self._consents.history(who.guild, who.member)}

    async def forget(self, who: Subject, traces: Traces) -> Removed:
        columns = tables.consents.c
        theirs = (columns.guild == who.guild) & (columns.member == who.member)
        async with self._database.write() as connection:
            gone = await connection.execute(delete(tables.consents).where(theirs))
        return {"consents": gone.rowcount}
