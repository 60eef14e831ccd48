"""What the questions of a candidate are about, and what sums it up."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from agent.answering.words import content_words, fold
from agent.contracts import Slug
from agent.serving.served import Task
from tuning.patterns.pattern import Action
from tuning.patterns.phrases import Gist, Phrase
from tuning.patterns.rules import Remark
from tuning.patterns.trials import ANOTHER_ANSWER

_WORD: Final = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")
_SHARED: Final = 0.6
"""The share of a candidate's questions that have a word which they are about."""

_RARER: Final = 1.5
"""How many times as often such a word must be in these questions as in the others."""

_MOST_WORDS: Final = 3


@dataclass(frozen=True, slots=True)
class Spread:
    """How many of some questions have a word, by its stem."""

    counts: Counter[str]
    questions: int

    @classmethod
    def of(cls, questions: Sequence[str]) -> Spread:
        return cls(Counter(stem for each in questions for stem in set(_stems(each))), len(questions))

    def without(self, those: Spread) -> Spread:
        return Spread(self.counts - those.counts, self.questions - those.questions)

    def share(self, stem: str) -> float:
        return self.counts[stem] / self.questions if self.questions else 0.0


def topic(medoid: str, here: Spread, everywhere: Spread) -> str:
    """Return the words, as the medoid writes them, that most questions here have and few others.

    The questions of `here` are among those of `everywhere`.
    """
    elsewhere = everywhere.without(here)
    said: dict[str, str] = {}
    for match in _WORD.finditer(medoid):
        for stem in _stems(match[0]):
            if here.share(stem) >= max(_SHARED, _RARER * elsewhere.share(stem)):
                said.setdefault(stem, fold(match[0]))
    return " ".join(list(said.values())[:_MOST_WORDS])


@lru_cache(maxsize=20_000)
def _stems(text: str) -> tuple[str, ...]:
    return content_words(text)


def gist_of(
    task: Task,
    category: Slug | None,
    target: str,
    remarks: Sequence[Remark],
    *,
    about: str,
    question: str,
    action: Action,
) -> Gist:
    """Sum a candidate up."""
    corrections = sum(each.correction for each in remarks)
    key, count = ("corrections", corrections) if corrections else ("remarks", len(remarks))
    return Gist(
        counted=Phrase(key, {"count": count}),
        members=len({each.member for each in remarks}),
        days=len({each.at.date() for each in remarks}),
        about=about,
        question=question,
        happens=_happens(task, category, target, action),
        category=category or "",
        target=target,
    )


def _happens(task: Task, category: Slug | None, target: str, action: Action) -> str:
    if task is Task.ROUTE:
        return "misrouted" if category else "unrouted"
    if action is Action.KNOWLEDGE_GAP:
        return "unanswered"
    if action is Action.REINDEX:
        return "outdated"
    return "wrong" if target == ANOTHER_ANSWER else "disliked"
