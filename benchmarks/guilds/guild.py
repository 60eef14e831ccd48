"""One guild's months as the very events that the journal keeps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from agent.contracts import (
    Answer,
    AnswerKind,
    CategoryScore,
    Constraints,
    Episode,
    EpisodeId,
    Feedback,
    FeedbackKind,
    GuildId,
    Intent,
    MemberId,
    PassageId,
    Quote,
    Route,
    RouteDecision,
    Searched,
    Slug,
    SourceId,
)
from benchmarks.guilds.members import CATEGORIES, START, SUBJECTS, Member, members, times

GUILD: Final = GuildId("simulated")
DIMENSIONS: Final = 48
_GOOD, _GOOD_ELSEWHERE = 0.82, 0.15
"""The share of answers that help: of what was searched in the right category, and in a wrong one."""
_MISROUTED: Final = 0.03
_DECLINED: Final = 0.1
"""Of what is asked, the share that is not known, on average; each subject has its own."""
_READERS: Final = 0.15
"""Of the answers of others, the share on which somebody else votes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """From a day on, questions about something new are searched in a category where they do not belong."""

    day: int
    searched: str
    right: str
    share: float
    """Of what is searched in that category."""


@dataclass(slots=True, kw_only=True)
class Months:
    """What happened, in the order of the journal, once `sort` was called."""

    people: tuple[Member, ...]
    episodes: list[Episode] = field(default_factory=list)
    events: list[Feedback] = field(default_factory=list)
    vectors: dict[EpisodeId, NDArray[np.float32]] = field(default_factory=dict)
    joined: dict[MemberId, datetime] = field(default_factory=dict)

    def sort(self) -> None:
        self.episodes.sort(key=lambda each: each.asked_at)
        self.events.sort(key=lambda each: each.at)


