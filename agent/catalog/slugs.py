"""Slugs: how a category is written in commands, settings and keys."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from agent.contracts import Slug
from agent.errors import UsageError

SLUG_CHARACTERS: Final = 40

_SLUG: Final = re.compile(rf"[a-z0-9][a-z0-9-]{{0,{SLUG_CHARACTERS - 1}}}")
_LETTERS: Final = str.maketrans(
    {"æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ı": "i"}
)
"""Latin letters that Unicode does not take apart into a plain one and an accent."""


def check_slug(text: str) -> Slug:
    """Return `text` as a slug: 1 to 40 of a-z, 0-9 and hyphens, not beginning with a hyphen.

    Raises `UsageError`.
    """
    if not _SLUG.fullmatch(text):
        raise UsageError(
            f"{text[:80]!r} is not a category's slug.",
            f"Use 1 to {SLUG_CHARACTERS} of a-z, 0-9 and hyphens, as in garden-tools.",
        )
    return Slug(text)


def slug_of(name: str) -> Slug:
    """Make the slug of a name: "Jardín y flores" becomes `jardin-y-flores`.

    Raises `UsageError` when no Latin letter or digit is in it.
    """
    plain = unicodedata.normalize("NFKD", name.casefold().translate(_LETTERS))
    unaccented = "".join(character for character in plain if not unicodedata.combining(character))
    slug = re.sub(r"[^a-z0-9]+", "-", unaccented).strip("-")[:SLUG_CHARACTERS].rstrip("-")
    if not slug:
        raise UsageError(
            f"No slug can be made of the name {name[:80]!r}.", "Give one, of a-z, 0-9 and hyphens."
        )
    return Slug(slug)
