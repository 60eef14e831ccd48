"""What the detectors look at: questions and votes as bare facts, without a word that was said."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import numpy as np
from numpy.typing import NDArray

from agent.contracts import Episode, Feedback, FeedbackKind, Intent, MemberId, Slug

RECENT: Final = timedelta(days=7)
BEFORE: Final = timedelta(days=28)
"""The time before the recent one, with which it is compared."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    at: datetime
    member: MemberId
    category: Slug | None
    """The one that was searched; None where it was none or several."""
    starved: bool
    """What the category has did not do: nothing was found in it, or the search had to be widened."""
    unanswered: bool
    language: str
    milliseconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Voted:
    at: datetime
    helpful: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """Of one guild, oldest first."""

    asked: Sequence[Asked]
    voted: Sequence[Voted]
    vectors: NDArray[np.float32] | None = None
    """(questions, dimensions), of length 1; None when no embedder was at hand."""


def asked(episode: Episode) -> Asked:
    searched, answer = episode.searched, episode.answer
    categories = searched.categories if searched else ()
    return Asked(
        at=episode.asked_at,
        member=episode.member,
        category=categories[0] if len(categories) == 1 else None,
        starved=bool(searched and searched.widened) or not episode.evidence,
        unanswered=answer is None or answer.declined,
        language=episode.language,
        milliseconds=episode.timings.get("total", 0.0),
    )


def questions(episodes: Iterable[Episode]) -> tuple[Episode, ...]:
    """Those that are questions, oldest first."""
    return tuple(
        sorted((each for each in episodes if each.intent is Intent.ASK), key=lambda each: each.asked_at)
    )


def votes(events: Iterable[Feedback]) -> tuple[Voted, ...]:
    """Every vote that was cast, oldest first. One that was changed since was cast all the same."""
    cast = (each for each in events if each.kind is FeedbackKind.VOTE and each.value["vote"])
    found = (Voted(at=each.at, helpful=each.value["vote"] > 0) for each in cast)
    return tuple(sorted(found, key=lambda each: each.at))
