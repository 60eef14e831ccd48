"""The runs of every guild, as append-only events: each says what a run became, and what was found out.

A run is what its events say together. It holds ids and figures, and not a word of any member.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any, Final

from pydantic import TypeAdapter
from sqlalchemy import RowMapping, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from agent.contracts import GuildId
from agent.database import tables
from agent.database.engine import Database
from agent.database.reading import read_as
from agent.errors import UnknownGuildError, UsageError
from agent.ids import new_id
from agent.serving.served import Task
from tuning.loop.aim import EVERYTHING, Aim
from tuning.loop.plan import Plan, may_start
from tuning.loop.run import Facts, Move, Run, Why
from tuning.loop.state import NEXT, State

_TABLE: Final = tables.tuning_events
_ORDER: Final = {state: place for place, state in enumerate(State)}
_RUN: Final = TypeAdapter(Run)


class RunLog:
    """Raises `StoreError`, and `UsageError` where a method says so."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def ask(
        self,
        guild: GuildId,
        task: Task,
        at: datetime,
        plan: Plan,
        *,
        why: Why,
        pattern: str = "",
        aim: Aim = EVERYTHING,
    ) -> Run:
        """Write down that a run is wanted. Of two that ask at once, one is told that it may not start.

        `at` is in the guild's time zone. Raises `UsageError` when it may not start.
        """
        run = new_id()
        facts = {"task": task, "why": why, "pattern": pattern, "aim": asdict(aim), "plan": asdict(plan)}
        async with self._database.write() as connection:
            await _alone(connection, guild)
            history = _runs(await _rows(connection, guild))
            if refusal := may_start(plan, task, at, history, by_hand=why is Why.HAND, aim=aim):
                raise UsageError(refusal.line)
            await _insert(connection, guild, run, State.ASKED, at, facts)
            return _run(await _rows(connection, guild, run))

    async def move(self, run: Run, move: Move, at: datetime) -> Run:
        """Bring a run into another state. Where it left `run.state` meanwhile, it stays as it is by now."""
        async with self._database.write() as connection:
            await _alone(connection, run.guild)
            now = _run(await _rows(connection, run.guild, run.id))
            if now.state is not run.state:
                return now
            if move.to not in NEXT[run.state]:
                raise ValueError(f"no run goes from {run.state} to {move.to}")
            facts = {"tries": 0, "setbacks": 0, **move.facts, "note": move.note}
            await _insert(connection, run.guild, run.id, move.to, at, facts)
            return _run(await _rows(connection, run.guild, run.id))

    async def note(self, run: Run, at: datetime, facts: Facts) -> Run:
        """Write down more about a run that stays in its state; nothing where it left it meanwhile."""
        async with self._database.write() as connection:
            await _alone(connection, run.guild)
            now = _run(await _rows(connection, run.guild, run.id))
            if now.state is run.state:
                await _insert(connection, run.guild, run.id, run.state, at, facts)
            return _run(await _rows(connection, run.guild, run.id))

    async def runs(self, guild: GuildId) -> tuple[Run, ...]:
        """Newest first."""
        async with self._database.read() as connection:
            return _runs(await _rows(connection, guild))

    async def run(self, guild: GuildId, beginning: str) -> Run:
        """The one run whose id begins, or ends, so. Raises `UsageError`."""
        those = [
            run
            for run in await self.runs(guild)
            if run.id.startswith(beginning) or run.id.endswith(beginning)
        ]
        if len(those) != 1:
            raise UsageError(
                f"{len(those) or 'No'} runs are called {beginning}.", "`lorekeeper tune status` lists them."
            )
        return those[0]


class Plans:
    """The plan of every guild; who made none has the default. Raises `StoreError`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, guild: GuildId) -> Plan:
        query = select(tables.tuning_plans.c.body).where(tables.tuning_plans.c.guild == guild)
        async with self._database.read() as connection:
            body = (await connection.execute(query)).scalar_one_or_none()
        return Plan() if body is None else read_as(_PLAN, body, f"The plan {guild}")

    async def put(self, guild: GuildId, plan: Plan) -> None:
        """Durable when it returns."""
        row = {"guild": guild, "body": asdict(plan)}
        async with self._database.write() as connection:
            await connection.execute(self._database.upsert(tables.tuning_plans, ["body"]).values(row))


_PLAN: Final = TypeAdapter(Plan)


async def _alone(connection: AsyncConnection, guild: GuildId) -> None:
    """Let no other transaction move a run of the guild until this one ends."""
    row = select(tables.guilds.c.id).where(tables.guilds.c.id == guild).with_for_update()
    if (await connection.execute(row)).first() is None:
        raise UnknownGuildError(f"There is no guild {guild}.")


async def _rows(connection: AsyncConnection, guild: GuildId, run: str = "") -> Sequence[RowMapping]:
    query = select(_TABLE).where(_TABLE.c.guild == guild).order_by(_TABLE.c.id)
    if run:
        query = query.where(_TABLE.c.run == run)
    return (await connection.execute(query)).mappings().all()


async def _insert(
    connection: AsyncConnection, guild: GuildId, run: str, state: State, at: datetime, facts: Facts
) -> None:
    row = {"guild": guild, "id": new_id(), "run": run, "at": at, "state": state.value, "detail": dict(facts)}
    await connection.execute(insert(_TABLE), row)


def _runs(rows: Iterable[RowMapping]) -> tuple[Run, ...]:
    by_run = defaultdict[str, list[RowMapping]](list)
    for row in rows:
        by_run[row["run"]].append(row)
    return tuple(sorted(map(_run, by_run.values()), key=lambda run: run.id, reverse=True))


def _run(rows: Sequence[RowMapping]) -> Run:
    """Later states count over earlier ones, and within a state what was written later."""
    ordered = sorted(rows, key=lambda row: _ORDER[State(row["state"])])
    known: dict[str, Any] = {}
    for row in ordered:
        known |= row["detail"]
    state = ordered[-1]["state"]
    of_run = {
        "id": ordered[0]["run"],
        "guild": ordered[0]["guild"],
        "state": state,
        "asked_at": ordered[0]["at"],
        "changed_at": next(row["at"] for row in ordered if row["state"] == state),
    }
    return read_as(_RUN, known | of_run, f"The tuning run {of_run['id']}")
