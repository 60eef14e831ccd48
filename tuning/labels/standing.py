"""Which feedback stands: of each member the latest word on an episode that they did not retract."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from agent.contracts import EpisodeId, Feedback, FeedbackKind, MemberId


class Aspect(StrEnum):
    """What feedback is about. A corrected answer takes back no category that was corrected before."""

    VOTE = "vote"
    CATEGORY = "category"
    ANSWER = "answer"


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    aspect: Aspect
    value: str | int
    """1 or -1 of a vote, else a category's slug or an answer."""
    event: Feedback
    place: int
    """Its place in the journal; of one member's words on several episodes the last one counts."""


def standing(events: Iterable[Feedback]) -> tuple[Said, ...]:
    """Return what stands, in the journal's order, in which `events` must be. A vote of 0 is none.

    Whether somebody may be learnt from is asked afterwards: what they took back while they had opted out is
    taken back all the same.
    """
    ordered = tuple(events)
    retracted = {
        (event.member, event.value["event"]) for event in ordered if event.kind is FeedbackKind.RETRACTION
    }
    latest: dict[tuple[EpisodeId, MemberId, Aspect], Said] = {}
    for place, event in enumerate(ordered):
        if (event.member, event.id) not in retracted:
            for aspect, value in _said(event):
                key = (event.episode, event.member, aspect)
                latest[key] = Said(aspect=aspect, value=value, event=event, place=place)
    return tuple(sorted((said for said in latest.values() if said.value), key=lambda said: said.place))


def _said(event: Feedback) -> Iterator[tuple[Aspect, str | int]]:
    if event.kind is FeedbackKind.VOTE:
        yield Aspect.VOTE, event.value["vote"]
    if event.kind is FeedbackKind.CORRECTION:
        for aspect in (Aspect.CATEGORY, Aspect.ANSWER):
            if value := event.value.get(aspect):
                yield aspect, value
