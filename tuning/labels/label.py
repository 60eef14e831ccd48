"""What is learnt from, and what a person must look at first."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from agent.contracts import EpisodeId, GuildId, MemberId, PassageId, Slug


class Task(StrEnum):
    ROUTE = "route"
    """(question, category)"""
    ANSWER = "answer"
    """(question, evidence, answer)"""


class Polarity(StrEnum):
    POSITIVE = "positive"
    NEGATIVE = "negative"
    """What should not have been said; never taken for an example of what should."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """One thing to learn. Its texts are scrubbed; everybody named in `members` agreed to be learnt from."""

    guild: GuildId
    task: Task
    group: str
    """The near-duplicate questions it stands for: the hash of the first of them, 16 hex digits."""
    question: str
    language: str
    category: Slug | None = None
    """Of a ROUTE label."""
    evidence: tuple[PassageId, ...] = ()
    """Of an ANSWER label: what was retrieved for the question, best first."""
    answer: str = ""
    """Of an ANSWER label."""
    polarity: Polarity
    weight: float
    """0 to 1: how much it counts beside others."""
    rule: str
    rule_version: int
    episodes: tuple[EpisodeId, ...]
    events: tuple[str, ...]
    """The feedback it was derived from. Both sorted, and both go with the journal's rows."""
    members: tuple[MemberId, ...]
    """Whose words it is made of: who asked and who gave the feedback. Sorted."""


class Doubt(StrEnum):
    """Why a person must decide."""

    CONFLICT = "conflict"
    """People of equal say disagree."""
    UNCONFIRMED = "unconfirmed"
    """One member alone wrote a better answer."""
    GONE = "gone"
    """The category that was meant is no longer there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    value: str
    """A category's slug, or a scrubbed answer."""
    events: tuple[str, ...]
    members: tuple[MemberId, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """A question whose label a person must choose; until then there is none."""

    guild: GuildId
    task: Task
    group: str
    question: str
    doubt: Doubt
    choices: tuple[Choice, ...]
    """Sorted by value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Derivation:
    """Everything the journal of one guild says, in one order whatever order it was said in."""

    labels: tuple[Label, ...]
    reviews: tuple[Review, ...]
