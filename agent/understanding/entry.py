"""What a member told the bot to remember, as a validated structure.

The fact stays verbatim, its relative dates included, so that a quote of it is what the member wrote; the day
that it speaks of is kept beside it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime

from agent.contracts import Intent
from agent.errors import UsageError
from agent.language.dates import relative_date
from agent.understanding.intent import pick_intent

_COMMAND_ONLY = re.compile(
    r"(?:please |por favor )?(?:remember|note|recuerda|apunta|anota|nota)(?: that| que)?\W*", re.IGNORECASE
)
_HINT = "For example: remember that yesterday we replaced the pool pump with a Hayward."


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryDraft:
    """Raises `UsageError` when the text says nothing."""

    text: str
    date: date | None
    """The one day that the fact names, resolved; None when it names none, more than one, or a longer time."""

    def __post_init__(self) -> None:
        if not any(sign.isalnum() for sign in self.text):
            raise UsageError("There is nothing to remember.", _HINT)


def read_entry(text: str, now: datetime, language: str) -> EntryDraft:
    """Read a cleaned message or command argument; command words before the fact are dropped.

    `now` is in the guild's time zone. Raises `UsageError` when no fact is left.
    """
    choice = pick_intent(text, language)
    fact = (choice.argument if choice.intent is Intent.REMEMBER else text).strip()
    if _COMMAND_ONLY.fullmatch(fact):
        raise UsageError("There is nothing to remember.", _HINT)
    found = relative_date(fact, now, language)
    return EntryDraft(text=fact, date=found[0] if found else None)
