"""The seven rules that a pattern must meet, all of them, before anything is trained on it.

Each is a pure function of what is known of a candidate and says in words what it found, because an admin is
shown every candidate with every rule. The bounds guard against one member's campaign, a burst of votes and
chance; a statistic that is asked every day must stay valid when it is asked every day (`significance.py`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from agent.contracts import Day, EpisodeId, MemberId, Role
from agent.serving.served import Task
from tuning.labels.rules import TRUSTED
from tuning.patterns.phrases import Phrase, said
from tuning.sequential import wilson

LABELS_OF_CATEGORY: Final = {Task.ROUTE: 30, Task.ANSWER: 0}
LABELS: Final = {Task.ROUTE: 100, Task.ANSWER: 150}
DAYS, SPAN, SHARE_OF_DAY = 3, timedelta(hours=72), 0.5
MEMBERS, ADMINS, SHARE_OF_MEMBER, WORDS_A_DAY = 3, 2, 0.4, 3
AGREEMENT, VOICES = 0.6, 2
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
    phrases: tuple[Phrase, ...]

    @property
    def words(self) -> str:
        """In English."""
        return said(self.phrases)


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
    without: Phrase
    """What to say when neither holds."""


def volume(task: Task, of_category: int, in_all: int) -> Finding:
    """Usable labels since the champion was trained; with fewer, examples in the prompt do as much."""
    met = of_category >= LABELS_OF_CATEGORY[task] and in_all >= LABELS[task]
    figures = {
        "here": of_category,
        "all": in_all,
        "needed_here": LABELS_OF_CATEGORY[task],
        "needed": LABELS[task],
    }
    return _finding(RuleName.VOLUME, met, Phrase("volume", figures))


def recurrence(remarks: Sequence[Remark]) -> Finding:
    """On several days, over some time, and on no day most of them: a bad evening is no pattern."""
    days = Counter(remark.at.date() for remark in remarks)
    times = [remark.at for remark in remarks]
    span = max(times) - min(times) if times else timedelta()
    busiest = max(days.values(), default=0) / max(len(remarks), 1)
    met = len(days) >= DAYS and span >= SPAN and busiest <= SHARE_OF_DAY
    figures = {"remarks": len(remarks), "days": len(days), "span": span.days, "busiest": busiest}
    return _finding(RuleName.RECURRENCE, met, Phrase("recurrence", figures))


def independence(remarks: Sequence[Remark]) -> Finding:
    """By several members, none of whom outweighs the rest. Two admins do for corrections."""
    weights = member_weights(remarks)
    total = sum(weights.values())
    heaviest = max(weights.values(), default=0.0) / total if total else 1.0
    admins = {remark.member for remark in remarks if remark.role in TRUSTED and remark.value}
    by_admins = len(admins) >= ADMINS
    met = by_admins or (len(weights) >= MEMBERS and heaviest <= SHARE_OF_MEMBER)
    figures = {"members": len(weights), "heaviest": heaviest, "admins": len(admins)}
    return _finding(RuleName.INDEPENDENCE, met, Phrase("independence", figures))


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


def agreement(
    remarks: Sequence[Remark], now_searched: str = "", content: AbstractSet[MemberId] = frozenset()
) -> Finding:
    """On what would have been right: each member's last word, one voice each. Else a person must look.

    Who says that the category that is searched now is right has a voice like the others. A mere vote is none:
    an answer may help that was found in the wrong place. It counts where failures are held against successes.

    Few members are sure of it when they say so again: what they said on another day is their second voice.
    That does not hold when half as many others are `content`, who found such questions helpful as they are:
    a few who say otherwise, however often, may be wrong or lie.
    """
    ordered = sorted((each for each in remarks if each.value), key=lambda each: each.at)
    voices = list({remark.member: remark for remark in ordered}.values())
    if not voices:
        return _finding(RuleName.AGREEMENT, False, Phrase("no agreement"))
    chosen, count = max(Counter(each.value for each in voices).items(), key=_most)
    admins = {each.value for each in voices if each.role in TRUSTED}
    agreeing = sum(each.role in TRUSTED and each.value == chosen for each in voices)
    figures = {"count": count, "voices": len(voices), "chosen": chosen, "admins": agreeing}
    phrases = [Phrase("agreement", figures)]
    sure = _sure(voices, chosen)
    if not sure:
        again, others = _again(ordered), content - {each.member for each in voices}
        sure = _sure(again, chosen) and 2 * len(others) < count
        phrases += _of_few(again, chosen, len(voices), len(others))
    met = (sure or (agreeing >= ADMINS and admins == {chosen})) and chosen != now_searched
    return _finding(RuleName.AGREEMENT, met, *phrases)


def _sure(voices: Sequence[Remark], chosen: str) -> bool:
    return wilson(sum(each.value == chosen for each in voices), len(voices)).low >= AGREEMENT


def _again(ordered: Sequence[Remark]) -> list[Remark]:
    """The last word of each member on each of the last days on which they said something."""
    days: dict[MemberId, dict[Day, Remark]] = {}
    for each in ordered:
        days.setdefault(each.member, {})[each.at.date()] = each
    return [each for said in days.values() for each in list(said.values())[-VOICES:]]


def _of_few(again: Sequence[Remark], chosen: str, members: int, content: int) -> list[Phrase]:
    figures = {"count": sum(each.value == chosen for each in again), "voices": len(again)}
    phrases = [Phrase("again", figures)] if len(again) > members else []
    return phrases + ([Phrase("content", {"members": content})] if content else [])


def _most(counted: tuple[str, int]) -> tuple[int, str]:
    value, count = counted
    return count, value


def significance(found: Statistic) -> Finding:
    """That the questions fail more often than when the champion was new, and not by chance."""
    reasons = [Phrase("worse", {"odds": found.odds})] if found.worse else []
    reasons += [Phrase("fell")] if found.alarm else []
    return _finding(RuleName.SIGNIFICANCE, bool(reasons), *(reasons or [found.without]))


def learnable(causes: Mapping[Cause, int]) -> Finding:
    """What was never found cannot be trained into a model; mixed causes are for a person."""
    total = sum(causes.values())
    cause, count = max(causes.items(), key=lambda item: (item[1], item[0]), default=(Cause.GROUNDING, 0))
    met = cause in LEARNABLE and count >= SHARE_OF_CAUSE * total
    known = Phrase(f"cause {cause}", {"count": count, "total": total})
    return _finding(RuleName.LEARNABLE, met, known if total else Phrase("no cause"))


def calm(unusual: Sequence[Phrase], since_training: timedelta | None, new: int, before: int) -> Finding:
    """Nothing else is going on, and there is enough that the last training did not know.

    `since_training` is None when nothing was ever trained; `new` and `before` count labels.
    """
    waiting = since_training is not None and since_training < COOL_DOWN
    reasons = [*unusual]
    if waiting:
        reasons.append(Phrase("recent"))
    if new < NEW_LABELS * before:
        reasons.append(Phrase("few new", {"new": new, "before": before}))
    return _finding(RuleName.CALM, not reasons, *(reasons or [Phrase("calm")]))


def _finding(rule: RuleName, met: bool, *phrases: Phrase) -> Finding:
    return Finding(rule=rule, met=met, phrases=phrases)
