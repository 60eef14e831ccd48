"""The rules of feedback: what a value may be, and which votes stand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Final

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    StringConstraints,
    ValidationError,
    model_validator,
)

from agent.catalog.slugs import check_slug
from agent.contracts import Feedback, FeedbackKind, MemberId
from agent.errors import UsageError

_Words = Annotated[str, StringConstraints(pattern=r"\S")]


def _vote(value: int) -> int:
    if value not in {-1, 0, 1}:
        raise ValueError("a vote is 1, -1 or 0")
    return value


def _slug(text: str) -> str:
    try:
        return check_slug(text)
    except UsageError as error:
        raise ValueError(str(error)) from error


class _Value(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class _Vote(_Value):
    vote: Annotated[int, AfterValidator(_vote)]
    shown: bool = False


class _Reason(_Value):
    reason: _Words


class _Correction(_Value):
    category: Annotated[str, AfterValidator(_slug)] = ""
    answer: _Words = ""

    @model_validator(mode="after")
    def _says_something(self) -> _Correction:
        if not self.model_fields_set:
            raise ValueError("a correction names a category, an answer or both")
        return self


class _Comment(_Value):
    text: _Words


class _Retraction(_Value):
    event: _Words


_VALUES: Final[Mapping[FeedbackKind, type[_Value]]] = {
    FeedbackKind.VOTE: _Vote,
    FeedbackKind.REASON: _Reason,
    FeedbackKind.CORRECTION: _Correction,
    FeedbackKind.COMMENT: _Comment,
    FeedbackKind.RETRACTION: _Retraction,
}


def check_value(kind: FeedbackKind, value: Mapping[str, Any]) -> None:
    """Raises `UsageError` when the value is not what `FeedbackKind` says of its kind."""
    try:
        _VALUES[kind].model_validate(dict(value))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, (kind, *first["loc"])))
        raise UsageError(
            f"This feedback is not valid: {where}: {first['msg'].removeprefix('Value error, ')}.",
            f"Send what a {kind} is made of: {', '.join(_VALUES[kind].model_fields)}.",
        ) from error


def standing_votes(events: Iterable[Feedback]) -> dict[MemberId, int]:
    """Return each member's vote on one episode, 1 or -1. `events` are in the journal's order.

    The latest vote of a member counts that the same member has not retracted; one of 0 takes it back. Not
    the latest by `at`: the clock of the machine that stored it may have been behind.
    """
    return {member: event.value["vote"] for member, event in voting_events(events).items()}


def voting_events(events: Iterable[Feedback]) -> dict[MemberId, Feedback]:
    """The same, with the event that says it."""
    ordered = tuple(events)
    retracted = {
        (event.member, event.value["event"]) for event in ordered if event.kind is FeedbackKind.RETRACTION
    }
    latest = {
        event.member: event
        for event in ordered
        if event.kind is FeedbackKind.VOTE and (event.member, event.id) not in retracted
    }
    return {member: event for member, event in latest.items() if event.value["vote"]}
