"""Is there enough evidence to answer?

A logistic model over a handful of features, all counted or computed before: judging costs no model call. It
estimates the probability that the extracts hold the right answer. That is hard where a question was made to
look answerable (SQuAD 2.0: docs/benchmarks.md shows the trade-off) and easy where nobody wrote about it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from agent.answering.cues import AnswerType, answer_type, holds
from agent.answering.extract import Extract
from agent.answering.weights import JUDGE, log_odds
from agent.answering.words import content_words, language_of
from agent.contracts import Evidence, Passage

_NAMED = re.compile(r"(?<=\w[ ,])[A-ZÁÉÍÓÚÑ][\w'’-]+|\d+(?:[.,:]\d+)*")
"""Names and numbers: capitalised words, except the first one, and digits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    probability: float
    """That the extracts answer the question, 0 to 1."""
    features: Mapping[str, float]


def judge(question: str, evidence: Evidence, extracts: Sequence[Extract]) -> Judgement:
    """Judge the extracts; without any the probability is 0."""
    if not extracts:
        return Judgement(probability=0.0, features={})
    features = judged_features(question, evidence, extracts)
    return Judgement(probability=1 / (1 + math.exp(-log_odds(JUDGE, features))), features=features)


def judged_features(question: str, evidence: Evidence, extracts: Sequence[Extract]) -> dict[str, float]:
    """What speaks for and against, each 0 to 1 but for cosines and their differences.

    `cosine`: of the question and the nearest extract; `gap`: how far the most similar passage is ahead of the
    second in its language; `foreign`: the best extract is in the other language, so that its cosine is lower;
    `named`: the share of the question's names and numbers that the quoted passages hold; `kind`: an extract
    holds the kind of answer asked for; `agreement`: the first quoted passage is the best one by meaning and
    by words.

    The share of the question's words is left out: in SQuAD 2.0 the unanswerable have as many.
    """
    return {
        "cosine": max(each.cosine for each in extracts),
        "gap": _gap(evidence),
        "foreign": float(_foreign(question, extracts[0])),
        "named": _named(question, [each.item.passage for each in extracts]),
        "kind": float(any(_holds(question, each) for each in extracts)),
        "agreement": float(_agreed(extracts[0], evidence)),
    }


def _gap(evidence: Evidence) -> float:
    best = max(evidence.items, key=lambda item: item.similarity)
    others = [
        item.similarity
        for item in evidence.items
        if item is not best and item.passage.language == best.passage.language
    ]
    return best.similarity - max(others) if others else 0.0


def _foreign(question: str, extract: Extract) -> bool:
    asked, told = language_of(question), extract.item.passage.language or language_of(extract.text)
    return bool(asked and told and asked != told)


def _named(question: str, passages: Sequence[Passage]) -> float:
    names = [words for name in _NAMED.findall(question) if (words := set(content_words(name)))]
    told = set(content_words(" ".join(f"{_heading(passage)} {passage.text}" for passage in passages)))
    return sum(words <= told for words in names) / len(names) if names else 1.0


def _holds(question: str, extract: Extract) -> bool:
    kind = answer_type(question)
    dated = kind is AnswerType.DATE and extract.item.passage.date is not None
    return dated or holds(kind, extract.text)


def _agreed(extract: Extract, evidence: Evidence) -> bool:
    most = max(item.similarity for item in evidence.items)
    most_lexical = max(item.lexical for item in evidence.items)
    return extract.item.similarity == most and extract.item.lexical == most_lexical > 0


def _heading(passage: Passage) -> str:
    date = f"{passage.date:%Y %B}" if passage.date else ""
    return f"{passage.title} {passage.location} {passage.author_name} {date}"
