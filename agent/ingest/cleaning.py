"""What is removed from text that others wrote, before it is kept or shown.

Control characters can move a terminal's cursor, lone surrogates cannot be stored, and bidirectional
overrides make text read differently from what it says. None of them carries meaning in a document.
"""

from __future__ import annotations

import re
import unicodedata

_NEWLINES = re.compile(r"\r\n?|[\x0b\x0c\x85\u2028\u2029]")
_UNWANTED = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufeff\ufffe\uffff\ud800-\udfff]"
)
_TITLE_CHARACTERS = 200


def clean_text(text: str) -> str:
    """Newlines become `\\n`; control characters, bidi overrides and lone surrogates go."""
    return _UNWANTED.sub("", _NEWLINES.sub("\n", text))


def clean_title(text: str) -> str:
    """One line of at most 200 characters, without invisible characters."""
    shown = (" " if c.isspace() else c for c in clean_text(text) if unicodedata.category(c) != "Cf")
    line = " ".join("".join(shown).split())
    return line if len(line) <= _TITLE_CHARACTERS else line[: _TITLE_CHARACTERS - 1].rstrip() + "…"


def clean_link(text: str) -> str:
    """The link when it is a plain http(s) URL, else nothing: `javascript:` is not a link to show."""
    link = text.strip()
    whole = re.fullmatch(r"https?://[^\s<>\"'`\\^{|}\x00-\x1f\x7f]+", link, re.IGNORECASE)
    return link if whole and clean_text(link) == link else ""
