"""What is learnt from, and what a person must look at first."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from agent.contracts import EpisodeId, GuildId, MemberId, PassageId, Slug
from agent.serving.served import Task


class Polarity(StrEnum):
    POSITIVE = "positive"
    NEGATIVE = "negative"
    """What should not have been said; never taken for an example of what should."""
    LIKED = "liked"
    """What members found helpful as it was said. Nobody wrote that it is right, and a model that is held
    against its own answers learns nothing, so it counts beside what they disliked alone.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """One thing to learn. Its texts are scrubbed; everybody named in `members` agreed to be learnt from."""

    guild: GuildId
    task: Task
    group: str
    """The near-duplicate questions it stands for: the hash of the first of them, 16 hex digits. It is a name
    within one derivation: where the first of them is forgotten, or a new name is scrubbed out of it, the same
    questions are another group. What must not move, such as a split, is frozen by whoever makes it.
    """
    question: str
    language: str
    category: Slug | None = None
    """Of a ROUTE label."""
    evidence: tuple[PassageId, ...] = ()
    """Of an ANSWER label: what was retrieved for the question, best first."""
    evidence_sha256: tuple[str, ...] = ()
    """Of each passage in `evidence` as a reviewer had it before them; empty where no reviewer did. The text
    stays in the store, and one of another hash is not what the answer was written from.
    """
    answer: str = ""
    """Of an ANSWER label."""
    quotes: tuple[str, ...] = ()
    """Of an ANSWER label that a reviewer made: what it quotes, verbatim in the scrubbed evidence."""
    polarity: Polarity
    weight: float
    """0 to 1: how much it counts beside others."""
    rule: str
    rule_version: int
    guideline: int = 0
    """The version of docs/annotation.md by which a reviewer decided; 0 when none did."""
    episodes: tuple[EpisodeId, ...]
    events: tuple[str, ...]
    """The feedback and decisions it was derived from. Both sorted, and both go with the journal's rows."""
    members: tuple[MemberId, ...]
    """Whose words it is made of: who asked and who gave the feedback. Sorted."""


class Doubt(StrEnum):
    """Why a person must decide."""

    CONFLICT = "conflict"
    """People of equal say disagree: members, admins and reviewers, or a decision and what came after it."""
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
