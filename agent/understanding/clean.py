"""A member's text made fit to be searched, shown and stored, or refused with one clear line.

Characters that cannot be seen are removed, since they hide words from the search and, in terminals and
Discord, can reorder what others read. Right-to-left text itself is left alone. The joiners that Persian,
Indic scripts and emoji are written with stay where they join something.
"""

from __future__ import annotations

import re
import unicodedata

from agent.errors import UsageError

_HINT = 'Ask something, for example "When did we replace the pool pump?"'
_KEPT_CONTROLS = "\n\t"
_JOINERS = "\u200c\u200d"
_INVISIBLE_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})
_SPACES = re.compile(r"[^\S\n]+")
_BLANK_LINES = re.compile(r"\s*\n\s*\n\s*")


_TERMINAL_CODE = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")
"""A colour or a movement of the cursor; without its first character it would be glued to a word."""


def clean_question(text: str, limit: int) -> str:
    """Normalise `text` to NFC without invisible characters.

    `limit` counts characters of the cleaned text. Raises `UsageError` when nothing readable is left, when it
    holds no letter and no digit, or when it is too long.
    """
    if not text.strip():
        raise UsageError("The question is empty.", _HINT)
    text = _TERMINAL_CODE.sub("", text)
    cleaned = _without_invisible(text)
    if not cleaned:
        raise UsageError("The question holds only characters that cannot be seen.", _HINT)
    if len(cleaned) > limit:
        raise UsageError(
            f"The question is {len(cleaned):,} characters long; at most {limit:,} are allowed.",
            "Ask a shorter one; a long text can be kept with `lorekeeper ingest`.",
        )
    if not any(sign.isalnum() for sign in cleaned):
        raise UsageError(f'There is no question in "{_shortened(cleaned)}".', _HINT)
    return cleaned


def _without_invisible(text: str) -> str:
    lines = unicodedata.normalize("NFC", text.replace("\r\n", "\n").replace("\r", "\n"))
    signs = [sign for at, sign in enumerate(lines) if _is_visible(lines, at)]
    return _BLANK_LINES.sub("\n\n", _SPACES.sub(" ", "".join(signs))).strip()


def _is_visible(text: str, at: int) -> bool:
    sign = text[at]
    if sign in _JOINERS:
        return _joins(text[at - 1 : at]) and _joins(text[at + 1 : at + 2])
    return sign in _KEPT_CONTROLS or unicodedata.category(sign) not in _INVISIBLE_CATEGORIES


def _joins(neighbour: str) -> bool:
    """Latin, Greek and Cyrillic words need no joiner: there it only hides a word."""
    return bool(neighbour) and ord(neighbour) >= 0x0590 and not neighbour.isspace()


def _shortened(text: str) -> str:
    return text if len(text) <= 20 else text[:20] + "…"
