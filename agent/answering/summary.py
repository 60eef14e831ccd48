"""What a conversation or a source says, in its own sentences.

Sentences are ranked by how near they are to the centre of all (centroid summaries: Radev, Jing, Budzikowska
2000), less how near they are to what was picked already (maximal marginal relevance: Carbonell, Goldstein
1998). A long text is first thinned by its words alone: embedding a sentence costs tens of milliseconds.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from agent.answering.vectors import sentence_vectors
from agent.answering.words import content_words
from agent.language.sentences import split_sentences
from agent.models.protocol import Embedder, Vectors

_EMBEDDED = 32
"""Sentences embedded at most: about a second of one core."""

_RELEVANCE = 0.5
"""Weight of being central against being new, 0 to 1."""

_FEWEST_WORDS = 3
"""Content words. A shorter sentence ("Thanks!", a heading) is no news."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Highlight:
    """A sentence worth telling."""

    index: int
    """Which of the texts it stands in."""
    start: int
    end: int
    """Character offsets into that text."""
    text: str
    location: str


async def summarize_extractive(
    texts: Sequence[tuple[str, str]], embedder: Embedder, limit: int = 3
) -> tuple[Highlight, ...]:
    """Return at most `limit` sentences of `(text, location)` pairs, in their order. Raises `ModelError`."""
    sentences = _thinned(_sentences(texts))
    if len(sentences) <= limit:
        return tuple(sentences)
    vectors = await sentence_vectors([each.text for each in sentences], embedder)
    return tuple(sentences[place] for place in sorted(picked(vectors, limit)))


def picked(vectors: Vectors, limit: int) -> list[int]:
    """The rows to pick, best first, by maximal marginal relevance to the centroid."""
    centre = vectors.mean(axis=0)
    relevance = vectors @ (centre / np.linalg.norm(centre))
    likeness = vectors @ vectors.T
    chosen: list[int] = [int(relevance.argmax())]
    while len(chosen) < min(limit, len(vectors)):
        worth = _RELEVANCE * relevance - (1 - _RELEVANCE) * likeness[:, chosen].max(axis=1)
        worth[chosen] = -np.inf
        chosen.append(int(worth.argmax()))
    return chosen


def _sentences(texts: Sequence[tuple[str, str]]) -> list[Highlight]:
    every = [
        Highlight(index=index, start=start, end=end, text=text[start:end], location=location)
        for index, (text, location) in enumerate(texts)
        for start, end in split_sentences(text)
    ]
    return [each for each in every if len(content_words(each.text)) >= _FEWEST_WORDS]


def _thinned(sentences: list[Highlight]) -> list[Highlight]:
    """Keep those with the words that most sentences share, in their order."""
    words = [set(content_words(each.text)) for each in sentences]
    common = Counter(word for some in words for word in some)
    # The root keeps a long sentence from winning by its length, and a short one by having one common word.
    weights = [sum(common[word] for word in sorted(some)) / math.sqrt(len(some)) for some in words]
    best = sorted(range(len(sentences)), key=lambda place: -weights[place])[:_EMBEDDED]
    return [sentences[place] for place in sorted(best)]
