"""What is asked: the held-out items of a dataset version as questions, with the evidence that they had.

An answer is judged over the passages that were found for its question, if their text is still the one that
the label was made of; otherwise the item cannot be asked, and is counted.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from agent.answering.compose import says_unknown
from agent.contracts import Constraints, Evidence, EvidenceItem, GuildId, Passage, PassageId, Searched, Slug
from agent.models.protocol import Embedder, EmbedKind
from tuning.annotation.exhibit import sha256_of
from tuning.datasets.item import Item, Split
from tuning.datasets.version import DatasetVersion
from tuning.labels.label import Label, Polarity

if TYPE_CHECKING:
    from agent.runtime import Stores

HELD_OUT: Final = frozenset({Split.TEST, Split.GOLDEN})
NOTHING_SEARCHED: Final = Searched(
    categories=(), constraints=Constraints(), widened=False, queries=(), index_version=""
)


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

    @property
    def category(self) -> Slug | None:
        """Of the best passage."""
        return self.evidence.items[0].passage.category if self.evidence.items else None

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

    `embedder` is the one of the index in use. Raises `StoreError`, `ModelError`.
    """
    held_out = [entry for entry in version.entries if entry.split in HELD_OUT]
    ids = list(dict.fromkeys(id_ for entry in held_out for id_ in entry.item.label.evidence))
    passages = {passage.id: passage for passage in await stores.store.get(guild, ids)}
    asked = []
    for entry in held_out:
        evidence = await _evidence(stores, guild, entry.item.label, passages, embedder)
        if evidence is not None:
            asked.append(_answer_question(entry.item, entry.split, evidence))
    return tuple(asked), len(held_out) - len(asked)


async def _evidence(
    stores: Stores,
    guild: GuildId,
    label: Label,
    passages: Mapping[PassageId, Passage],
    embedder: Embedder,
) -> Evidence | None:
    """The passages of a label with their similarity to its question; None when one of them has changed."""
    found = [passages[id_] for id_ in label.evidence if id_ in passages]
    if not found or not _unchanged(label, passages):
        return None
    (vector,) = await embedder.embed([label.question], EmbedKind.QUERY)
    vectors = await stores.store.vectors_of(guild, [passage.id for passage in found])
    near = {id_: float(each @ vector) for id_, each in vectors.items()}
    items = [
        EvidenceItem(passage=each, score=near.get(each.id, 0.0), similarity=near.get(each.id, 0.0))
        for each in found
    ]
    return Evidence(items=tuple(items), searched=NOTHING_SEARCHED)


def _unchanged(label: Label, passages: Mapping[PassageId, Passage]) -> bool:
    """Whether every passage that a reviewer had before them is there with the same text."""
    return all(
        id_ in passages and sha256_of(passages[id_]) == digest
        for id_, digest in zip(label.evidence, label.evidence_sha256, strict=False)
    )


def _answer_question(item: Item, split: Split, evidence: Evidence) -> AnswerQuestion:
    label = item.label
    # What was disliked says that it was wrong, and not what would be right.
    known = label.answer if label.polarity is Polarity.POSITIVE else ""
    unknown = says_unknown(known)
    return AnswerQuestion(
        item=item.id,
        split=split,
        text=label.question,
        language=label.language,
        evidence=evidence,
        answerable=not unknown,
        references=(known,) if known and not unknown else (),
    )
