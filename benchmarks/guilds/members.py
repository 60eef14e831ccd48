"""Members and their habits: when they ask, about what, and what they say of answers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import numpy as np

from agent.contracts import MemberId, Role

START: Final = datetime.fromisoformat("2026-01-05T00:00:00+00:00")
"""A Monday."""
CATEGORIES: Final = ("pool", "car", "cooking", "games")
SUBJECTS: Final = 5
"""Things that are asked about, of each category."""
_HOURS: Final = np.asarray(
    [1, 0.5, 0.3, 0.2, 0.2, 0.3, 1, 2, 3, 3, 3, 4, 4, 4, 3, 3, 4, 5, 7, 9, 10, 9, 6, 3]
)
_WEEKEND: Final = 1.6
_BEFORE_THAT: Final = timedelta(days=900)


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    id: MemberId
    role: Role
    joined: datetime
    a_day: float
    """Questions on an ordinary day."""
    evening: int
    """By how many hours their day is later than others'."""
    tastes: tuple[float, ...]
    """Of the categories."""
    votes: float
    """The share of answers on which they vote."""
    corrects: float
    """The share of wrong topics that they correct."""
    errs: float
    """How often they vote the other way than they mean."""
    spanish: float
    """The share of their questions that is not in English."""
    present: tuple[int, int]
    """The first and the last day on which they are around."""


def members(rng: np.random.Generator, count: int, days: int) -> tuple[Member, ...]:
    """A few ask most, as everywhere; the first two are admins. Some come and some go meanwhile."""
    presence = [_presence(rng, days) for _ in range(count)]
    return tuple(
        Member(
            id=MemberId(f"member-{number}"),
            role=Role.ADMIN if number < 2 else Role.MEMBER,
            joined=START + timedelta(days=presence[number][0]) - _BEFORE_THAT * presence[number][2],
            a_day=float(np.clip(rng.lognormal(-0.4, 0.8), 0.05, 4.0)),
            evening=int(rng.integers(-3, 4)),
            tastes=tuple(rng.dirichlet(np.full(len(CATEGORIES), 1.5))),
            votes=float(rng.beta(2, 3)),
            corrects=float(rng.beta(2, 3)),
            errs=float(rng.beta(1, 30)),
            spanish=float(rng.choice([0.0, 0.02, 0.5, 0.98], p=[0.5, 0.25, 0.1, 0.15])),
            present=presence[number][:2],
        )
        for number in range(count)
    )


def _presence(rng: np.random.Generator, days: int) -> tuple[int, int, float]:
    """First and last day, and how long before the first they had been around without a word, as a share."""
    kind = rng.choice(3, p=[0.7, 0.2, 0.1])
    if kind == 0:
        return 0, days, float(rng.uniform(0.1, 1))
    turn = int(rng.integers(0, days))
    return (turn, days, float(rng.choice([0.0, 0.3]))) if kind == 1 else (0, turn, float(rng.uniform(0.1, 1)))


def times(rng: np.random.Generator, member: Member, day: int, busy: float) -> list[datetime]:
    """When a member asks on a day. Who asks often goes on asking: questions come in sittings."""
    if not member.present[0] <= day <= member.present[1]:
        return []
    weekend = _WEEKEND if day % 7 >= 5 else 1.0
    sittings = rng.poisson(member.a_day * weekend * busy / 1.5)
    found = []
    for _ in range(sittings):
        hour = (rng.choice(24, p=_HOURS / _HOURS.sum()) + member.evening) % 24
        begun = START + timedelta(days=day, hours=int(hour), minutes=float(rng.uniform(0, 60)))
        found += [begun + timedelta(minutes=4.0 * turn) for turn in range(int(rng.geometric(1 / 1.5)))]
    return found
