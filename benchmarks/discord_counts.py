"""What became of each question, vote and text: pure, so that tests can lie to it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from enum import StrEnum

from bot.texts.english import ENGLISH

_REASONS = (
    "⚠️",
    ENGLISH.cooldown.partition("{")[0],
    ENGLISH.queue_full,
    ENGLISH.too_many_of_yours,
    ENGLISH.may_not_ask,
)
"""How every reply begins that says why there is no answer."""


class Outcome(StrEnum):
    ANSWERED = "answered"
    TOLD = "told why not"
    LOST = "neither answered nor told"
    DOUBLE = "more than one reply"


def outcome(replies: Sequence[tuple[str, bool]]) -> Outcome:
    """Judge the replies that stand under a question, each its text and whether it has an answer's buttons."""
    if len(replies) > 1:
        return Outcome.DOUBLE
    if not replies:
        return Outcome.LOST
    (text, has_buttons), *_ = replies
    if has_buttons:
        return Outcome.ANSWERED
    return Outcome.TOLD if text.startswith(_REASONS) else Outcome.LOST


def foreign(text: str, own: str, markers: Collection[str]) -> list[str]:
    """The markers of other guilds in a text that members of `own` see."""
    return [marker for marker in markers if marker != own and marker.casefold() in text.casefold()]


def lost_votes(accepted: Mapping[str, int], standing: Mapping[str, int]) -> list[str]:
    """The members whose accepted vote on an answer does not stand, or stands as another."""
    return [member for member, vote in accepted.items() if standing.get(member, 0) != vote]


def unasked_votes(accepted: Mapping[str, int], standing: Mapping[str, int]) -> list[str]:
    """The members whose vote on an answer stands although they gave none."""
    return [member for member in standing if member not in accepted]
