"""One guild each: months in which nothing is wrong, a real shift, an attack.

Our rules and naive ones side by side, on the same feedback.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from benchmarks.guilds.attacks import ATTACKS, DAY, PATIENT, patient
from benchmarks.guilds.guild import Months, Shift, Town, end_of
from benchmarks.guilds.members import CATEGORIES, START
from benchmarks.guilds.naive import NAIVE, judged
from benchmarks.guilds.ours import look_on
from tuning.patterns.rules import RuleName

OURS = "seven rules"
PROVEN = "significance alone"
GOAL_VOTES = 60
_WARM_UP = 30
_HEALTHY_DAYS, _SHIFT_DAYS, _ATTACK_DAYS = 180, 150, 105
_SHIFT = Shift(day=60, searched="car", right="pool", share=0.22)
"""Of what members say of a category, 0.60 instead of 0.80 is good: two in nine of its questions belong
elsewhere, where 0.15 of the answers help, and who is given a wrong topic speaks up more often than others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Healthy:
    months: float
    trainings: Mapping[str, int]
    anomalies: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shifted:
    votes: Mapping[str, int | None]
    """Until it was noticed, counted from the shift; None when it never was."""
    before: Mapping[str, int]
    """Alarms before anything had happened."""
    judged: int
    """Votes within the whole time."""
    unmet: Mapping[str, int] = field(default_factory=dict)
    """On how many days after as many votes as the goal allows a rule was missing; volume, where it alone was.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class Attacked:
    attack: str
    trained: Mapping[str, bool]


def healthy(seed: int) -> Healthy:
    """Half a year of a guild of 8 to 30 in which nothing is wrong."""
    town = Town(seed, days=_HEALTHY_DAYS, people=8 + seed * 7 % 23)
    months = town.live()
    trained: set[str] = set()
    anomalies: Counter[str] = Counter()
    for day in look_on(months, range(_WARM_UP, _HEALTHY_DAYS)):
        trained |= day.trained_on
        anomalies.update(each.kind.value for each in day.anomalies)
    naive = {
        name: sum(len(rule(judged(months, category))) for category in CATEGORIES)
        for name, rule in NAIVE.items()
    }
    length = (_HEALTHY_DAYS - _WARM_UP) / 30
    return Healthy(months=length, trainings={OURS: len(trained), **naive}, anomalies=anomalies)


def shifted(seed: int) -> Shifted:
    """A guild of 16 to 32 in which one thing begins to go to the wrong topic."""
    town = Town(20_000 + seed, days=_SHIFT_DAYS, people=16 + seed * 5 % 17, shift=_SHIFT)
    months = town.live()
    since = START + timedelta(days=_SHIFT.day)
    times = [each.at for each in judged(months, _SHIFT.searched, since)]
    noticed: dict[str, int | None] = {PROVEN: None, OURS: None}
    unmet: Counter[str] = Counter()
    early = 0
    for day in look_on(months, (_SHIFT.day - 20, *range(_SHIFT.day, _SHIFT_DAYS))):
        count = bisect_right(times, day.now)
        early += day.day < _SHIFT.day and bool(day.trained_on)
        for each in day.candidates:
            if (each.category, each.target) != (_SHIFT.searched, _SHIFT.right):
                continue
            missing = [finding.rule for finding in each.findings if not finding.met]
            if RuleName.SIGNIFICANCE not in missing and noticed[PROVEN] is None:
                noticed[PROVEN] = count
            if each.id in day.trained_on:
                noticed[OURS] = count
            elif count >= GOAL_VOTES:
                unmet.update(each for each in missing if missing == [each] or each != RuleName.VOLUME)
        if noticed[OURS] is not None:
            break
    every = judged(months, _SHIFT.searched)
    first = len(every) - len(times)
    before = {OURS: early}
    for name, rule in NAIVE.items():
        alarms = rule(every)
        noticed[name] = next((place - first + 1 for place in alarms if place >= first), None)
        before[name] = sum(place < first for place in alarms)
    return Shifted(votes=noticed, before=before, judged=len(times), unmet=unmet)


def attacked(name: str, seed: int) -> Attacked:
    """A guild of 12 to 24 and one attack on it."""
    town = Town(40_000 + seed, days=_ATTACK_DAYS, people=12 + seed * 5 % 13)
    town.live()
    before = _alarms(town.months)
    (patient if name == PATIENT else ATTACKS[name])(town)
    town.months.sort()
    after = _alarms(town.months)
    days = look_on(town.months, (DAY - 10, *range(DAY, _ATTACK_DAYS)))
    ours = any(day.trained_on for day in days)
    return Attacked(attack=name, trained={OURS: ours, **{rule: after[rule] > before[rule] for rule in NAIVE}})


def _alarms(months: Months) -> Mapping[str, int]:
    """How often each naive rule cries after the day of the attack."""
    since = end_of(DAY - 1)
    found = {}
    for name, rule in NAIVE.items():
        streams = [judged(months, category) for category in CATEGORIES]
        found[name] = sum(cast[place].at > since for cast in streams for place in rule(cast))
    return found
