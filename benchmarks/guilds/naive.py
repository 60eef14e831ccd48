"""What one would write first: is the share of helpful votes below what it was?"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Final, TypeAlias

from river.drift import ADWIN

from benchmarks.guilds.guild import Months
from tuning.anomalies.streams import Voted
from tuning.sequential import wilson

_LAST: Final = 50
_FIRST: Final = 100
"""Votes of which the baseline is made, as the detectors here make theirs of the first trials."""

Alarms: TypeAlias = Sequence[int]
"""At which votes, counted from 0."""


def last_fifty(cast: Sequence[Voted]) -> Alarms:
    """The 95 % interval of the last 50 votes lies below the baseline, looked at at each vote."""
    if len(cast) <= _FIRST:
        return []
    baseline = sum(each.helpful for each in cast[:_FIRST]) / _FIRST
    window: deque[bool] = deque(maxlen=_LAST)
    alarms = []
    for place, vote in enumerate(cast[_FIRST:], start=_FIRST):
        window.append(vote.helpful)
        if len(window) == _LAST and wilson(sum(window), _LAST).high < baseline:
            alarms.append(place)
            window.clear()
    return alarms


def adwin(cast: Sequence[Voted]) -> Alarms:
    """River's ADWIN with its defaults, where the share has fallen."""
    detector = ADWIN()  # type: ignore[no-untyped-call]  # river has no types
    alarms = []
    for place, vote in enumerate(cast):
        before = detector.estimation
        detector.update(float(vote.helpful))  # type: ignore[no-untyped-call]
        if detector.drift_detected and detector.estimation < before:
            alarms.append(place)
    return alarms


NAIVE: Final[Mapping[str, Callable[[Sequence[Voted]], Alarms]]] = {
    "last 50 votes, Wilson 95 %": last_fifty,
    "ADWIN, defaults": adwin,
}


def judged(months: Months, category: str, since: datetime | None = None) -> tuple[Voted, ...]:
    """What members said of answers out of a category that were asked for since: a topic that was corrected
    is as good as an unhelpful vote, and one member on one answer is one.
    """
    asked = {
        each.id
        for each in months.episodes
        if each.route and each.route.categories == (category,) and (since is None or each.asked_at >= since)
    }
    heard: dict[tuple[str, str], Voted] = {}
    for event in months.events:
        if event.episode in asked:
            said = Voted(at=event.at, helpful=event.value.get("vote", -1) > 0)
            heard.setdefault((event.episode, event.member), said)
    return tuple(heard.values())
