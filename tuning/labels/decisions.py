"""What reviewers decided: append-only events, and which of them stand.

A decision is about the question that its episode asked, not about a group of near-duplicates: groups are
made anew at each derivation, and what a person decided stays with the question wherever it is grouped.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from agent.contracts import EpisodeId, GuildId, MemberId, PassageId, Slug, SourceId
from agent.serving.served import Task
from tuning.labels.grouping import same_words

RULE_VERSION: Final = 1
"""Of what a decision means for labels, as docs/labels.md tells it."""


class Act(StrEnum):
    """What a reviewer does; kept, so never renamed."""

    ACCEPT = "accept"
    """What was proposed is right."""
    CORRECT = "correct"
    """Something else is right."""
    DISCARD = "discard"
    """Nothing is to be learnt of this question for this task."""
    UNDO = "undo"
    """An earlier decision of the same reviewer no longer counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cited:
    """A passage that a reviewer had before them. Its text stays in the store; this tells if it changed."""

    passage: PassageId
    source: SourceId
    sha256: str
    """Of the passage's text, hex."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """One event. Everything that it means stands in it, also when what was proposed has changed since."""

    id: str
    guild: GuildId
    item: str
    """The id of what was decided in the queue."""
    kind: str
    """Why it was asked."""
    task: Task | None
    """None for a report, of which no label is made."""
    episode: EpisodeId | None
    """The question that the reviewer saw; None for a report that names none."""
    member: MemberId
    at: datetime
    act: Act
    category: Slug | None = None
    """What a ROUTE decision says is right; None when it discards."""
    answer: str = ""
    """The same of an ANSWER decision, scrubbed."""
    quotes: tuple[str, ...] = ()
    """What the answer quotes, verbatim in the scrubbed evidence."""
    evidence: tuple[Cited, ...] = ()
    note: str = ""
    """Why, in the reviewer's words."""
    seen: tuple[str, ...] = ()
    """The feedback and the decisions that the reviewer could know, by id. What is not among them is new."""
    undoes: str = ""
    """The id of the decision that an UNDO takes back."""
    guideline: int
    """The version of docs/annotation.md by which it was decided."""
    rule_version: int = RULE_VERSION

    @property
    def outcome(self) -> str:
        """Equal for decisions that mean the same: empty when nothing is to be learnt."""
        return str(self.category or "") if self.task is Task.ROUTE else same_words(self.answer)


def standing_decisions(decisions: Iterable[Decision]) -> tuple[Decision, ...]:
    """Return what stands, in the order of `decisions`, which is that in which they were stored.

    Of each reviewer the last decision on an item counts that was not undone, and a decision that somebody
    knew when they decided the same item gives way to theirs.
    """
    ordered = tuple(decisions)
    undone = {(each.member, each.undoes) for each in ordered if each.act is Act.UNDO}
    kept = [each for each in ordered if each.act is not Act.UNDO and (each.member, each.id) not in undone]
    last = {(each.member, each.task, each.episode, each.item): each for each in kept}
    latest = [each for each in kept if last[each.member, each.task, each.episode, each.item] is each]
    overruled = {id_ for each in latest for id_ in each.seen}
    return tuple(each for each in latest if each.id not in overruled)


def last_decision(decisions: Iterable[Decision], member: MemberId) -> Decision | None:
    """What a reviewer would take back: their last decision that is not undone, overruled or not."""
    ordered = tuple(decisions)
    undone = {each.undoes for each in ordered if each.act is Act.UNDO and each.member == member}
    own = [each for each in ordered if each.member == member and each.act is not Act.UNDO]
    return next((each for each in reversed(own) if each.id not in undone), None)
