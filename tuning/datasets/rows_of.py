"""Training rows out of a dataset version: the prompts of the agent, and what was right.

ROUTE rows ask as the router asks. ANSWER rows show the evidence as it stands now and end in an answer that
its quotes prove. A model that only ever sees questions with an answer never says that it does not know, so
some questions are asked again over evidence that is another question's: there "I don't know." is right.
For KTO there are rows of disliked answers too, which say what to keep from.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from agent.answering.prompts import UNKNOWN, answer_messages
from agent.answering.words import content_words
from agent.contracts import Category, Evidence, GuildId, Slug
from agent.models.labels import LABELS
from agent.serving.served import Task
from tuning.datasets.completing import completion_of, may_tell
from tuning.datasets.evidence import Evidences, read_evidence
from tuning.datasets.item import Item, Split
from tuning.datasets.version import DatasetVersion, balanced
from tuning.recipes import Objective
from tuning.training.rows import Row, routing_row

if TYPE_CHECKING:
    from agent.runtime import Stores

_DECLINED_ONE_IN: Final = 4
"""Questions that are asked again where nothing answers them."""
_DECLINED_WEIGHT: Final = 0.5


class Skip(StrEnum):
    """Why no row was made of an item."""

    CATEGORY = "its category is gone"
    EVIDENCE = "its evidence is gone, changed, or not for everybody"
    UNPROVEN = "the evidence does not prove its answer"


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    rows: list[Row]
    skipped: Mapping[Skip, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answered:
    """An item with the evidence that proves its answer."""

    item: Item
    evidence: Evidence
    row: Row


async def rows_of(
    stores: Stores,
    guild: GuildId,
    version: DatasetVersion,
    split: Split,
    objective: Objective,
) -> list[Row]:
    """The rows of `make_rows`."""
    return (await make_rows(stores, guild, version, split, objective)).rows


def learnable(version: DatasetVersion, split: Split, objective: Objective) -> list[Item]:
    """The items of a split that an objective can learn from."""
    return [each for each in version.of(split) if objective is Objective.KTO or each.usable]


async def make_rows(
    stores: Stores,
    guild: GuildId,
    version: DatasetVersion,
    split: Split,
    objective: Objective,
) -> Made:
    """Make the rows of one split, in the items' order, and count what none could be made of.

    Raises `StoreError`, `UnknownGuildError`.
    """
    items = learnable(version, split, objective)
    if version.task is Task.ROUTE:
        learnt = learnable(version, Split.TRAIN, Objective.SFT)
        return routing_rows(await stores.catalog.categories(guild), items, learnt)
    evidences = await read_evidence(stores, guild, [item.label for item in items])
    if objective is Objective.KTO:
        made = answer_rows(items, evidences, declining=False)
        return replace(made, rows=_evened(made.rows))
    return answer_rows(items, evidences)


def routing_rows(categories: Sequence[Category], items: Sequence[Item], learnt: Sequence[Item]) -> Made:
    """Ask for the category of each item. Above 20 categories those are offered that are nearest to the
    question in words, by the questions of `learnt` and their names, among them the right one.
    """
    ordered = sorted(categories, key=lambda each: each.slug)
    by_slug = {category.slug: category for category in ordered}
    known = [item for item in items if item.label.category in by_slug]
    offered = _Offers(ordered, learnt)
    weights = balanced(known)
    rows = [
        routing_row(
            offered.for_question(item.label.question, right),
            item.label.question,
            right,
            weight=weights[item.id],
        )
        for item in known
        if (right := by_slug[Slug(str(item.label.category))])
    ]
    gone = len(items) - len(known)
    return Made(rows=rows, skipped={Skip.CATEGORY: gone} if gone else {})


class _Offers:
    """Which categories a question is offered: all of them, as long as a model can choose among so many."""

    def __init__(self, categories: Sequence[Category], learnt: Sequence[Item]) -> None:
        self._categories = categories
        words = defaultdict[Slug, list[frozenset[str]]](list)
        for category in categories:
            words[category.slug].append(_words(f"{category.name} {category.description}"))
        for item in learnt:
            words[Slug(str(item.label.category))].append(_words(item.label.question))
        self._words = words

    def for_question(self, question: str, right: Category) -> list[Category]:
        if len(self._categories) <= len(LABELS):
            return list(self._categories)
        asked = _words(question)

        def nearness(category: Category) -> float:
            return max(len(asked & words) / (1 + len(asked | words)) for words in self._words[category.slug])

        others = sorted((each for each in self._categories if each != right), key=nearness, reverse=True)
        chosen = {right.slug, *(each.slug for each in others[: len(LABELS) - 1])}
        return [each for each in self._categories if each.slug in chosen]


def answer_rows(items: Sequence[Item], evidences: Evidences, *, declining: bool = True) -> Made:
    """Show each item's evidence and end in its answer; with `declining`, ask some over others' evidence."""
    skipped: Counter[Skip] = Counter()
    answered: list[_Answered] = []
    weights = balanced(items)
    for item in items:
        found = _answered(item, evidences, weights[item.id])
        if isinstance(found, Skip):
            skipped[found] += 1
        else:
            answered.append(found)
    rows = [each.row for each in answered]
    if declining:
        rows += _declined(answered)
    return Made(rows=rows, skipped=dict(skipped))


def _answered(item: Item, evidences: Evidences, weight: float) -> _Answered | Skip:
    label = item.label
    evidence = evidences.of(label)
    if evidence is None:
        return Skip.EVIDENCE
    messages = answer_messages(label.question, evidence, label.language)
    shown = messages[-1].content
    completion = completion_of(label.question, label.answer, label.quotes, evidence, shown)
    if completion is None:
        return Skip.UNPROVEN
    row = Row(messages=messages, completion=completion, weight=weight, desirable=item.liked)
    return _Answered(item=item, evidence=evidence, row=row)


def _evened(rows: Sequence[Row]) -> list[Row]:
    """With weights that sum to the same for what was liked and what was not, as KTO asks for (Ethayarajh et
    al. 2024).
    """
    liked = sum(row.weight for row in rows if row.desirable)
    disliked = sum(row.weight for row in rows if not row.desirable)
    if not liked or not disliked:
        return list(rows)
    return [row if row.desirable else replace(row, weight=row.weight * liked / disliked) for row in rows]


def _declined(answered: Sequence[_Answered]) -> Iterator[Row]:
    """Some of the questions over the evidence of another one, where no words of their answer stand.

    Which ones, and whose evidence, their ids decide.
    """
    ring = sorted(answered, key=lambda each: _drawn(each.item))
    for place, each in enumerate(ring):
        if each.row.completion == UNKNOWN or _drawn(each.item) % _DECLINED_ONE_IN:
            continue
        others = (other for other in (*ring[place + 1 :], *ring[:place]) if _is_apart(each, other))
        if (other := next(others, None)) is not None:
            label = each.item.label
            messages = answer_messages(label.question, other.evidence, label.language)
            weight = each.row.weight * _DECLINED_WEIGHT
            yield replace(each.row, messages=messages, completion=UNKNOWN, weight=weight)


def _is_apart(one: _Answered, other: _Answered) -> bool:
    """Whether the other's evidence has neither a passage of the one's nor the words of its answer, and is of
    another category where that is known.
    """
    own = {item.passage.id for item in one.evidence.items}
    theirs = [item.passage for item in other.evidence.items]
    categories = {item.passage.category for item in one.evidence.items} - {None}
    if any(passage.id in own or passage.category in categories for passage in theirs):
        return False
    return not may_tell(other.evidence, one.item.label.answer)


def _drawn(item: Item) -> int:
    return int.from_bytes(hashlib.sha256(item.id.encode()).digest()[:8], "big")


def _words(text: str) -> frozenset[str]:
    return frozenset(content_words(text))
