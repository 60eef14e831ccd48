"""What became of each pattern, as append-only events, and the baselines they are held against.

A pattern is what its events say, the latest of which stands. Only changes are written: a pattern that is
today what it was yesterday leaves no event. The table is also the audit trail: which rules were met when,
with which figures, what was decided. It holds ids, rules and figures, and not a word of any member; what the
questions said is read from the journal, as long as it knows them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from pydantic import TypeAdapter
from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from agent.contracts import EpisodeId, GuildId, Slug
from agent.database import tables
from agent.database.engine import Database
from agent.database.reading import read_as
from agent.errors import UsageError
from agent.ids import new_id
from agent.serving.served import Task
from tuning.event_table import EventTable, event_row
from tuning.patterns.pattern import Action, Baseline, Candidate, Known
from tuning.patterns.rules import RuleName

_TABLE: Final = tables.pattern_events


class State(StrEnum):
    """What became of a pattern. Kept, so never renamed."""

    FOUND = "found"
    CHANGED = "changed"
    """Other rules are met, or something else is to be done."""
    STABLE = "stable"
    CLOSED = "closed"
    """Nothing was heard of it for long, or what it was made of is gone."""
    DONE = "done"
    DISMISSED = "dismissed"
    REOPENED = "reopened"
    """That it was dealt with was taken back."""


_BASELINE: Final = "baseline"
"""The state of an event that is about no pattern, but about how good a champion was when it was new."""

SETTLED: Final = frozenset({State.DONE, State.DISMISSED})
OVER: Final = SETTLED | {State.CLOSED}


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What decided about a pattern at one moment."""

    task: Task
    category: Slug | None
    medoid: EpisodeId
    action: Action
    met: tuple[RuleName, ...]
    remarks: int
    members: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    id: str
    pattern: str
    at: datetime
    state: State
    facts: Facts

    @property
    def over(self) -> bool:
        return self.state in OVER


def facts_of(candidate: Candidate) -> Facts:
    return Facts(
        task=candidate.task,
        category=candidate.category,
        medoid=candidate.medoid,
        action=candidate.decision.action,
        met=tuple(finding.rule for finding in candidate.findings if finding.met),
        remarks=len(candidate.remarks),
        members=len({each.member for each in candidate.remarks}),
    )


def changes(
    standing: Mapping[str, Event], candidates: Sequence[Candidate], at: datetime
) -> tuple[Event, ...]:
    """Return what differs now from what stands, purely: nothing where nothing differs."""
    found: list[Event] = []
    for candidate in candidates:
        before, facts = standing.get(candidate.id), facts_of(candidate)
        for state in _became(before, facts, stable=candidate.stable):
            found.append(Event(id=new_id(), pattern=candidate.id, at=at, state=state, facts=facts))
    seen = {candidate.id for candidate in candidates}
    for event in standing.values():
        if not event.over and event.pattern not in seen:
            found.append(
                Event(id=new_id(), pattern=event.pattern, at=at, state=State.CLOSED, facts=event.facts)
            )
    return tuple(found)


def _became(before: Event | None, facts: Facts, *, stable: bool) -> tuple[State, ...]:
    if before is None or before.over:
        return (State.FOUND, State.STABLE) if stable else (State.FOUND,)
    same = (before.facts.action, before.facts.met) == (facts.action, facts.met)
    if stable:
        return () if before.state is State.STABLE and same else (State.STABLE,)
    if before.state is State.STABLE or not same:
        return (State.CHANGED,)
    # The medoid moved: the next look must find the pattern by the one that it has now.
    return () if before.facts.medoid == facts.medoid else (State.CHANGED,)


def has_turned(before: Event | None, candidate: Candidate) -> bool:
    """Whether something else is to be done about it than before."""
    return before is None or before.over or before.facts.action is not candidate.decision.action


