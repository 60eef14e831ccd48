"""Vectors made comparable between languages, and two embedders joined into one space.

Raw vectors of multilingual-e5 lie between cosine 0.7 and 1, and a Spanish question lies nearer to any other
Spanish text than to its English twin. Subtracting the mean of the background questions and removing the
direction between the two languages undoes both ("all-but-the-top", Mu and Viswanath 2018, with a known
direction). The same direction tells English from Spanish: all 200 household questions, with no other
detector.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agent.models.protocol import Vector, Vectors

FIRST_SHARE = 0.4
"""Weight of the first embedder's cosine in the joint one. Anything from 0.3 to 0.6 routes banking77 within
0.2 points of it."""


@dataclass(frozen=True, slots=True)
class Space:
    """Where the vectors of one embedder crowd, and which way Spanish moves them."""

    centre: Vector
    spanish: Vector
    """Unit length."""

    def place(self, vectors: Vectors) -> Vectors:
        """Return (n, dimension), centred, without the language, of unit length."""
        moved = vectors - self.centre
        moved = moved - np.outer(moved @ self.spanish, self.spanish)
        return unit(moved)

    def in_english(self, vectors: Vectors) -> NDArray[np.bool_]:
        """Tell for each of (n, dimension) whether it lies on the English side."""
        leaning: NDArray[np.bool_] = (vectors - self.centre) @ self.spanish < 0
        return leaning


def space_between(english: Vectors, spanish: Vectors) -> Space:
    """Make the space of an embedder from its vectors of the background questions."""
    one, other = english.mean(axis=0), spanish.mean(axis=0)
    return Space(centre=(one + other) / 2, spanish=unit((other - one)[np.newaxis])[0])


def join(first: Vectors, second: Vectors) -> Vectors:
    """Return rows of unit length whose dot product is the weighted mean of both cosines."""
    return np.hstack([np.sqrt(FIRST_SHARE) * first, np.sqrt(1 - FIRST_SHARE) * second]).astype(np.float32)


def unit(rows: Vectors) -> Vectors:
    """Return the rows at unit length; a row of zeros stays zero."""
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    scaled: Vectors = (rows / np.maximum(length, 1e-9)).astype(np.float32)
    return scaled
