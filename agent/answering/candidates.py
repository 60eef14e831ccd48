"""The sentences of the evidence, and what each shares with the question.

All of it is counting words, so it costs a fraction of a millisecond a passage.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from itertools import pairwise

from agent.answering.cues import answer_type, holds
from agent.answering.words import content_words, fold, language_of
from agent.contracts import Evidence, EvidenceItem, Passage
from agent.ingest.documents import SEPARATOR
from agent.language.sentences import split_sentences

_NOTE = 260
"""Characters. A passage up to here, of three sentences at most, is one candidate: a note is quoted whole."""

_NOTE_SENTENCES = 3

_MARKUP = re.compile(r"(?:\s*(?:[-*+•>|]|#{1,6})\s+)*")
"""What a list item, a heading, a quotation or a line of a table begins with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A sentence of the evidence, or a short passage whole."""

    item: EvidenceItem
    number: int
    """The position of `item` in the evidence, from 1."""
    start: int
    end: int
    """Character offsets into the passage's text."""
    whole: bool
    """It is its whole passage, so that the search has compared its meaning already."""
    features: Mapping[str, float]

    @property
    def text(self) -> str:
        return self.item.passage.text[self.start : self.end]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sentence:
    start: int
    end: int
    words: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """What of the question every passage is compared with."""

    text: str
    words: tuple[str, ...]
    rarity: Mapping[str, float]


def candidates(question: str, evidence: Evidence) -> tuple[Candidate, ...]:
    """Every sentence that says something, in the order of the evidence, with its features.

    Of the sentence, from 0 to 1: `coverage`, the share of the question's words that it holds, weighed by
    how rare they are here; `context`, what only its title, its heading or the sentences before it hold;
    `pairs`, the share of neighbouring words that are neighbours in it; `kind`, whether it holds the kind of
    answer asked for.

    Of its passage: `foreign`, it is in the other language, 0 or 1; `near`, its similarity less the best one,
    -1 to 0; `near_own`, less the best one in the same language. An embedder ranks the language of the
    question first, and words cannot help in the other: of the household's 21 tuning questions on notes in the
    other language 5 found their answer without `foreign` and `near_own`, 15 with them.
    """
    sentences = [_sentences(item.passage) for item in evidence.items]
    words = content_words(question)
    rarity = _rarity(words, [set(sentence.words) for each in sentences for sentence in each])
    asked = _Asked(text=question, words=words, rarity=rarity)
    standings = _standings(question, evidence.items)
    numbered = enumerate(zip(evidence.items, sentences, standings, strict=True), 1)
    return tuple(
        candidate
        for number, (item, each, standing) in numbered
        for candidate in _of_passage(asked, item, number, each, standing)
    )


def _of_passage(
    asked: _Asked,
    item: EvidenceItem,
    number: int,
    sentences: Sequence[_Sentence],
    standing: Mapping[str, float],
) -> Iterator[Candidate]:
    kind = answer_type(asked.text)
    before = _heading_words(item)
    for sentence in sentences:
        words = set(sentence.words)
        text = item.passage.text[sentence.start : sentence.end]
        own = {
            "coverage": _share(asked.rarity, words),
            "context": _share(asked.rarity, before - words),
            "pairs": _pairs(asked.words, sentence.words),
            "kind": float(holds(kind, text)),
        }
        yield Candidate(
            item=item,
            number=number,
            start=sentence.start,
            end=sentence.end,
            whole=len(sentences) == 1,
            features={**own, **standing},
        )
        before |= words


def _standings(question: str, items: Sequence[EvidenceItem]) -> list[dict[str, float]]:
    """What the sentences of one passage have in common, for each passage."""
    language = language_of(question)
    languages = [item.passage.language or language_of(item.passage.text) for item in items]
    nearest_in: dict[str, float] = {}
    for own, item in zip(languages, items, strict=True):
        nearest_in[own] = max(item.similarity, nearest_in.get(own, -1.0))
    nearest = max(nearest_in.values(), default=0.0)
    return [
        {
            "foreign": float(bool(language and own) and language != own),
            "near": item.similarity - nearest,
            "near_own": item.similarity - nearest_in[own],
        }
        for item, own in zip(items, languages, strict=True)
    ]


def _heading_words(item: EvidenceItem) -> set[str]:
    return set(content_words(f"{item.passage.title} {item.passage.location}"))


def _share(rarity: Mapping[str, float], words: Set[str]) -> float:
    total = sum(rarity.values())
    return sum(rarity[word] for word in rarity.keys() & words) / total if total else 0.0


def _rarity(asked: Iterable[str], sentences: Sequence[Set[str]]) -> dict[str, float]:
    """Inverse document frequency over the sentences; a word that stands nowhere weighs most."""
    count = len(sentences)
    return {
        word: math.log1p(count / (1 + sum(word in words for words in sentences)))
        for word in sorted(set(asked))
    }


def _pairs(asked: Sequence[str], words: Sequence[str]) -> float:
    pairs = set(pairwise(asked))
    return len(pairs & set(pairwise(words))) / len(pairs) if pairs else 0.0


def _sentences(passage: Passage) -> tuple[_Sentence, ...]:
    text, body = passage.text, body_of(passage)
    told = [(start, end) for start, end in split_sentences(text) if start >= body]
    spans = [span for each in told if (span := _unmarked(text, *each))]
    if len(text) - body <= _NOTE and 1 < len(spans) <= _NOTE_SENTENCES:
        spans = [(spans[0][0], spans[-1][1])]
    found = [_Sentence(start=start, end=end, words=content_words(text[start:end])) for start, end in spans]
    return tuple(sentence for sentence in found if len(sentence.words) > 1) or tuple(found)


def body_of(passage: Passage) -> int:
    """Where the text after the passage's own headings begins: they name what is told and tell nothing."""
    names = {fold(name) for name in (passage.title, *passage.location.split(" › "))}
    body = 0
    while True:
        first, _, rest = passage.text[body:].partition(SEPARATOR)
        if not rest.strip() or fold(first.strip()) not in names:
            return body
        body += len(first) + len(SEPARATOR)


def _unmarked(text: str, start: int, end: int) -> tuple[int, int] | None:
    """Drop the markup that a sentence begins with; None when it says nothing else."""
    marked = _MARKUP.match(text, start, end)
    start = marked.end() if marked else start
    return (start, end) if any(map(str.isalnum, text[start:end])) else None
