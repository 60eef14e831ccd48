"""One thing to train on or to be measured by, and the part of the data that it belongs to."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum

from agent.contracts import EpisodeId, MemberId
from agent.serving.served import Task
from tuning.labels.grouping import same_words
from tuning.labels.label import Label, Polarity


class Split(StrEnum):
    TRAIN = "train"
    VALIDATION = "validation"
    """Says when to stop, and which hyper-parameters are best."""
    TEST = "test"
    """Says whether a challenger is better than the champion."""
    GOLDEN = "golden"
    """Never trained on and never chosen by: no challenger may be worse there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    label: Label
    keys: frozenset[str]
    """Items that share one of them are never parted: near-duplicates, one thread, one author."""

    @property
    def id(self) -> str:
        """16 hex digits, the same for the same question and lesson, whoever gave it and however often."""
        label = self.label
        lesson = (label.task, same_words(label.question), label.category or "", label.answer, label.polarity)
        return hashlib.sha256("\0".join(lesson).encode()).hexdigest()[:16]

    @property
    def stratum(self) -> str:
        """What every split should have its share of."""
        return f"{self.label.category or self.label.polarity}"

    @property
    def usable(self) -> bool:
        """Whether it says what is right. Votes do not: only training by votes has a use for them."""
        return self.label.polarity is Polarity.POSITIVE

    @property
    def liked(self) -> bool:
        """Whether it is nearer to what should be said than to what should not."""
        return self.label.polarity is not Polarity.NEGATIVE


@dataclass(frozen=True, slots=True, kw_only=True)
class Ties:
    """What keeps items together beyond the labels themselves."""

    threads: Mapping[EpisodeId, str] = field(default_factory=dict)
    """By episode."""
    alike: Mapping[str, str] = field(default_factory=dict)
    """By question."""


def items_of(labels: tuple[Label, ...], task: Task, ties: Ties, *, by_author: bool) -> tuple[Item, ...]:
    """One item a lesson: where labels teach the same, the first of the heaviest stands for all of them.

    `by_author` keeps all that one member asked together, which a guild of few members cannot afford.
    """
    chosen: dict[str, Item] = {}
    for label in sorted(labels, key=lambda each: (-each.weight, each.question)):
        if label.task is not task:
            continue
        item = Item(label=label, keys=_keys(label, ties, by_author=by_author))
        known = chosen.get(item.id)
        chosen[item.id] = item if known is None else Item(label=known.label, keys=known.keys | item.keys)
    return tuple(sorted(chosen.values(), key=lambda each: each.id))


def canonical(item: Item, split: Split) -> str:
    """One line of JSON that is the same for the same item, on any machine."""
    said = asdict(item.label) | {"id": item.id, "split": split}
    return json.dumps(said, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def _keys(label: Label, ties: Ties, *, by_author: bool) -> frozenset[str]:
    threads = ties.threads
    talked = {f"thread:{threads[episode]}" for episode in label.episodes if episode in threads}
    alike = {f"alike:{ties.alike[label.question]}"} if label.question in ties.alike else set[str]()
    authors: tuple[MemberId, ...] = label.members if by_author else ()
    return frozenset({f"group:{label.group}", *talked, *alike, *(f"author:{member}" for member in authors)})
