"""Has the share of something risen? The last days against the weeks before, by Fisher's exact test.

The test takes events for independent, and those of one member on one day are not: somebody who asks ten
questions about one thing that nobody wrote down is one sign, not ten. So of each member the first few of a
day count, several members must be among the hits, and the level is far below the usual one, because the
question is asked every day. benchmarks/simulator.py measures how often it cries wolf.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from agent.contracts import Day, MemberId
from tuning.anomalies.streams import BEFORE, RECENT

OF_A_DAY: Final = 3
"""How many events of one member on one day count."""
MEMBERS: Final = 3


@dataclass(frozen=True, slots=True)
class Trial:
    at: datetime
    member: MemberId
    hit: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """When a rise is one."""

    level: float
    """Of the test."""
    by: float
    """The least rise of the share; less is nothing to tell anybody about."""
    least: int
    """Events that must have counted recently."""
    least_before: int = 20
    """Without a past nothing is unusual."""
    recent: timedelta = RECENT


@dataclass(frozen=True, slots=True, kw_only=True)
class Rise:
    share: float
    before: float
    count: int
    """Recent events that counted."""


def risen(trials: Sequence[Trial], now: datetime, bounds: Bounds) -> Rise | None:
    """`trials` are in order; None when the share has not risen, or nobody could tell."""
    border = now - bounds.recent
    recent = _thinned(each for each in trials if border < each.at <= now)
    before = _thinned(each for each in trials if border - BEFORE < each.at <= border)
    if len(recent) < bounds.least or len(before) < bounds.least_before:
        return None
    hits, hits_before = sum(each.hit for each in recent), sum(each.hit for each in before)
    rise = Rise(share=hits / len(recent), before=hits_before / len(before), count=len(recent))
    independent = len({each.member for each in recent if each.hit}) >= MEMBERS
    if not independent or rise.share - rise.before < bounds.by:
        return None
    chance = fisher(hits, len(recent), hits_before, len(before))
    return rise if chance <= bounds.level else None


def fisher(hits: int, total: int, hits_before: int, total_before: int) -> float:
    """The chance of at least so many of all hits among the recent events (Fisher 1922), one-sided."""
    every, every_hit = total + total_before, hits + hits_before
    ways = math.comb(every, total)
    return math.fsum(
        math.comb(every_hit, count) * math.comb(every - every_hit, total - count) / ways
        for count in range(hits, min(total, every_hit) + 1)
    )


def _thinned(trials: Iterable[Trial]) -> list[Trial]:
    heard: Counter[tuple[MemberId, Day]] = Counter()
    kept = []
    for trial in trials:
        heard[trial.member, trial.at.date()] += 1
        if heard[trial.member, trial.at.date()] <= OF_A_DAY:
            kept.append(trial)
    return kept
