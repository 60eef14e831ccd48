"""Counts in texts: one of something, or several.

A template or an f-string says both, for a `Count`: `{count:# passage|# passages}`. The rule is that of
English and of Spanish, where one alone is singular and zero is not. A choice for a plain `int` is a
`ValueError`: a text that chooses is not filled in wrongly unnoticed. Babel, which trafilatura brings, names
the form that a number takes and fills in no template.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class Count(int):
    """A whole number whose format may be `one|several`, with `#` where the number itself stands."""

    __slots__ = ()

    def __format__(self, spec: str) -> str:
        one, choice, several = spec.partition("|")
        if not choice:
            return super().__format__(spec)
        return (one if self == 1 else several).replace("#", str(self))


def with_counts(figures: Mapping[str, object]) -> dict[str, Any]:
    """The same figures by their names, each whole number as a `Count`."""
    return {name: Count(value) if isinstance(value, int) else value for name, value in figures.items()}
