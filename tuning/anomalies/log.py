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

from pydantic import TypeAdapter, ValidationError
from sqlalchemy import RowMapping, insert, select

from agent.contracts import GuildId
from agent.database import tables
from agent.database.engine import Database
from agent.errors import StoreError, UsageError
from agent.ids import new_id
from tuning.anomalies.anomaly import Anomaly, Found, State

_TABLE: Final = tables.anomaly_events
_FOUND: Final = TypeAdapter(Found)


class AnomalyLog:
    """Raises `StoreError`, and `UsageError` for an anomaly that is not there or no longer open."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def raise_(self, guild: GuildId, found: Sequence[Found], at: datetime) -> tuple[Anomaly, ...]:
        """Write down what was found; durable when it returns."""
        raised = tuple(
            Anomaly(id=new_id(), guild=guild, raised_at=at, found=each, changed_at=at) for each in found
        )
        if raised:
            rows = [_row(each, asdict(each.found)) for each in raised]
            async with self._database.write() as connection:
                await connection.execute(insert(_TABLE), rows)
        return raised

    async def change(self, anomaly: Anomaly, state: State, at: datetime, note: str = "") -> Anomaly:
        """Say what has become of an anomaly. Of two that say it at once, the later one stands."""
        changed = replace(anomaly, state=state, changed_at=at, note=note)
        async with self._database.write() as connection:
            await connection.execute(insert(_TABLE), [_row(changed, {"note": note})])
        return changed

    async def anomalies(self, guild: GuildId, since: datetime | None = None) -> tuple[Anomaly, ...]:
        """Those that were raised since, newest first, each as it stands now."""
        query = select(_TABLE).where(_TABLE.c.guild == guild).order_by(_TABLE.c.id)
        if since is not None:
            query = query.where(_TABLE.c.at >= since)
        async with self._database.read() as connection:
            rows = (await connection.execute(query)).mappings().all()
        found: dict[str, Anomaly] = {}
        for row in rows:
            if row["state"] == State.RAISED:
                found[row["anomaly"]] = _raised(row)
            elif before := found.get(row["anomaly"]):
                state, note = State(row["state"]), row["detail"]["note"]
                found[row["anomaly"]] = replace(before, state=state, changed_at=row["at"], note=note)
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
    return {
        "guild": anomaly.guild,
        "id": new_id(),
        "anomaly": anomaly.id,
        "at": anomaly.changed_at,
        "state": anomaly.state.value,
        "detail": dict(detail),
    }


def _raised(row: RowMapping) -> Anomaly:
    try:
        found = _FOUND.validate_python(row["detail"])
    except ValidationError as error:
        raise StoreError(
            f"The anomaly {row['anomaly']} cannot be read: {error.errors()[0]['msg']}.",
            "A newer Lorekeeper may have written it; update, or report this.",
        ) from error
    return Anomaly(
        id=row["anomaly"], guild=GuildId(row["guild"]), raised_at=row["at"], found=found, changed_at=row["at"]
    )
