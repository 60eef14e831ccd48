"""What became of each target of an ingest or a refresh, and how far it is meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from agent.contracts import Slug, SourceId
from agent.errors import LorekeeperError


class Outcome(StrEnum):
    ADDED = "added"
    CHANGED = "changed"
    UNCHANGED = "unchanged"
    REMOVED = "removed"
    """It vanished from where it was."""
    SKIPPED = "skipped"
    """A file inside a folder whose format is not read here."""
    FAILED = "failed"


class ChosenBy(StrEnum):
    """Who chose a source's category; the first that did, in this order."""

    COMMAND = "command"
    DOCUMENT = "document"
    FOLDER = "folder"
    BEFORE = "before"
    """A person, when the source was ingested earlier."""
    ROUTER = "router"
    NOBODY = "nobody"


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    category: Slug | None
    probability: float
    """1.0 when a person chose; the router's when it did; that of its best guess when it chose none."""
    by: ChosenBy


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetReport:
    uri: str
    outcome: Outcome
    source: SourceId | None = None
    title: str = ""
    added: int = 0
    """Passages that were embedded and stored."""
    kept: int = 0
    """Passages that were there already."""
    removed: int = 0
    choice: Choice | None = None
    reason: str = ""
    """One line for a person; only when it failed or was skipped."""
    hint: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestReport:
    targets: tuple[TargetReport, ...]
    stopped: str = ""
    """Why the rest was not tried: the store or the model failed. What is reported stays as it is."""
    hint: str = ""

    @property
    def ok(self) -> bool:
        return not self.stopped and not self.count(Outcome.FAILED)

    def count(self, outcome: Outcome) -> int:
        return sum(target.outcome is outcome for target in self.targets)


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    done: int
    total: int
    """Targets; grows when a sitemap turns out to stand for many."""
    uri: str
    passages: int = 0
    passages_total: int = 0
    """Of this target, to be embedded; 0 until that is known."""
    report: TargetReport | None = None
    """Present when this target has just ended."""


ProgressCallback: TypeAlias = Callable[[Progress], None]


def failed(uri: str, error: LorekeeperError) -> TargetReport:
    return TargetReport(uri=uri, outcome=Outcome.FAILED, reason=str(error), hint=error.hint)
