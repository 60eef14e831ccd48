"""The seven rules that a pattern must meet, all of them, before anything is trained on it.

Each is a pure function of what is known of a candidate and says in words what it found, because an admin is
shown every candidate with every rule. The bounds guard against one member's campaign, a burst of votes and
chance; a statistic that is asked every day must stay valid when it is asked every day (`significance.py`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from agent.contracts import Day, EpisodeId, MemberId, Role
from tuning.labels.label import Task
from tuning.labels.rules import TRUSTED
from tuning.sequential import wilson

LABELS_OF_CATEGORY: Final = {Task.ROUTE: 30, Task.ANSWER: 0}
LABELS: Final = {Task.ROUTE: 100, Task.ANSWER: 150}
DAYS, SPAN, SHARE_OF_DAY = 3, timedelta(hours=72), 0.5
MEMBERS, ADMINS, SHARE_OF_MEMBER, WORDS_A_DAY = 3, 2, 0.4, 3
AGREEMENT = 0.6
ALPHA = 0.05
SHARE_OF_CAUSE = 0.8
COOL_DOWN, NEW_LABELS = timedelta(days=7), 0.2


class RuleName(StrEnum):
    VOLUME = "volume"
    RECURRENCE = "recurrence"
    INDEPENDENCE = "independence"
    AGREEMENT = "agreement"
    SIGNIFICANCE = "significance"
    LEARNABLE = "learnable"
    CALM = "calm"


class Cause(StrEnum):
    """Why a question failed. Training helps against the first three only."""

    ROUTER = "router"
    STYLE = "style"
    PROTOCOL = "protocol"
    GROUNDING = "grounding"
    """Nothing, or something old, was retrieved: a matter of knowledge."""


LEARNABLE: Final = frozenset({Cause.ROUTER, Cause.STYLE, Cause.PROTOCOL})


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Whether a candidate meets a rule, in words for an admin."""

    rule: RuleName
    met: bool
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Remark:
    """What one member said of the route or of the answer of one question."""

    member: MemberId
    role: Role
    at: datetime
    """Aware, in the guild's time zone, whose days are counted."""
    weight: float
    value: str
    """Of a route, the category that is right; of an answer, what is wrong with it; empty for a mere vote."""
    episode: EpisodeId
    task: Task
    against: bool = True
    correction: bool = False
    """Whether it says what would have been right, and not only that something is wrong."""
    text: str = ""
    """The answer that it says would have been right."""
    by_asking: bool = False
    """Whether the member said nothing, but asked what could not be answered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Statistic:
    """What the statistics say of a candidate (`tuning.patterns.significance`)."""

    worse: bool
    """Its e-process passed the bound that all that are looked at share."""
    alarm: bool
    """Its category fell, and it takes part in that."""
    odds: int
    """How rarely chance alone would go so far: once in so many."""
    without: str
    """What to say when neither holds."""


def volume(task: Task, of_category: int, in_all: int) -> Finding:
    """Usable labels since the champion was trained; with fewer, examples in the prompt do as much."""
    met = of_category >= LABELS_OF_CATEGORY[task] and in_all >= LABELS[task]
    needed = f"{LABELS_OF_CATEGORY[task]} and {LABELS[task]} are needed"
    words = f"{of_category} labels here and {in_all} in all; {needed}"
    return Finding(rule=RuleName.VOLUME, met=met, words=words)


def recurrence(remarks: Sequence[Remark]) -> Finding:
    """On several days, over some time, and on no day most of them: a bad evening is no pattern."""
    days = Counter(remark.at.date() for remark in remarks)
    times = [remark.at for remark in remarks]
    span = max(times) - min(times) if times else timedelta()
    busiest = max(days.values(), default=0) / max(len(remarks), 1)
    met = len(days) >= DAYS and span >= SPAN and busiest <= SHARE_OF_DAY
    words = f"{len(remarks)} on {len(days)} days within {span.days} days, {busiest:.0%} on the busiest"
    return Finding(rule=RuleName.RECURRENCE, met=met, words=words)


def independence(remarks: Sequence[Remark]) -> Finding:
    """By several members, none of whom outweighs the rest. Two admins do for corrections."""
    weights = member_weights(remarks)
    total = sum(weights.values())
    heaviest = max(weights.values(), default=0.0) / total if total else 1.0
    admins = {remark.member for remark in remarks if remark.role in TRUSTED and remark.value}
    by_admins = len(admins) >= ADMINS
    met = by_admins or (len(weights) >= MEMBERS and heaviest <= SHARE_OF_MEMBER)
    words = f"{len(weights)} members, the most active with {heaviest:.0%}; {len(admins)} admins"
    return Finding(rule=RuleName.INDEPENDENCE, met=met, words=words)


def member_weights(remarks: Sequence[Remark]) -> Mapping[MemberId, float]:
    """What each member's remarks weigh, of which only the first few of a day count."""
    spoken: Counter[tuple[MemberId, Day]] = Counter()
    weights: dict[MemberId, float] = {}
    for remark in sorted(remarks, key=lambda each: each.at):
        day = (remark.member, remark.at.date())
        spoken[day] += 1
        if spoken[day] <= WORDS_A_DAY:
            weights[remark.member] = weights.get(remark.member, 0.0) + remark.weight
    return weights


