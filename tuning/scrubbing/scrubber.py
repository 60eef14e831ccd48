"""The scrubber of a guild: text in, text with typed placeholders out.

Names that no list holds and no word announces stay: what is found of a test set in two languages is measured
by tests/tuning/test_scrubbing.py.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from typing import Final

from tuning.scrubbing.finds import Find, Kind
from tuning.scrubbing.names import Names
from tuning.scrubbing.patterns import find_patterns

_PLACEHOLDER: Final = re.compile(rf"\[(?:{'|'.join(Kind)})\]")


class Scrubber:
    """Takes out what tells who somebody is. `names` are the guild's author names.

    `keep` are texts whose words stay although a name holds them, such as the names of the guild's categories.
    """

    def __init__(self, names: Iterable[str] = (), keep: Collection[str] = ()) -> None:
        self._names = Names(names, keep)

    def find(self, text: str) -> tuple[Find, ...]:
        """Return what is personal, in order, without overlaps."""
        placed = [match.span() for match in _PLACEHOLDER.finditer(text)]
        found = [
            find
            for find in (*self._names.find(text), *find_patterns(text))
            if not any(find.start < end and start < find.end for start, end in placed)
        ]
        return _merged(found)

    def scrub(self, text: str) -> str:
        """Return the text with a placeholder such as `[email]` wherever something personal stood."""
        pieces, at = [], 0
        for find in self.find(text):
            pieces += [text[at : find.start], f"[{find.kind}]"]
            at = find.end
        return "".join((*pieces, text[at:]))


def _merged(finds: Iterable[Find]) -> tuple[Find, ...]:
    """Overlapping finds as one, so that what any finder saw is gone: a secret, or what the longest one is."""
    merged: list[Find] = []
    parts: list[Find] = []
    for find in sorted(finds, key=lambda each: (each.start, -each.end, each.kind)):
        if not merged or find.start >= merged[-1].end:
            merged.append(find)
            parts = [find]
            continue
        parts.append(find)
        first = max(parts, key=lambda each: (each.kind is Kind.SECRET, each.end - each.start))
        merged[-1] = Find(first.kind, merged[-1].start, max(part.end for part in parts))
    return tuple(merged)
