"""How a guild is served, in figures: pure, from episodes and what stands on them to one value.

A question is an episode with the intent to ask; asked again it counts again. Whoever answers or learns is not
asked here: these figures decide nothing, so every vote counts, also that of a member who is not learnt from.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np

from agent.contracts import Day, Intent, RouteDecision, Slug
from tuning.labels.cases import Turn
from tuning.labels.rules import TRUSTED
from tuning.labels.standing import Aspect
from tuning.sequential import wilson

MOST_DAYS: Final = 366
_DAILY: Final = 62
"""Days that are shown one by one; more are shown by weeks."""
_WEEK: Final = 7
_ROUTED: Final = frozenset({RouteDecision.SINGLE, RouteDecision.UNION, RouteDecision.OUT_OF_SCOPE})
"""Decisions that can be right or wrong: not a topic that was given, and not a search in everything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """So many of so many, with Wilson's interval for 95 %."""

    good: int
    total: int
    share: float | None
    """None when nothing was counted."""
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """Seconds from the question to the final answer, of those that were answered."""

    p50: float
    p95: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic:
    """Questions that no answer was known to, by the topic they were searched in."""

    category: Slug | None
    """None where no one topic was searched first."""
    unanswered: int
    asked: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Of some days."""

    day: Day
    """The first of them."""
    answered: int
    unanswered: int
    """Answered with "I don't know"."""
    failed: int
    """Ended in an error."""
    satisfaction: Share
    """Helpful votes among all votes that stand."""
    routing: Share
    """Questions that were routed right among those of which members said so."""
    routed: int
    """Questions whose route can be right or wrong at all."""
    latency: Latency | None

    @property
    def questions(self) -> int:
        return self.answered + self.unanswered + self.failed


@dataclass(frozen=True, slots=True, kw_only=True)
class Statistics:
    until: Day
    """The last day; the first is that of `total`."""
    total: Figures
    topics: tuple[Topic, ...]
    """Those with an unanswered question, the most unanswered first."""
    steps: tuple[Figures, ...]
    """Day by day, or week by week, oldest first."""


class Tally:
    """Counts turns as they come, in any order, and keeps nothing of them but numbers."""

    def __init__(self, until: Day, days: int, zone: ZoneInfo) -> None:
        """The last of `days` days is `until`, in `zone`."""
        self._until = until
        self._zone = zone
        self._step = 1 if days <= _DAILY else _WEEK
        self._counts = [_Count() for _ in range(-(-days // self._step))]
        self._asked: dict[Slug | None, int] = {}
        self._unanswered: dict[Slug | None, int] = {}

    @property
    def since(self) -> Day:
        return self._first(0)

    def see(self, turn: Turn) -> None:
        """Count a turn; one that is no question, or of another time, does not count."""
        asked = turn.episode.asked_at.astimezone(self._zone).date()
        if turn.episode.intent is not Intent.ASK or not self.since <= asked <= self._until:
            return
        self._counts[(asked - self.since).days // self._step].see(turn)
        topic = turn.category
        self._asked[topic] = self._asked.get(topic, 0) + 1
        if turn.episode.answer is not None and turn.episode.answer.declined:
            self._unanswered[topic] = self._unanswered.get(topic, 0) + 1

    def statistics(self) -> Statistics:
        topics = [
            Topic(category=category, unanswered=count, asked=self._asked[category])
            for category, count in self._unanswered.items()
        ]
        return Statistics(
            until=self._until,
            total=_sum(self._counts).figures(self.since),
            topics=tuple(sorted(topics, key=lambda topic: (-topic.unanswered, topic.category or ""))),
            steps=tuple(count.figures(self._first(place)) for place, count in enumerate(self._counts)),
        )

    def _first(self, place: int) -> Day:
        return self._until - timedelta(days=(len(self._counts) - place) * self._step - 1)


@dataclass(slots=True)
class _Count:
    """What of some days is counted."""

    answered: int = 0
    unanswered: int = 0
    failed: int = 0
    helpful: int = 0
    votes: int = 0
    right: int = 0
    judged: int = 0
    routed: int = 0
    seconds: list[float] = field(default_factory=list)

    def see(self, turn: Turn) -> None:
        answer, route = turn.episode.answer, turn.episode.route
        if answer is None:
            self.failed += 1
        else:
            self.unanswered += answer.declined
            self.answered += not answer.declined
            self.seconds.append(turn.episode.timings.get("total", 0.0) / 1000)
        self.votes += len(turn.votes)
        self.helpful += sum(vote.value == 1 for vote in turn.votes)
        self.routed += route is not None and route.decision in _ROUTED
        right = routed_right(turn)
        self.judged += right is not None
        self.right += right is True

    def figures(self, day: Day) -> Figures:
        return Figures(
            day=day,
            answered=self.answered,
            unanswered=self.unanswered,
            failed=self.failed,
            satisfaction=share_of(self.helpful, self.votes),
            routing=share_of(self.right, self.judged),
            routed=self.routed,
            latency=_latency(self.seconds),
        )


def routed_right(turn: Turn) -> bool | None:
    """Say whether a question was routed right, as far as members said; None when nobody did.

    A correction says so: that of who is trusted before others', and nothing where they disagree. Without
    any, more helpful votes than others on a verified answer out of one topic confirm that topic.
    """
    route = turn.episode.route
    if route is None or route.decision not in _ROUTED:
        return None
    corrections = [said for said in turn.said if said.aspect is Aspect.CATEGORY]
    voices = [said for said in corrections if said.event.role in TRUSTED] or corrections
    if voices:
        values = {str(said.value) for said in voices}
        return values <= set(route.categories) if len(values) == 1 else None
    return True if turn.category and turn.verified_answer and turn.liking > 0 else None


def share_of(good: int, total: int) -> Share:
    interval = wilson(good, total)
    share = good / total if total else None
    return Share(good=good, total=total, share=share, low=interval.low, high=interval.high)


def _latency(seconds: list[float]) -> Latency | None:
    if not seconds:
        return None
    p50, p95 = (float(each) for each in np.percentile(seconds, (50, 95)))
    return Latency(p50=p50, p95=p95)


def _sum(counts: Iterable[_Count]) -> _Count:
    total = _Count()
    for count in counts:
        total.answered += count.answered
        total.unanswered += count.unanswered
        total.failed += count.failed
        total.helpful += count.helpful
        total.votes += count.votes
        total.right += count.right
        total.judged += count.judged
        total.routed += count.routed
        total.seconds += count.seconds
    return total
