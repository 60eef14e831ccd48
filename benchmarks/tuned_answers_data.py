"""SQuAD 2.0 as a guild's corrected answers: half of the articles to learn from, the other half to be asked.

Somebody who corrects an answer names the words that say it, and no more: of the sentence that holds the gold
answer and shares most words with the question, the clause around the answer. The agent's own code makes the
rows of that (tuning/datasets/completing.py).
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from agent.answering.prompts import UNKNOWN, answer_messages
from agent.answering.quotes import locate
from agent.answering.words import content_words
from agent.contracts import Evidence, EvidenceItem, Passage, PassageId, Slug
from agent.ingest.chunking import embedding_text
from agent.language.sentences import split_sentences
from agent.models.protocol import Embedder, EmbedKind
from benchmarks.squad_data import NOTHING_SEARCHED, SEED, Asked, fitting_categories, load_questions
from tuning.datasets.completing import completion_of
from tuning.datasets.evidence import evidence_of
from tuning.datasets.item import Split
from tuning.evaluation.questions import AnswerQuestion
from tuning.training.rows import Row

LONGEST: Final = 700
"""Characters of a paragraph: half of the questions are on longer ones, which take longer to learn from."""
QUESTIONS: Final[Mapping[Split, tuple[int, int]]] = {
    Split.TRAIN: (200, 130),
    Split.VALIDATION: (16, 16),
    Split.TEST: (50, 50),
}
"""How many with an answer, and how many without."""
_HELD_BACK: Final = 0.15
"""Of the paragraphs to learn from, whose questions say when to stop."""

_CLAUSE: Final = re.compile(r"(?<=[,;:])\s+|\s+[–—-]\s+")
_LEAST_WORDS: Final = 5
"""Of a clause; shorter ones take their neighbour along."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Data:
    passages: Mapping[PassageId, Passage]
    asked: Mapping[Split, Sequence[Asked]]
    """No two splits share a paragraph; test has the articles that nothing is learnt from."""


def read_data(path: Path) -> Data:
    """Draw the questions of every split from SQuAD's own file."""
    passages, questions = load_questions(path)
    by_id = {passage.id: passage for passage in passages}
    source = random.Random(SEED)
    short = [each for each in questions if len(by_id[each.passage].text) <= LONGEST]
    source.shuffle(short)
    learnt = fitting_categories(questions)
    read = sorted({each.passage for each in short if each.category in learnt})
    held_back = frozenset(source.sample(read, round(len(read) * _HELD_BACK)))
    pools: dict[Split, list[Asked]] = {split: [] for split in QUESTIONS}
    for each in short:
        pools[_split(each, learnt, held_back)].append(each)
    return Data(
        passages=by_id, asked={split: _drawn(pool, *QUESTIONS[split]) for split, pool in pools.items()}
    )


def _split(asked: Asked, learnt: frozenset[Slug], held_back: frozenset[PassageId]) -> Split:
    if asked.category not in learnt:
        return Split.TEST
    return Split.VALIDATION if asked.passage in held_back else Split.TRAIN


def _drawn(pool: Sequence[Asked], with_answer: int, without: int) -> list[Asked]:
    answered = [each for each in pool if each.answers][:with_answer]
    return [*answered, *[each for each in pool if not each.answers][:without]]


def rows(data: Data, split: Split) -> list[Row]:
    """The rows of a split; none of a question whose answer the agent's code cannot prove."""
    made = (_row(each, evidence_of([data.passages[each.passage]])) for each in data.asked[split])
    return [row for row in made if row is not None]


def _row(asked: Asked, evidence: Evidence) -> Row | None:
    messages = answer_messages(asked.text, evidence, "en")
    right = min(asked.answers, key=len) if asked.answers else UNKNOWN
    quotes = [clause(evidence.items[0].passage.text, right, asked.text)] if asked.answers else []
    completion = completion_of(asked.text, right, quotes, evidence, messages[-1].content)
    return None if completion is None else Row(messages=messages, completion=completion)


def clause(text: str, answer: str, question: str) -> str:
    """The words to quote for an answer that stands in a text; empty where no sentence holds it whole."""
    words = set(content_words(question))
    holding = [
        (text[start:end], span)
        for start, end in split_sentences(text)
        if (span := locate(answer, text[start:end])) is not None
    ]
    if not holding:
        return ""
    sentence, (begin, end) = max(holding, key=lambda each: len(words & set(content_words(each[0]))))
    cuts = [0, *(match.end() for match in _CLAUSE.finditer(sentence)), len(sentence)]
    first = max(place for place, cut in enumerate(cuts) if cut <= begin)
    last = min(place for place, cut in enumerate(cuts) if cut >= end)
    while len(sentence[cuts[first] : cuts[last]].split()) < _LEAST_WORDS and last - first < len(cuts) - 1:
        first, last = (first - 1, last) if first else (first, last + 1)
    return sentence[cuts[first] : cuts[last]]


async def questions(data: Data, embedder: Embedder) -> list[AnswerQuestion]:
    """What is asked of every way to answer, over the right paragraph and nothing else."""
    asked = data.asked[Split.TEST]
    texts = [embedding_text(data.passages[each.passage]) for each in asked]
    found = await embedder.embed(texts, EmbedKind.PASSAGE)
    wanted = await embedder.embed([each.text for each in asked], EmbedKind.QUERY)
    return [
        _question(f"q{number}", each, data.passages[each.passage], float(passage @ vector))
        for number, (each, passage, vector) in enumerate(zip(asked, found, wanted, strict=True))
    ]


def _question(name: str, asked: Asked, passage: Passage, similarity: float) -> AnswerQuestion:
    item = EvidenceItem(passage=passage, score=1.0, similarity=similarity, lexical=1.0)
    return AnswerQuestion(
        item=name,
        split=Split.TEST,
        text=asked.text,
        language="en",
        evidence=Evidence(items=(item,), searched=NOTHING_SEARCHED),
        answerable=bool(asked.answers),
        references=asked.answers,
    )