class PatternLog:
    """Raises `StoreError` only, unless a method says otherwise."""

    def __init__(self, database: Database, within: AsyncConnection | None = None) -> None:
        """`within` is a write that is under way, of which everything here becomes a part."""
        self._table = EventTable(database, _TABLE, within)

    async def add(self, guild: GuildId, events: Sequence[Event], baselines: Sequence[Baseline] = ()) -> None:
        """Durable when it returns."""
        rows = [_event_row(guild, each) for each in events]
        rows += [_baseline_row(guild, each) for each in baselines]
        await self._table.add(rows)

    async def events(self, guild: GuildId, pattern: str | None = None) -> tuple[Event, ...]:
        """Oldest first; of one pattern, or of all."""
        wanted = [_TABLE.c.state != _BASELINE] + ([] if pattern is None else [_TABLE.c.pattern == pattern])
        return tuple(map(_event, await self._table.rows(guild, *wanted)))

    async def standing(self, guild: GuildId) -> dict[str, Event]:
        """The last event of each pattern."""
        return {event.pattern: event for event in await self.events(guild)}

    async def known(self, guild: GuildId) -> tuple[Known, ...]:
        """Every pattern that was ever found, as `detect` wants it."""
        settled: dict[str, list[datetime]] = defaultdict(list)
        last: dict[str, Event] = {}
        for event in await self.events(guild):
            last[event.pattern] = event
            if event.state in SETTLED:
                settled[event.pattern].append(event.at)
            elif event.state is State.REOPENED:
                settled[event.pattern].pop()
        return tuple(
            Known(
                id=id_,
                task=event.facts.task,
                category=event.facts.category,
                medoid=event.facts.medoid,
                settled_at=settled[id_][-1] if settled[id_] else None,
            )
            for id_, event in last.items()
        )

    async def baselines(self, guild: GuildId) -> tuple[Baseline, ...]:
        """Those that were frozen, oldest first."""
        rows = await self._table.rows(guild, _TABLE.c.state == _BASELINE)
        return tuple(read_as(_BASELINES, row["detail"], _name(row)) for row in rows)

    async def settle(self, guild: GuildId, pattern: str, state: State, at: datetime) -> Event:
        """Say that an admin dealt with a pattern. `UsageError` when it is not there, or over already."""
        last = (await self.standing(guild)).get(pattern)
        if last is None or last.over:
            raise UsageError(f"There is no open pattern {pattern}.", "The list shows those that are open.")
        return await self._say(guild, last, state, at)

    async def reopen(self, guild: GuildId, pattern: str, at: datetime) -> Event:
        """Take back that an admin dealt with it. `UsageError` when that is not what stands of it."""
        last = (await self.standing(guild)).get(pattern)
        if last is None or last.state not in SETTLED:
            raise UsageError(f"The pattern {pattern} was not dealt with.")
        return await self._say(guild, last, State.REOPENED, at)

    async def _say(self, guild: GuildId, last: Event, state: State, at: datetime) -> Event:
        event = Event(id=new_id(), pattern=last.pattern, at=at, state=state, facts=last.facts)
        await self.add(guild, [event])
        return event


_FACTS: Final = TypeAdapter(Facts)
_BASELINES: Final = TypeAdapter(Baseline)


def _event_row(guild: GuildId, event: Event) -> dict[str, Any]:
    detail = _FACTS.dump_python(event.facts, mode="json")
    return event_row(
        guild, event=event.id, at=event.at, state=event.state.value, detail=detail, pattern=event.pattern
    )


def _baseline_row(guild: GuildId, baseline: Baseline) -> dict[str, Any]:
    detail = _BASELINES.dump_python(baseline, mode="json")
    return event_row(guild, at=baseline.frozen_at, state=_BASELINE, detail=detail, pattern="")


def _event(row: RowMapping) -> Event:
    return Event(
        id=row["id"],
        pattern=row["pattern"],
        at=row["at"],
        state=State(row["state"]),
        facts=read_as(_FACTS, row["detail"], _name(row)),
    )


def _name(row: RowMapping) -> str:
    return f"The pattern event {row['id']}"
