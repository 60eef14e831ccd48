"""How soon each detector of anomalies sees what it is there for, put into months without anything wrong."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, TypeAlias

import numpy as np

from benchmarks.guilds.guild import Town, end_of, until
from benchmarks.guilds.members import START
from benchmarks.guilds.ours import stream_of
from tuning.anomalies.anomaly import Kind
from tuning.anomalies.detectors import look
from tuning.anomalies.streams import Asked, Stream, Voted

_DAYS, DAY, PATIENCE = 80, 60, 7
Trouble: TypeAlias = Callable[[Stream, datetime, np.random.Generator], Stream]


@dataclass(frozen=True, slots=True, kw_only=True)
class Noticed:
    kind: Kind
    days: int | None
    """Until it was seen; None when it was not within `PATIENCE` days."""


def _some(
    stream: Stream, since: datetime, rng: np.random.Generator, share: float, change: Callable[[Asked], Asked]
) -> Stream:
    changed = [change(each) if each.at > since and rng.random() < share else each for each in stream.asked]
    return replace(stream, asked=changed)


def lost_index(stream: Stream, since: datetime, rng: np.random.Generator) -> Stream:
    """A topic's passages are gone: nine of ten searches in it find too little."""

    def starved(each: Asked) -> Asked:
        return replace(each, starved=True) if each.category == "pool" else each

    return _some(stream, since, rng, 0.9, starved)


def unknown_things(stream: Stream, since: datetime, rng: np.random.Generator) -> Stream:
    """Half of what is asked is not known any more."""
    return _some(stream, since, rng, 0.5, lambda each: replace(each, unanswered=True))


def newcomers(stream: Stream, since: datetime, rng: np.random.Generator) -> Stream:
    """Half of the questions come in another language."""
    return _some(stream, since, rng, 0.5, lambda each: replace(each, language="fr"))


def new_subject(stream: Stream, since: datetime, rng: np.random.Generator) -> Stream:
    """Half of the questions are about something that nobody asked about before."""
    assert stream.vectors is not None
    vectors = stream.vectors.copy()
    dimensions = vectors.shape[1]
    place = rng.normal(size=dimensions)
    for index, each in enumerate(stream.asked):
        if each.at > since and rng.random() < 0.5:
            near = place / np.linalg.norm(place) + rng.normal(0, 0.5 / np.sqrt(dimensions), dimensions)
            vectors[index] = near / np.linalg.norm(near)
    return replace(stream, vectors=vectors)


def slow_machine(stream: Stream, since: datetime, rng: np.random.Generator) -> Stream:
    """Answers take three times as long."""
    return _some(stream, since, rng, 1.0, lambda each: replace(each, milliseconds=3 * each.milliseconds))


def many_votes(stream: Stream, since: datetime, rng: np.random.Generator) -> Stream:
    """Thirty unhelpful votes within forty minutes."""
    begun = since + timedelta(hours=16)
    cast = [Voted(at=begun + timedelta(minutes=float(rng.uniform(0, 40))), helpful=False) for _ in range(30)]
    return replace(stream, voted=sorted([*stream.voted, *cast], key=lambda each: each.at))


TROUBLES: Final[Mapping[Kind, Trouble]] = {
    Kind.RETRIEVAL: lost_index,
    Kind.UNANSWERED: unknown_things,
    Kind.LANGUAGE: newcomers,
    Kind.SUBJECT: new_subject,
    Kind.LATENCY: slow_machine,
    Kind.BURST: many_votes,
}


def troubled(kind: Kind, seed: int) -> Noticed:
    """One guild of 16 to 32, in which one thing goes wrong on a day."""
    months = Town(60_000 + seed, days=_DAYS, people=16 + seed * 5 % 17).live()
    since = START + timedelta(days=DAY)
    for day in range(DAY, DAY + PATIENCE):
        now = end_of(day)
        usual = stream_of(months, *until(months, now), now)
        stream = TROUBLES[kind](usual, since, np.random.default_rng(seed))
        stream = replace(stream, voted=[each for each in stream.voted if each.at <= now])
        if any(found.kind is kind for found in look(stream, now)):
            return Noticed(kind=kind, days=day - DAY + 1)
    return Noticed(kind=kind, days=None)
