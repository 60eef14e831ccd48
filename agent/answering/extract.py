"""The best sentences of the evidence, verbatim.

Two stages, because a sentence costs tens of milliseconds to embed. First every sentence is scored by what is
free (agent/answering/candidates.py); then the most promising few are embedded and scored once more. A passage
that is one short note needs no vector of its own: the search has compared it already.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from agent.answering.candidates import Candidate, candidates
from agent.answering.cues import asks_for_latest, asks_when_it_happened
from agent.answering.vectors import sentence_vectors
from agent.answering.weights import FREE, FULL, log_odds
from agent.contracts import Evidence, EvidenceItem
from agent.models.protocol import Embedder, Vector

EMBEDDED = 4
"""Sentences looked at in the second stage. On SQuAD 3 find as much as 10."""

_AS_GOOD = 1.0
"""Log-odds. What is this close to the best is as good when the newest is asked for."""

_WORTH_ADDING = 3.0
"""Log-odds. What is this far below the best is not worth a second quote."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Extract:
    """Verbatim text of a passage that may answer the question."""

    item: EvidenceItem
    number: int
    """The position of `item` in the evidence, from 1: the source number of its quote."""
    start: int
    end: int
    """Character offsets into the passage's text."""
    text: str
    score: float
    """Log-odds, comparable within one question."""
    cosine: float = 0.0
    """Of the question and the text, where they were compared."""


async def extract(
    question: str, question_vector: Vector, evidence: Evidence, embedder: Embedder, *, limit: int = 2
) -> tuple[Extract, ...]:
    """Return at most `limit` extracts, best first; sentences that follow each other become one.

    Raises `ModelError`.
    """
    found = candidates(question, evidence)
    promising = sorted(found, key=lambda each: -log_odds(FREE, each.features))[:EMBEDDED]
    cosines = await cosines_of(promising, question_vector, embedder)
    return choose(question, promising, cosines, limit=limit)


async def cosines_of(
    found: Sequence[Candidate], question_vector: Vector, embedder: Embedder
) -> tuple[float, ...]:
    """The cosine of the question and each candidate, embedding only what the search has not compared."""
    parts = [each.text for each in found if not each.whole]
    compared = iter(await sentence_vectors(parts, embedder) @ question_vector)
    return tuple(each.item.similarity if each.whole else float(next(compared)) for each in found)


def choose(
    question: str,
    found: Sequence[Candidate],
    cosines: Sequence[float],
    *,
    limit: int = 2,
    weights: Mapping[str, float] = FULL,
) -> tuple[Extract, ...]:
    """Score the candidates, prefer the newest where that is asked for, and join neighbours."""
    extracts = [_extract(each, cosine, weights) for each, cosine in zip(found, cosines, strict=True)]
    scored = sorted(extracts, key=lambda each: -each.score)
    if asks_for_latest(question) or asks_when_it_happened(question):
        scored = _newest_of_equals(scored)
    worth = [each for each in scored[:limit] if each.score >= scored[0].score - _WORTH_ADDING]
    return _joined(worth)


def _extract(candidate: Candidate, cosine: float, weights: Mapping[str, float]) -> Extract:
    return Extract(
        item=candidate.item,
        number=candidate.number,
        start=candidate.start,
        end=candidate.end,
        text=candidate.text,
        score=log_odds(weights, {**candidate.features, "cosine": cosine}),
        cosine=cosine,
    )


def _newest_of_equals(scored: Sequence[Extract]) -> list[Extract]:
    """Put the newest of the dated extracts that are as good as the best in front."""
    equals = [each for each in scored if each.score >= scored[0].score - _AS_GOOD and each.item.passage.date]
    if not equals or scored[0].item.passage.date is None:
        return list(scored)
    newest = max(equals, key=lambda each: (each.item.passage.date, each.score))
    return [newest, *(each for each in scored if each is not newest)]


def _joined(extracts: Sequence[Extract]) -> tuple[Extract, ...]:
    joined: list[Extract] = []
    for each in extracts:
        at = next((i for i, other in enumerate(joined) if _touch(other, each)), None)
        if at is None:
            joined.append(each)
        else:
            start, end = min(joined[at].start, each.start), max(joined[at].end, each.end)
            text = each.item.passage.text[start:end]
            joined[at] = replace(joined[at], start=start, end=end, text=text)
    return tuple(joined)


def _touch(one: Extract, other: Extract) -> bool:
    if one.number != other.number:
        return False
    first, second = sorted((one, other), key=lambda each: each.start)
    return not first.item.passage.text[first.end : second.start].strip()
