"""Looking for anomalies in a guild, and doing about them what the bot may do by itself.

A look is what the schedule and the command call. It writes down what was found before it does anything about
it, so that a kill in between leaves an open anomaly and not a silent change. Looking twice finds nothing new:
the same is raised anew only after its cool-down.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

from agent.contracts import GuildId, Slug
from agent.errors import ModelError, StoreError
from agent.ingest.mending import Mender
from agent.ingest.report import IngestReport, Outcome
from agent.ingest.web import Fetcher
from tuning.anomalies.anomaly import RULES, Action, Anomaly, Found, Kind, State
from tuning.anomalies.detectors import look
from tuning.anomalies.gathering import contradictory, recent_questions, stream_of
from tuning.anomalies.log import AnomalyLog
from tuning.anomalies.stale import Origins, due, stale
from tuning.anomalies.words import sentence

if TYPE_CHECKING:
    from agent.database.engine import Database
    from agent.runtime import Installation

_LONGEST: Final = max(rule.cool_down for rule in RULES.values())


class Watch:
    """Of every guild. Raises `StoreError`, `ModelError`, `UnknownGuildError`."""

    def __init__(self, installation: Installation, fetcher: Fetcher | None = None) -> None:
        self._parts = installation
        self._stores = installation.stores
        self._origins = Origins(installation.settings, fetcher or Fetcher(installation.settings))
        self._mender = Mender(
            store=self._stores.store,
            catalog=self._stores.catalog,
            embedder=installation.embedder,
            ingestor=installation.ingestor,
        )
        self.log = AnomalyLog(self._stores.database)

    async def look(self, guild: GuildId, now: datetime) -> tuple[Anomaly, ...]:
        """Find what is new, act where the bot may, and return it as it then stands. `now` is aware."""
        known = await self.log.anomalies(guild, since=now - _LONGEST)
        for each in outlived(known, now):
            await self.log.change(each, State.EXPIRED, now)
        found = fresh(await self._find(guild, now), known, now)
        return tuple([await self.act(each, now) for each in await self.log.raise_(guild, found, now)])

    async def act(self, anomaly: Anomaly, now: datetime) -> Anomaly:
        """Do what its kind asks for. What only a person can decide, or what failed, stays open."""
        action = action_of(anomaly.found)
        if action is Action.ASK:
            return anomaly
        try:
            outcome = await (self._reindex(anomaly) if action is Action.REINDEX else self._refresh(anomaly))
        except (StoreError, ModelError) as error:
            outcome = _Done(ok=False, note=str(error))
        if outcome is None:
            return anomaly
        return await self.log.change(anomaly, State.ACTED if outcome.ok else State.FAILED, now, outcome.note)

    async def _find(self, guild: GuildId, now: datetime) -> Sequence[Found]:
        episodes = await recent_questions(self._stores.journal, guild, now)
        stream = await stream_of(self._stores.journal, guild, episodes, now, self._parts.embedder)
        sources = due(await self._stores.catalog.sources(guild), now.date())
        return (
            *await asyncio.to_thread(look, stream, now),
            *stale(sources, await self._origins.hashes(sources)),
            *await contradictory(self._stores.store, guild, episodes, now),
        )

    async def _reindex(self, anomaly: Anomaly) -> _Done | None:
        """None when the index has lost nothing: then it is something that a person must look at."""
        lost = await self._mender.lost(anomaly.guild, Slug(anomaly.found.subject))
        if not lost:
            return None
        mended = await self._mender.put_back(anomaly.guild, lost)
        note = f"sources back in the index: {len(mended.back)}, not readable: {len(mended.left)}"
        return _Done(ok=not mended.left, note=note)

    async def _refresh(self, anomaly: Anomaly) -> _Done:
        return _refreshed(await self._parts.ingestor.refresh(anomaly.guild, anomaly.found.sources))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Done:
    ok: bool
    note: str


def action_of(found: Found) -> Action:
    """What is done about it. A source that is gone is not removed before somebody was asked."""
    if found.kind is Kind.STALE and found.figures.get("gone"):
        return Action.ASK
    return RULES[found.kind].action


def outlived(known: Iterable[Anomaly], now: datetime) -> Iterator[Anomaly]:
    """Those that were open for as long as they count."""
    return (each for each in known if each.open and now - each.raised_at >= RULES[each.found.kind].counts_for)


def fresh(found: Iterable[Found], known: Sequence[Anomaly], now: datetime) -> tuple[Found, ...]:
    """What is neither open nor within the cool-down of the same."""
    quiet = {
        (each.found.kind, each.found.subject)
        for each in known
        if each.open or now - each.raised_at < RULES[each.found.kind].cool_down
    }
    return tuple(each for each in found if (each.kind, each.subject) not in quiet)


async def disturbances(database: Database, guild: GuildId, now: datetime) -> tuple[str, ...]:
    """What the calm rule of patterns is given: whatever disturbs the feedback of these days, in words."""
    known = await AnomalyLog(database).anomalies(guild, since=now - _LONGEST)
    return tuple(sentence(each.found) for each in known if each.unsettles(now))


def _refreshed(report: IngestReport) -> _Done:
    failed = [target for target in report.targets if target.outcome is Outcome.FAILED]
    if report.stopped or failed:
        return _Done(ok=False, note=report.stopped or failed[0].reason)
    return _Done(ok=True, note=f"sources read again: {report.count(Outcome.CHANGED)}")