def agreement(remarks: Sequence[Remark], now_searched: str = "") -> Finding:
    """On what would have been right: each member's last word, one voice each. Else a person must look.

    Who finds the category that is searched now right has a voice like the others. Of one member a correction
    outweighs mere votes, before it and after it: an answer may help that was found in the wrong place.
    """
    ordered = sorted((each for each in remarks if each.value), key=lambda each: (each.correction, each.at))
    voices = {remark.member: remark for remark in ordered}.values()
    counts = Counter(each.value for each in voices)
    chosen, count = max(counts.items(), key=_most, default=("nothing", 0))
    admins = {each.value for each in voices if each.role in TRUSTED}
    agreeing = sum(each.role in TRUSTED and each.value == chosen for each in voices)
    sure = wilson(count, len(voices)).low >= AGREEMENT
    met = (sure or (agreeing >= ADMINS and admins == {chosen})) and chosen != now_searched
    words = f"{count} of {len(voices)} say {chosen}, {agreeing} of them admins"
    return Finding(rule=RuleName.AGREEMENT, met=met, words=words)


def _most(counted: tuple[str, int]) -> tuple[int, str]:
    value, count = counted
    return count, value


def significance(found: Statistic) -> Finding:
    """That the questions fail more often than when the champion was new, and not by chance."""
    reasons = [
        said
        for said, holds in (
            (f"fails more than at first, by chance 1 time in {found.odds:,}", found.worse),
            ("its category fell some time ago", found.alarm),
        )
        if holds
    ]
    words = "; ".join(reasons) or found.without
    return Finding(rule=RuleName.SIGNIFICANCE, met=bool(reasons), words=words)


def learnable(causes: Mapping[Cause, int]) -> Finding:
    """What was never found cannot be trained into a model; mixed causes are for a person."""
    total = sum(causes.values())
    cause, count = max(causes.items(), key=lambda item: (item[1], item[0]), default=(Cause.GROUNDING, 0))
    met = cause in LEARNABLE and count >= SHARE_OF_CAUSE * total
    words = f"{count} of {total} are a matter of {cause}" if total else "no cause is known"
    return Finding(rule=RuleName.LEARNABLE, met=met, words=words)


def calm(anomalies: Sequence[str], since_training: timedelta | None, new: int, before: int) -> Finding:
    """Nothing else is going on, and there is enough that the last training did not know.

    `since_training` is None when nothing was ever trained; `new` and `before` count labels.
    """
    waiting = since_training is not None and since_training < COOL_DOWN
    reasons = [*anomalies]
    if waiting:
        reasons.append("the last training is too recent")
    if new < NEW_LABELS * before:
        reasons.append(f"only {new} labels beside the {before} known ones")
    return Finding(rule=RuleName.CALM, met=not reasons, words="; ".join(reasons) or "nothing unusual")