class Town:
    """Makes the months of one guild. Everything random comes out of the seed."""

    def __init__(self, seed: int, *, days: int, people: int, shift: Shift | None = None) -> None:
        self.rng = np.random.default_rng(seed)
        self.days = days
        self.shift = shift
        self.months = Months(people=members(self.rng, people, days))
        self.months.joined |= {each.id: each.joined for each in self.months.people}
        self._places = _directions(self.rng, len(CATEGORIES) * SUBJECTS + 1)
        self._busy = self._drift()
        self._unknown = self.rng.beta(1, 1 / _DECLINED - 1, len(self._places))

    def live(self) -> Months:
        """Let every day pass."""
        for day in range(self.days):
            for member in self.months.people:
                for at in times(self.rng, member, day, self._busy[day]):
                    self._ask(member, at, day)
        self.months.sort()
        return self.months

    def ask(
        self, member: MemberId, at: datetime, category: str, subject: int, searched: str, language: str = "en"
    ) -> Episode:
        """One question and its answer, without what anybody says of it."""
        number = len(self.months.episodes)
        place = (
            SUBJECTS * len(CATEGORIES)
            if subject >= SUBJECTS
            else CATEGORIES.index(category) * SUBJECTS + subject
        )
        known = self.rng.random() >= self._unknown[place]
        episode = Episode(
            id=EpisodeId(f"e{number:07d}"),
            guild=GUILD,
            member=member,
            asked_at=at,
            question=f"question {number} about {category} {subject}",
            intent=Intent.ASK,
            language=language,
            route=_route(searched),
            evidence=((PassageId(f"{searched}-{subject}"), 0.5),) if known else (),
            searched=_searched(searched),
            answer=_answer(searched, subject) if known else _nothing(),
            models=(),
            timings={"total": float(self.rng.lognormal(0.3, 0.4) * 1000)},
        )
        self.months.episodes.append(episode)
        self.months.vectors[episode.id] = self._near(self._places[place])
        return episode

    def say(
        self, episode: Episode, member: Member, at: datetime, kind: FeedbackKind, value: Mapping[str, Any]
    ) -> None:
        event = Feedback(
            id=f"f{len(self.months.events):07d}",
            guild=GUILD,
            episode=episode.id,
            member=member.id,
            at=at,
            kind=kind,
            value=value,
            role=member.role,
        )
        self.months.events.append(event)

    def _ask(self, member: Member, at: datetime, day: int) -> None:
        category, subject, searched = self._what(member, day)
        language = "es" if self.rng.random() < member.spanish else "en"
        episode = self.ask(member.id, at, category, subject, searched, language)
        good = self.rng.random() < (_GOOD if searched == category else _GOOD_ELSEWHERE)
        soon = at + timedelta(minutes=float(self.rng.exponential(6)) + 0.2)
        if not good and searched != category and self.rng.random() < member.corrects:
            self.say(episode, member, soon, FeedbackKind.CORRECTION, {"category": category})
            return
        if self.rng.random() < member.votes:
            self._vote(episode, member, soon, good)
        if self.rng.random() < _READERS:
            reader = self.months.people[self.rng.integers(len(self.months.people))]
            if reader.id != member.id and self.rng.random() < reader.votes:
                self._vote(episode, reader, soon + timedelta(hours=float(self.rng.exponential(3))), good)

    def _vote(self, episode: Episode, member: Member, at: datetime, good: bool) -> None:
        meant = good != (self.rng.random() < member.errs)
        self.say(episode, member, at, FeedbackKind.VOTE, {"vote": 1 if meant else -1})

    def _what(self, member: Member, day: int) -> tuple[str, int, str]:
        """What is asked about, and where it is searched."""
        category = CATEGORIES[self.rng.choice(len(CATEGORIES), p=member.tastes)]
        # Interests wander through the year: what is asked most is not the same each month.
        subject = int((self.rng.geometric(0.4) - 1 + day // 45) % SUBJECTS)
        shift = self.shift
        if shift and day >= shift.day and category == shift.searched and self.rng.random() < shift.share:
            return shift.right, SUBJECTS, shift.searched
        wrong = self.rng.random() < _MISROUTED
        return category, subject, CATEGORIES[self.rng.integers(len(CATEGORIES))] if wrong else category

    def _drift(self) -> NDArray[np.float64]:
        """How busy each day is: slow ups and downs, and an event now and then."""
        slow = np.exp(np.cumsum(self.rng.normal(0, 0.03, self.days)) - 0.1)
        events = np.where(self.rng.random(self.days) < 0.03, self.rng.uniform(1.5, 3.0, self.days), 1.0)
        return np.clip(slow, 0.4, 2.5) * events

    def _near(self, place: NDArray[np.float64]) -> NDArray[np.float32]:
        vector = place + self.rng.normal(0, 0.5 / np.sqrt(DIMENSIONS), DIMENSIONS)
        return (vector / np.linalg.norm(vector)).astype(np.float32)


def _directions(rng: np.random.Generator, count: int) -> NDArray[np.float64]:
    rows = rng.normal(size=(count, DIMENSIONS))
    unit: NDArray[np.float64] = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return unit


@cache
def _route(searched: str) -> Route:
    score = CategoryScore(category=Slug(searched), probability=0.9, contributions={})
    return Route(
        scores=(score,),
        out_of_scope=0.05,
        decision=RouteDecision.SINGLE,
        categories=(Slug(searched),),
        model_asked=False,
        reason="simulated",
    )


@cache
def _searched(searched: str) -> Searched:
    return Searched(
        categories=(Slug(searched),), constraints=Constraints(), widened=False, queries=(), index_version="v1"
    )


@cache
def _answer(searched: str, subject: int) -> Answer:
    text = f"what is kept of {searched} {subject}"
    quote = Quote(
        text=text,
        number=1,
        passage=PassageId(f"{searched}-{subject}"),
        source=SourceId(searched),
        title=searched,
        location="",
        start=0,
        end=len(text),
    )
    return Answer(text=text, kind=AnswerKind.EXTRACTIVE, quotes=(quote,), language="en")


@cache
def _nothing() -> Answer:
    return Answer(text="I don't know.", kind=AnswerKind.DECLINED, language="en")


def until(months: Months, now: datetime) -> tuple[Sequence[Episode], Sequence[Feedback]]:
    """What the journal holds at a moment."""
    return (
        [each for each in months.episodes if each.asked_at <= now],
        [each for each in months.events if each.at <= now],
    )


def end_of(day: int) -> datetime:
    """When the schedule looks: at four in the morning after a day."""
    return START + timedelta(days=day + 1, hours=4)
