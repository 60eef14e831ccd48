"""Near-duplicate questions as one: who asks the same thing ten times has not made ten labels.

Groups are the connected parts of "alike", so that they are the same in whatever order questions came.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

ALIKE = 0.87
"""The cosine from which two questions are near-duplicates. With the embedder of the default installation
the same question in other words had 0.72 to 0.91, two questions that differ in one word up to 0.86 (ten pairs
each): what is not joined counts twice, but what is joined wrongly would be answered alike.
"""

_ID_DIGITS = 16
_BLOCK = 512
"""How many questions are compared with all at once: of ten thousand, 20 MB of cosines."""


def same_words(text: str) -> str:
    """The text without case, accents, punctuation and double spaces."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    letters = "".join(sign for sign in plain if not unicodedata.combining(sign))
    return " ".join(re.findall(r"\w+", letters)) or text


def grouped(texts: Sequence[str], vectors: ArrayLike | None = None, alike: float = ALIKE) -> tuple[int, ...]:
    """Return for each text the index of the first text of its group.

    Texts of the same words are one group. So are, where `vectors` gives a row of length 1 for each text,
    texts whose cosine is at least `alike`.
    """
    first: dict[str, int] = {}
    parents = [first.setdefault(same_words(text), index) for index, text in enumerate(texts)]
    if vectors is not None:
        leaders = sorted(set(parents))
        rows = np.asarray(vectors, dtype=np.float32)[leaders]
        for begin in range(0, len(leaders), _BLOCK):
            for one, other in np.argwhere(rows[begin : begin + _BLOCK] @ rows.T >= alike):
                _join(parents, leaders[begin + int(one)], leaders[int(other)])
    return tuple(_root(parents, index) for index in range(len(texts)))


def group_id(first_question: str) -> str:
    """A name for the group that begins with this question."""
    return hashlib.sha256(same_words(first_question).encode()).hexdigest()[:_ID_DIGITS]


def _join(parents: list[int], one: int, other: int) -> None:
    low, high = sorted((_root(parents, one), _root(parents, other)))
    parents[high] = low


def _root(parents: list[int], index: int) -> int:
    while parents[index] != index:
        index = parents[index]
    return index
