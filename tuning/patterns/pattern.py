"""What the detector of patterns is given and what it says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TypeAlias

from agent.contracts import Episode, EpisodeId, Feedback, MemberId, Slug
from agent.serving.served import Task
from tuning.labels.cases import Allows, Vectors
from tuning.labels.label import Label
from tuning.patterns.phrases import Gist, Phrase, line, said
from tuning.patterns.rules import Cause, Finding, Remark


def _everybody(member: MemberId, at: datetime) -> bool:
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """One guild's journal, as the detector reads it. Nothing in it is changed by reading."""

    episodes: tuple[Episode, ...]
    """In the journal's order; questions scrubbed; `asked_at` in the guild's time zone, whose days count."""
    events: tuple[Feedback, ...]
    """In the journal's order, `at` in the guild's time zone."""
    vectors: Vectors
    """(episodes, dimensions), rows of length 1. A row of zeros is like nothing: of what nobody remarked on,
    no vector is needed."""
    labels: tuple[Label, ...] = ()
    """As `tuning.labels.derive` makes them of the same journal."""
    joined: Mapping[MemberId, datetime] = field(default_factory=dict)
    """Since when a member belongs to the guild; of those who are absent, since the journal knows them."""
    discarded: frozenset[tuple[EpisodeId, Task]] = frozenset()
    """Questions of which a reviewer said that nothing is to be learnt for a task."""
    allows: Allows = _everybody
    """Whether the bot may learn from what a member said at a moment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """The training that made the champion of a task."""

    champion: str
    """The adapter's name."""
    at: datetime
    labels: int
    """How many it was trained on."""


BaselineKey: TypeAlias = tuple[Task, Slug | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """How good a champion was when it was new: the first trials of its service, counted once, for ever."""

    task: Task
    category: Slug | None
    """None for all categories together."""
    champion: str
    """Empty for the model without an adapter."""
    successes: int
    trials: int
    rate: float
    """What later trials are held against, 0 to 1 exclusive."""
    frozen_at: datetime
    """When the last of these trials was asked. Those that were asked later are held against it."""

    @property
    def key(self) -> BaselineKey:
        return self.task, self.category


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A candidate that was found before. It is found again by its medoid, and keeps its id."""

    id: str
    task: Task
    category: Slug | None
    medoid: EpisodeId
    settled_at: datetime | None = None
    """When an admin said that it is done, or no matter: what was asked until then counts no longer."""


class Action(StrEnum):
    """What to do about a candidate. Its values are kept, so none is ever renamed."""

    NOTHING_YET = "nothing yet"
    FEW_SHOT = "few-shot is enough"
    REINDEX = "re-index"
    KNOWLEDGE_GAP = "knowledge gap"
    HUMAN_REVIEW = "human review"
    FINE_TUNE_ROUTER = "fine-tune the router"
    FINE_TUNE_ANSWERS = "fine-tune the answers"


TRAINS = frozenset({Action.FINE_TUNE_ROUTER, Action.FINE_TUNE_ANSWERS})


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    action: Action
    phrases: tuple[Phrase, ...]

    @property
    def because(self) -> str:
        """In English."""
        return said(self.phrases)


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """A candidate at one moment: everything is counted from its beginning."""

    at: datetime
    votes: int
    """Unhelpful ones."""
    corrections: int
    log_e: float | None
    """The logarithm of the e-process; None before there is a baseline."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """Similar questions that fail, with everything that decides whether they are a pattern."""

    id: str
    """16 hex digits: a hash of task, category and the first medoid's words."""
    task: Task
    category: Slug | None
    """Where the questions were searched; None where it was no single category."""
    medoid: EpisodeId
    """The question that is most like the others."""
    question: str
    """The medoid's words."""
    about: str
    """The words that its questions share and others do not; empty when there are none."""
    target: str
    """What most say would have been right: a category's slug, a reason; empty when nobody said."""
    questions: tuple[str, ...]
    """Those that failed, each once, newest first."""
    remarks: tuple[Remark, ...]
    """Those that count, oldest first."""
    causes: Mapping[Cause, int]
    findings: tuple[Finding, ...]
    """Seven, in the order of `RuleName`."""
    decision: Decision
    gist: Gist
    points: tuple[Point, ...]
    bound: float
    """What the e-process must reach, as a logarithm."""

    @property
    def stable(self) -> bool:
        return all(finding.met for finding in self.findings)

    @property
    def sentence(self) -> str:
        """The whole in one line, in English."""
        return line(self.gist)

    @property
    def known(self) -> Known:
        return Known(id=self.id, task=self.task, category=self.category, medoid=self.medoid)


@dataclass(frozen=True, slots=True, kw_only=True)
class Detection:
    """What was found. The caller keeps `baselines` and `candidate.known`, and gives them back next time."""

    candidates: tuple[Candidate, ...]
    """Stable ones first, then by how many remarks they have."""
    baselines: Mapping[BaselineKey, Baseline]
    """Those that were given, and those that could be frozen now."""
