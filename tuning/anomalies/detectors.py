"""The detectors of questions and votes: pure functions of a guild's stream and the time.

| kind | it is raised when, over the last 7 days against the 28 before |
|---|---|
| retrieval | the questions of one category whose search had to leave it rose by 30 points, with 10 or more |
| unanswered | the questions that ended in "I don't know" rose by 20 points, with 20 or more |
| language | the questions in one language rose by 25 points, with 20 or more |
| subject | the questions unlike any before rose by 25 points, with 20 or more |
| latency | of the last day's questions 50 points more are slow, and the median is twice what it was |
| burst | within an hour of the last day more than twice as many votes of a sign as in any hour before |

A rise is one by `shares.risen`: it is significant, and by three members or more. A question is unlike any
before when its nearest question of another day is further away than that of nine in ten earlier questions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import compress
from statistics import median
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tuning.anomalies.anomaly import Found, Kind
from tuning.anomalies.shares import Bounds, Rise, Trial, risen
from tuning.anomalies.streams import BEFORE, RECENT, Asked, Stream, Voted

_RETRIEVAL: Final = Bounds(level=1e-3, by=0.3, least=10)
_UNANSWERED: Final = Bounds(level=1e-3, by=0.2, least=20)
_LANGUAGE: Final = Bounds(level=1e-4, by=0.25, least=20)
_SUBJECT: Final = Bounds(level=1e-3, by=0.25, least=20)
_LATENCY: Final = Bounds(level=1e-3, by=0.5, least=10, recent=timedelta(days=1))
_SLOW_QUANTILE, _SLOWER = 0.9, 2.0

_STRANGE: Final = 0.1
"""The share of earlier questions that count as unlike the others."""
COMPARED: Final = 600
"""Earlier questions that are compared with, the latest ones."""

_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)
_BURST, _TIMES = 12, 2
_KNOWN: Final = timedelta(days=14)
"""Before votes are known for so long, twice as many are needed."""


def look(stream: Stream, now: datetime) -> tuple[Found, ...]:
    """Everything that is unusual now."""
    return tuple(found for detector in DETECTORS for found in detector(stream, now))


def retrieval(stream: Stream, now: datetime) -> Iterator[Found]:
    for category in sorted({each.category for each in stream.asked if each.category}):
        trials = [
            Trial(each.at, each.member, each.starved) for each in stream.asked if each.category == category
        ]
        if rise := risen(trials, now, _RETRIEVAL):
            yield _found(Kind.RETRIEVAL, rise, category)


def unanswered(stream: Stream, now: datetime) -> Iterator[Found]:
    trials = [Trial(each.at, each.member, each.unanswered) for each in stream.asked]
    if rise := risen(trials, now, _UNANSWERED):
        yield _found(Kind.UNANSWERED, rise)


def language(stream: Stream, now: datetime) -> Iterator[Found]:
    told = [each for each in stream.asked if each.language]
    for one in sorted({each.language for each in told if each.at > now - RECENT}):
        trials = [Trial(each.at, each.member, each.language == one) for each in told]
        if rise := risen(trials, now, _LANGUAGE):
            yield _found(Kind.LANGUAGE, rise, one)


def subject(stream: Stream, now: datetime) -> Iterator[Found]:
    if stream.vectors is None:
        return
    border = now - RECENT
    within = [border - BEFORE < each.at <= now for each in stream.asked]
    chosen = list(compress(stream.asked, within))
    vectors = stream.vectors[np.asarray(within, dtype=bool)]
    count = sum(each.at <= border for each in chosen)
    first = max(0, count - COMPARED)
    chosen, vectors, count = chosen[first:], vectors[first:], count - first
    if not 0 < count < len(chosen):
        return
    nearest = _nearest(chosen, vectors, count)
    bound = float(np.quantile(nearest[:count], _STRANGE))
    pairs = zip(chosen, nearest, strict=True)
    trials = [Trial(each.at, each.member, bool(near < bound)) for each, near in pairs]
    if rise := risen(trials, now, _SUBJECT):
        yield _found(Kind.SUBJECT, rise)


def _nearest(asked: Sequence[Asked], vectors: NDArray[np.float32], count: int) -> NDArray[np.float32]:
    """The cosine of each question with the nearest of the first `count`, those of its own day left out:
    who asks twice in an evening would make every evening look familiar.
    """
    days = np.asarray([each.at.date().toordinal() for each in asked])
    cosines = vectors @ vectors[:count].T
    cosines[days[:, None] == days[None, :count]] = -1.0
    nearest: NDArray[np.float32] = cosines.max(axis=1)
    return nearest


def latency(stream: Stream, now: datetime) -> Iterator[Found]:
    border = now - _LATENCY.recent
    before = [each.milliseconds for each in stream.asked if border - BEFORE < each.at <= border]
    recent = [each.milliseconds for each in stream.asked if border < each.at <= now]
    if not before or not recent:
        return
    usual, slow = median(before), float(np.quantile(before, _SLOW_QUANTILE))
    trials = [Trial(each.at, each.member, each.milliseconds > slow) for each in stream.asked]
    if median(recent) >= _SLOWER * usual and risen(trials, now, _LATENCY):
        seconds = {"now": round(median(recent) / 1000, 1), "before": round(usual / 1000, 1)}
        yield Found(kind=Kind.LATENCY, figures=seconds)


def burst(stream: Stream, now: datetime) -> Iterator[Found]:
    for helpful in (True, False):
        cast = [each for each in stream.voted if each.helpful is helpful]
        recent = [each for each in cast if now - _DAY < each.at <= now]
        before = [each for each in cast if now - BEFORE < each.at <= now - _DAY]
        known = bool(stream.voted) and stream.voted[0].at <= now - _KNOWN
        least = _BURST if known else _BURST * _TIMES
        most = _most_in_an_hour(recent)
        if most >= least and most > _TIMES * _most_in_an_hour(before):
            sign = "helpful" if helpful else "unhelpful"
            yield Found(kind=Kind.BURST, subject=sign, figures={"count": most})


def _most_in_an_hour(votes: Sequence[Voted]) -> int:
    most = first = 0
    for last, vote in enumerate(votes):
        while vote.at - votes[first].at > _HOUR:
            first += 1
        most = max(most, last - first + 1)
    return most


def _found(kind: Kind, rise: Rise, subject: str = "") -> Found:
    figures = {"now": round(100 * rise.share), "before": round(100 * rise.before), "count": rise.count}
    return Found(kind=kind, subject=subject, figures=figures)


DETECTORS: Final[tuple[Callable[[Stream, datetime], Iterator[Found]], ...]] = (
    retrieval,
    unanswered,
    language,
    subject,
    latency,
    burst,
)
