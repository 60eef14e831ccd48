"""The anomalies of every guild, as append-only events: raised, then acted on, dismissed or expired.

An anomaly is what its events say, the latest of which stands. The table is also the audit trail: when
something was seen, with which figures, what was done about it and what came of it. Who pressed a button is
in the bot's audit log; nothing here is about a member.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any, Final

from pydantic import TypeAdapter
from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from agent.contracts import GuildId
from agent.database import tables
from agent.database.engine import Database
from agent.database.reading import read_as
from agent.errors import UsageError
from agent.ids import new_id
from tuning.anomalies.anomaly import Anomaly, Found, State
from tuning.event_table import EventTable, event_row

_TABLE: Final = tables.anomaly_events
_FOUND: Final = TypeAdapter(Found)


class AnomalyLog:
    """Raises `StoreError`, and `UsageError` for an anomaly that is not there or no longer open."""

    def __init__(self, database: Database, within: AsyncConnection | None = None) -> None:
        """`within` is a write that is under way, of which everything here becomes a part."""
        self._table = EventTable(database, _TABLE, within)

    async def raise_(self, guild: GuildId, found: Sequence[Found], at: datetime) -> tuple[Anomaly, ...]:
        """Write down what was found; durable when it returns."""
        raised = tuple(
            Anomaly(id=new_id(), guild=guild, raised_at=at, found=each, changed_at=at) for each in found
        )
        await self._table.add([_row(each, asdict(each.found)) for each in raised])
        return raised

    async def change(self, anomaly: Anomaly, state: State, at: datetime, note: str = "") -> Anomaly:
        """Say what has become of an anomaly; RAISED opens it again. Of two that say something at once, the
        later one stands.
        """
        changed = replace(anomaly, state=state, changed_at=at, note=note)
        await self._table.add([_row(changed, {"note": note})])
        return changed

    async def anomalies(self, guild: GuildId, since: datetime | None = None) -> tuple[Anomaly, ...]:
        """Those that were raised since, newest first, each as it stands now."""
        found: dict[str, Anomaly] = {}
        for row in await self._table.rows(guild, *([] if since is None else [_TABLE.c.at >= since])):
            if before := found.get(row["anomaly"]):
                state, note = State(row["state"]), row["detail"]["note"]
                found[row["anomaly"]] = replace(before, state=state, changed_at=row["at"], note=note)
            elif row["state"] == State.RAISED:
                found[row["anomaly"]] = _raised(row)
        return tuple(reversed(found.values()))

    async def anomaly(self, guild: GuildId, beginning: str) -> Anomaly:
        """The one anomaly whose id begins so."""
        those = [each for each in await self.anomalies(guild) if each.id.startswith(beginning)]
        if len(those) != 1:
            raise UsageError(
                f"{len(those) or 'No'} anomalies begin with {beginning}.",
                "`lorekeeper anomalies` lists them.",
            )
        return those[0]

    async def open_anomaly(self, guild: GuildId, beginning: str) -> Anomaly:
        """The same, as long as it is open."""
        anomaly = await self.anomaly(guild, beginning)
        if not anomaly.open:
            raise UsageError(f"This anomaly is settled already: {anomaly.state}.")
        return anomaly


def _row(anomaly: Anomaly, detail: Mapping[str, Any]) -> dict[str, Any]:
    return event_row(
        anomaly.guild,
        at=anomaly.changed_at,
        state=anomaly.state.value,
        detail=detail,
        anomaly=anomaly.id,
    )


def _raised(row: RowMapping) -> Anomaly:
    found = read_as(_FOUND, row["detail"], f"The anomaly {row['anomaly']}")
    return Anomaly(
        id=row["anomaly"], guild=GuildId(row["guild"]), raised_at=row["at"], found=found, changed_at=row["at"]
    )
