"""What the graph knows of one question while it is being answered."""

from __future__ import annotations

from datetime import datetime
from typing import TypedDict

from agent.answering.extract import Extract
from agent.contracts import (
    Answer,
    AnswerKind,
    Constraints,
    EpisodeId,
    Evidence,
    EvidenceItem,
    Intent,
    Question,
    Route,
)
from agent.guilds import GuildView


class Asked(TypedDict):
    """The graph's input."""

    question: Question
    episode: EpisodeId
    now: datetime
    """Aware, in the guild's zone."""


class State(Asked, total=False):
    """Each key is written by the stage named; a loop writes it again."""

    view: GuildView
    """understand: the guild as it was when the question was asked."""
    text: str
    """understand: the question, cleaned, a follow-up resolved."""
    language: str
    intent: Intent
    argument: str
    """understand: what to remember, summarize or reply to."""
    constraints: Constraints
    queries: tuple[str, ...]
    """understand, rewrite: what was searched, the latest last."""
    route: Route
    unfiltered: tuple[EvidenceItem, ...]
    """prefetch: best passages of any category."""
    evidence: Evidence
    extracts: tuple[Extract, ...]
    """judge: the best sentences of the evidence."""
    sufficient: bool
    """judge: whether the evidence is enough to answer."""
    rewrites: int
    repairs: int
    draft: str
    draft_kind: AnswerKind
    streamed: bool
    """answer, repair: whether the draft was shown while the model wrote it."""
    problems: tuple[str, ...]
    """verify: what is wrong with the draft; empty when nothing is."""
    answer: Answer
