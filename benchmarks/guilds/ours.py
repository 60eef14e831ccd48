"""Our own rules on simulated months: the very functions of production, asked once a day."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from agent.contracts import Episode, Feedback, Slug
from benchmarks.guilds.guild import DIMENSIONS, Months, end_of, until
from benchmarks.guilds.members import CATEGORIES
from tuning.anomalies.anomaly import RULES, Found
from tuning.anomalies.detectors import look
from tuning.anomalies.streams import BEFORE, RECENT, Stream, asked, votes
from tuning.anomalies.words import sentence
from tuning.labels.derive import derive
from tuning.labels.label import Label
from tuning.patterns.detecting import detect
from tuning.patterns.pattern import (
    TRAINS,
    Baseline,
    BaselineKey,
    Candidate,
    Detection,
    History,
    Known,
)
from tuning.patterns.rules import RuleName

_BY_LABELS = frozenset({RuleName.VOLUME, RuleName.CALM})
"""The rules that cannot be met without labels, which take longest to make."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """What one look found."""

    day: int
    now: datetime
    anomalies: tuple[Found, ...]
    candidates: tuple[Candidate, ...]

    @property
    def trained_on(self) -> frozenset[str]:
        """The candidates that training was decided on."""
        return frozenset(each.id for each in self.candidates if each.decision.action in TRAINS)


def look_on(months: Months, days: Iterable[int]) -> Iterator[Day]:
    """Look at the end of each of these days, with what the look before had kept."""
    known: tuple[Known, ...] = ()
    baselines: Mapping[BaselineKey, Baseline] = {}
    raised: list[tuple[datetime, Found]] = []
    for day in days:
        now = end_of(day)
        episodes, events = until(months, now)
        stream = stream_of(months, episodes, events, now)
        found = [each for each in look(stream, now) if _is_new(each, raised, now)]
        raised += [(now, each) for each in found]
        disturbing = [sentence(each) for at, each in raised if _disturbs(at, each, now)]
        detection = _detect(months, episodes, events, now, baselines, known, disturbing)
        known = tuple(each.known for each in detection.candidates)
        baselines = detection.baselines
        yield Day(day=day, now=now, anomalies=tuple(found), candidates=detection.candidates)


def _detect(
    months: Months,
    episodes: Sequence[Episode],
    events: Sequence[Feedback],
    now: datetime,
    baselines: Mapping[BaselineKey, Baseline],
    known: Sequence[Known],
    anomalies: Sequence[str],
) -> Detection:
    """Labels are derived only when nothing else is missing: they take longest and change nothing else."""
    history = _history(months, episodes, events)
    kept: dict[str, Any] = {"now": now, "baselines": baselines, "known": known, "anomalies": anomalies}
    detection = detect(history, **kept)
    if any(_met_but_for_labels(each) for each in detection.candidates):
        detection = detect(replace(history, labels=_labels(episodes, events)), **kept)
    return detection


def _history(months: Months, episodes: Sequence[Episode], events: Sequence[Feedback]) -> History:
    remarked = {each.id for each in episodes if each.answer is not None and each.answer.declined}
    remarked |= {each.episode for each in events}
    nothing = np.zeros(DIMENSIONS, np.float32)
    rows = [months.vectors[each.id] if each.id in remarked else nothing for each in episodes]
    return History(
        episodes=tuple(episodes),
        events=tuple(events),
        vectors=np.asarray(rows, dtype=np.float32),
        joined=months.joined,
    )


def _labels(episodes: Sequence[Episode], events: Sequence[Feedback]) -> tuple[Label, ...]:
    return derive(
        episodes,
        events,
        allows=lambda member, at: True,
        scrub=lambda text: text,
        quotable=lambda source: True,
        categories=[Slug(each) for each in CATEGORIES],
    ).labels


def stream_of(
    months: Months, episodes: Sequence[Episode], events: Sequence[Feedback], now: datetime
) -> Stream:
    """What the detectors of anomalies look at."""
    since = now - RECENT - BEFORE
    recent = [each for each in episodes if each.asked_at > since]
    vectors = np.asarray([months.vectors[each.id] for each in recent], dtype=np.float32)
    cast = votes(each for each in events if each.at > since - timedelta(days=1))
    return Stream(asked=tuple(map(asked, recent)), voted=cast, vectors=vectors if recent else None)


def _is_new(found: Found, raised: Sequence[tuple[datetime, Found]], now: datetime) -> bool:
    cool_down = RULES[found.kind].cool_down
    return not any(
        (each.kind, each.subject) == (found.kind, found.subject) and now - at < cool_down
        for at, each in raised
    )


def _disturbs(at: datetime, found: Found, now: datetime) -> bool:
    rule = RULES[found.kind]
    return rule.unsettling and now - at < rule.counts_for


def _met_but_for_labels(candidate: Candidate) -> bool:
    return all(each.met for each in candidate.findings if each.rule not in _BY_LABELS)
