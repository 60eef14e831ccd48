"""What waits for a person: one question and one task, or what a detector reports."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final, Protocol

from agent.contracts import EpisodeId, GuildId, MemberId
from agent.serving.served import Task
from tuning.labels.label import Choice

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

    from tuning.labels.decisions import Decision
    from tuning.labels.gathering import Gathered

_ID_DIGITS: Final = 16


class Kind(StrEnum):
    """Why a person is asked; kept with what they decide, so never renamed."""

    CONFLICT = "conflict"
    """People disagree on the topic or the answer."""
    GONE = "gone"
    """The topic that was meant is no longer there."""
    UNCONFIRMED = "unconfirmed"
    """One member alone wrote a better answer."""
    DISLIKED = "disliked"
    """More members found the answer wrong than right."""
    UNANSWERED = "unanswered"
    """The bot did not know."""
    LOW_CONFIDENCE = "low_confidence"
    """The router was not sure where the question belongs."""
    BROUGHT = "brought"
    """Nobody asked: it was decided elsewhere and brought in."""
    REPORT = "report"
    """What a detector found and cannot decide."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One thing to decide. Its texts are scrubbed, and everybody concerned may be learnt from."""

    id: str
    """The same for as long as the first of its questions is kept: 16 hex digits."""
    guild: GuildId
    kind: Kind
    task: Task | None
    """None for a report, of which no label is made."""
    question: str
    """Of a report, what it says."""
    language: str = ""
    episodes: tuple[EpisodeId, ...] = ()
    """The near-duplicates that it stands for: first those that show the doubt, then oldest first."""
    proposal: str = ""
    """What would be accepted: a category's slug, or an answer. Empty where nothing is proposed."""
    choices: tuple[Choice, ...] = ()
    """What people say, sorted by value."""
    benefit: float
    """How much deciding it helps; the queue's order."""
    seen: tuple[str, ...] = ()
    """The feedback and decisions that whoever decides it now can know, by id, sorted."""
    decided_by: tuple[MemberId, ...] = ()
    """Who decided it already, where it is asked of two."""
    wanted: int = 1
    """How many people it is asked of."""

    @property
    def version(self) -> str:
        """Another one when something new was said of it: 8 hex digits."""
        said = "\n".join([self.kind, self.proposal, *self.seen])
        return hashlib.sha256(said.encode()).hexdigest()[:8]


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a detector wants a person to look at. The queue makes an item of it: accepted, it is right and
    was dealt with; discarded, it is nothing. The detector hears of either.
    """

    id: str
    """The detector's own, stable as long as it is about the same; another one when it comes back."""
    text: str
    """In words, without personal data."""
    episodes: tuple[EpisodeId, ...] = ()
    members: int = 1
    """How many members it concerns."""


class Reporter(Protocol):
    """A detector that asks people: patterns, anomalies. Raises `StoreError`."""

    async def reports(self, guild: GuildId, gathered: Gathered) -> Sequence[Report]:
        """What it would have a person decide now. `gathered` has the questions that may be shown."""
        ...

    async def heard(self, decision: Decision, within: AsyncConnection) -> None:
        """Write down what was decided of a report, or taken back, in the very transaction that stores the
        decision: both are there or neither is. Of another detector's report it does nothing.
        """
        ...


def item_id(kind: str, *parts: str) -> str:
    return hashlib.sha256("\n".join([kind, *parts]).encode()).hexdigest()[:_ID_DIGITS]


def for_reviewer(
    items: Iterable[Item], member: MemberId, *, skipped: Iterable[str] = (), taken: Iterable[str] = ()
) -> tuple[Item, ...]:
    """What a reviewer is asked, in the queue's order: not what they decided, and last what they skipped, in
    the order of `skipped`.

    `taken` are the ids of items that somebody else is looking at.
    """
    last, away = tuple(skipped), set(taken)
    open_ = [each for each in items if member not in each.decided_by and each.id not in away]
    return tuple(sorted(open_, key=lambda each: last.index(each.id) + 1 if each.id in last else 0))
