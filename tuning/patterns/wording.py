"""A candidate in words: what its questions are about, and the line that sums it up."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from agent.answering.words import content_words, fold
from agent.contracts import Slug
from tuning.labels.label import Task
from tuning.patterns.pattern import Action
from tuning.patterns.rules import Remark
from tuning.patterns.trials import ANOTHER_ANSWER

_WORD: Final = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")
_SHARED: Final = 0.6
"""The share of a candidate's questions that have a word which they are about."""

_RARER: Final = 1.5
"""How many times as often such a word must be in these questions as in the others."""

_MOST_WORDS: Final = 3
_ACTIONS_SAID: Final = {Action.KNOWLEDGE_GAP: "find no answer", Action.REINDEX: "find an old answer or none"}


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


def sentence(
    task: Task,
    category: Slug | None,
    target: str,
    remarks: Sequence[Remark],
    *,
    about: str,
    question: str,
    action: Action,
) -> str:
    """Say it in one line: "12 corrections by 5 members on 4 days: questions about the hot tub go to plumbing
    instead of pool".
    """
    corrections = sum(each.correction for each in remarks)
    counted = _counted(corrections, "correction") if corrections else _counted(len(remarks), "remark")
    members = _counted(len({each.member for each in remarks}), "member")
    days = _counted(len({each.at.date() for each in remarks}), "day")
    what = f"questions about {about}" if about else f"questions like “{question}”"
    return f"{counted} by {members} on {days}: {what} {_happens(task, category, target, action)}"


def _happens(task: Task, category: Slug | None, target: str, action: Action) -> str:
    if task is Task.ROUTE:
        goes = f"go to {category}" if category else "go to no topic"
        return f"{goes} instead of {target}" if target else goes
    where = f" in {category}" if category else ""
    if action in _ACTIONS_SAID:
        return f"{_ACTIONS_SAID[action]}{where}"
    if target == ANOTHER_ANSWER:
        return f"are answered wrongly{where}"
    return f"get answers that people dislike{where}" + (f" ({target.replace('_', ' ')})" if target else "")


def _counted(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"
