"""What an anomaly is, and what the rules of each kind are.

An anomaly holds no words of anybody: a kind, what it is about (a topic, a source, two passages), figures
and places. What it quotes is read where it stands when it is shown, and is gone with what it was read from.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, TypeAlias

from agent.contracts import GuildId, SourceId

Figure: TypeAlias = str | int | float


class Kind(StrEnum):
    RETRIEVAL = "retrieval"
    """Questions of a category find ever less in it."""
    UNANSWERED = "unanswered"
    """More questions than before end in "I don't know"."""
    STALE = "stale"
    """A source has changed where it came from."""
    CONTRADICTION = "contradiction"
    """Two sources say the same with another number, another date or a "not"."""
    LANGUAGE = "language"
    """Questions come in a language that was rare."""
    SUBJECT = "subject"
    """Questions are unlike those that were asked before."""
    BURST = "burst"
    """Many votes of one sign within an hour."""
    LATENCY = "latency"
    """Answers take longer than they did."""


class Action(StrEnum):
    """What is done about it. Neither this list nor anything that reads it knows of training."""

    REINDEX = "reindex"
    """Put the sources back into the index that have lost passages there."""
    REFRESH = "refresh"
    """Read the source again from where it came."""
    ASK = "ask"
    """Tell the admins."""


class State(StrEnum):
    RAISED = "raised"
    ACTED = "acted"
    FAILED = "failed"
    """What was to be done about it could not be done: it stays open."""
    DISMISSED = "dismissed"
    EXPIRED = "expired"
    """Nobody said anything about it for as long as it counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What becomes of anomalies of a kind."""

    action: Action
    cool_down: timedelta
    """From its first sign until the same may be raised anew."""
    counts_for: timedelta = timedelta(days=14)
    """How long it stays open when nobody says anything."""
    unsettling: bool = True
    """Whether feedback that is given meanwhile may mean something else than it says: nothing is calm then."""


_WEEK: Final = timedelta(days=7)

RULES: Final[Mapping[Kind, Rule]] = {
    Kind.RETRIEVAL: Rule(action=Action.REINDEX, cool_down=2 * _WEEK),
    Kind.UNANSWERED: Rule(action=Action.ASK, cool_down=4 * _WEEK),
    Kind.STALE: Rule(action=Action.REFRESH, cool_down=timedelta(days=1)),
    Kind.CONTRADICTION: Rule(action=Action.ASK, cool_down=52 * _WEEK, counts_for=4 * _WEEK, unsettling=False),
    Kind.LANGUAGE: Rule(action=Action.ASK, cool_down=4 * _WEEK),
    Kind.SUBJECT: Rule(action=Action.ASK, cool_down=4 * _WEEK),
    Kind.BURST: Rule(action=Action.ASK, cool_down=_WEEK),
    Kind.LATENCY: Rule(action=Action.ASK, cool_down=_WEEK, unsettling=False),
}

SETTLING: Final = _WEEK
"""How long after something was done about an anomaly feedback may still be about how it was before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a detector saw."""

    kind: Kind
    subject: str = ""
    """A category's slug, a source's id, a language, two passages; empty for the whole guild."""
    figures: Mapping[str, Figure] = field(default_factory=dict)
    """What the words about it are filled in with."""
    sources: tuple[SourceId, ...] = ()
    """What the action is about."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Anomaly:
    """Something that was found, and what has become of it."""

    id: str
    guild: GuildId
    raised_at: datetime
    found: Found
    state: State = State.RAISED
    changed_at: datetime
    note: str = ""
    """What came of the action, in one line."""

    @property
    def open(self) -> bool:
        return self.state in {State.RAISED, State.FAILED}

    def unsettles(self, now: datetime) -> bool:
        """Whether it disturbs feedback of these days."""
        if not RULES[self.found.kind].unsettling:
            return False
        return self.open or (self.state is State.ACTED and now - self.changed_at < SETTLING)
