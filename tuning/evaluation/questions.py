"""What is asked: the held-out items of a dataset version as questions, with the evidence that they had.

An answer is judged over the passages that were found for its question, if their text is still the one that
the label was made of; otherwise the item cannot be asked, and is counted. A guild's labels hardly ever say
that nobody knows, so some questions are asked again over evidence that does not hold their answer.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from agent.answering.words import content_words
from agent.contracts import Evidence, GuildId, Slug
from agent.models.protocol import ChatMessage, Embedder, EmbedKind
from tuning.datasets.completing import declines, may_tell
from tuning.datasets.evidence import NO_EVIDENCE, read_evidence
from tuning.datasets.item import Item, Split
from tuning.datasets.version import DatasetVersion
from tuning.labels.label import Polarity
from tuning.training.rows import Row

if TYPE_CHECKING:
    from agent.runtime import Stores

HELD_OUT: Final = frozenset({Split.TEST, Split.GOLDEN})
ELSEWHERE: Final = ":elsewhere"
"""What the id of a question ends in that is asked again over another one's evidence."""
_UNANSWERABLE_ONE_IN: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class RoutingQuestion:
    item: str
    split: Split
    text: str
    right: Slug


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerQuestion:
    item: str
    split: Split
    text: str
    language: str
    evidence: Evidence
    answerable: bool = True
    """Whether the evidence holds the answer; else "I don't know" is right."""
    references: tuple[str, ...] = ()
    """Right answers; without one, an answer to an answerable question needs a judge."""
    messages: tuple[ChatMessage, ...] = ()
    """Of an instruction, which is asked as it stands; there is no evidence to it."""

    @property
    def category(self) -> Slug | None:
        """Of the best passage."""
        return self.evidence.category

    @property
    def needs_judge(self) -> bool:
        return self.answerable and not self.references


def routing_questions(
    version: DatasetVersion, categories: Collection[Slug]
) -> tuple[tuple[RoutingQuestion, ...], int]:
    """Return what can be asked of all splits, and how many held-out items cannot: their category is gone."""
    asked, gone = [], 0
    for entry in version.entries:
        label = entry.item.label
        if label.category in categories:
            asked.append(
                RoutingQuestion(
                    item=entry.item.id,
                    split=entry.split,
                    text=label.question,
                    right=Slug(str(label.category)),
                )
            )
        elif entry.split in HELD_OUT:
            gone += 1
    return tuple(asked), gone


async def answer_questions(
    stores: Stores, guild: GuildId, version: DatasetVersion, embedder: Embedder
) -> tuple[tuple[AnswerQuestion, ...], int]:
    """Return the held-out questions with their evidence, and how many have none left.

    `embedder` is the one of the index in use. Raises `StoreError`, `UnknownGuildError`, `ModelError`.
    """
    held_out = [entry for entry in version.entries if entry.split in HELD_OUT]
    evidences = await read_evidence(stores, guild, [entry.item.label for entry in held_out])
    own = [
        _question(entry.item, entry.split, evidence)
        for entry in held_out
        if (evidence := evidences.of(entry.item.label)) is not None
    ]
    elsewhere = [each for split in sorted(HELD_OUT) for each in unanswerable(own, split)]
    asked = [await _compared(stores, guild, question, embedder) for question in (*own, *elsewhere)]
    return tuple(asked), len(held_out) - len(own)


def instruction_questions(rows: Mapping[Split, Sequence[Row]]) -> Iterator[AnswerQuestion]:
    """The held-out instructions."""
    for split in sorted(HELD_OUT):
        for row in rows.get(split, ()):
            asked = "\n".join(message.content for message in row.messages)
            yield AnswerQuestion(
                item=f"instruction:{hashlib.sha256(asked.encode()).hexdigest()[:16]}",
                split=split,
                text=asked,
                language="",
                evidence=NO_EVIDENCE,
                references=(row.completion,),
                messages=row.messages,
            )


def unanswerable(asked: Sequence[AnswerQuestion], split: Split) -> Iterator[AnswerQuestion]:
    """Ask some questions of a split again over the evidence of another one, which does not hold their answer.

    Which ones, and whose evidence, their ids decide.
    """
    ring = [each for each in asked if each.split is split and each.references]
    for place, each in enumerate(ring):
        if place % _UNANSWERABLE_ONE_IN:
            continue
        others = (*ring[place + 1 :], *ring[:place])
        other = next((other for other in others if _says_nothing_of(each, other.evidence)), None)
        if other is not None:
            yield replace(
                each,
                item=f"{each.item}{ELSEWHERE}",
                evidence=other.evidence,
                answerable=False,
                references=(),
            )


def _says_nothing_of(question: AnswerQuestion, evidence: Evidence) -> bool:
    """Whether the evidence has neither a passage of the question's own nor most words of its answer."""
    own = {item.passage.id for item in question.evidence.items}
    if any(item.passage.id in own for item in evidence.items):
        return False
    return not any(may_tell(evidence, answer) for answer in question.references)


def _question(item: Item, split: Split, evidence: Evidence) -> AnswerQuestion:
    label = item.label
    # What was disliked says that it was wrong, and not what would be right.
    known = label.answer if label.polarity is Polarity.POSITIVE else ""
    nobody_knows = bool(known) and declines(known)
    return AnswerQuestion(
        item=item.id,
        split=split,
        text=label.question,
        language=label.language,
        evidence=evidence,
        answerable=not nobody_knows,
        references=(known,) if known and not nobody_knows else (),
    )


async def _compared(
    stores: Stores, guild: GuildId, question: AnswerQuestion, embedder: Embedder
) -> AnswerQuestion:
    """The question with how near each passage is to it in meaning and in words, as a search tells.

    Shared words are counted and not weighed as BM25 does: who looks at them asks for the most of them only.
    """
    (vector,) = await embedder.embed([question.text], EmbedKind.QUERY)
    items, words = question.evidence.items, set(content_words(question.text))
    vectors = await stores.store.vectors_of(guild, [item.passage.id for item in items])
    near = {id_: float(each @ vector) for id_, each in vectors.items()}
    compared = tuple(
        replace(
            item,
            similarity=near.get(item.passage.id, 0.0),
            lexical=float(len(words & set(content_words(item.passage.text)))),
        )
        for item in items
    )
    return replace(question, evidence=replace(question.evidence, items=compared))
