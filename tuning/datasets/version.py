"""A dataset version: what a model was trained on and measured by, under a name that is its content's hash.

The same labels, splits and salt give the same name on any machine, so two runs that name one version were
given the same bytes. A version is never changed. When somebody is forgotten, a version without their items is
made in its place, under its own name.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from agent.contracts import EpisodeId, MemberId, PassageId
from agent.serving.served import Task
from tuning.datasets.item import Item, Split, Ties, canonical, items_of
from tuning.datasets.splitting import Assignment, assign, groups
from tuning.labels.label import Label

LARGEST_GROUP: Final = 0.2
"""Share of all items. Where keeping authors together made a group larger than that, authors are not a key: a
few members ask most questions of a small guild, and all of them would be in one split.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    item: Item
    split: Split


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetVersion:
    id: str
    """sha256, hex, over the sorted canonical lines of its items and the salt."""
    task: Task
    salt: str
    entries: tuple[Entry, ...]
    """Sorted by the items' ids."""
    left_out: Mapping[str, str]
    """Why, by item id."""
    by_author: bool
    """Whether all that one member asked is in one split."""

    def of(self, split: Split) -> tuple[Item, ...]:
        return tuple(entry.item for entry in self.entries if entry.split is split)

    @property
    def splits(self) -> Mapping[str, Split]:
        """By item id: what the next version must keep to."""
        return {entry.item.id: entry.split for entry in self.entries}

    @property
    def members(self) -> frozenset[MemberId]:
        """Whose words it holds."""
        return frozenset(member for entry in self.entries for member in entry.item.label.members)

    def lines(self) -> tuple[str, ...]:
        """One line of JSON an item."""
        return tuple(canonical(entry.item, entry.split) for entry in self.entries)


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    added: tuple[str, ...]
    removed: tuple[str, ...]
    moved: tuple[str, ...]
    """Items in another split than before. There are none, unless somebody gave both versions another salt."""


def build(
    labels: tuple[Label, ...],
    task: Task,
    *,
    threads: Mapping[EpisodeId, str],
    before: Mapping[str, Split],
    salt: str,
    alike: Mapping[str, str] = MappingProxyType({}),
) -> DatasetVersion:
    """Make a version out of labels, purely. `before` is `DatasetVersion.splits` of the one before.

    `threads` says in which thread or conversation an episode was asked, and `alike` gives questions that ask
    the same in other words one name.
    """
    ties = Ties(threads=threads, alike=alike)
    items = items_of(labels, task, ties, by_author=True)
    by_author = _largest_share(items) <= LARGEST_GROUP
    if not by_author:
        items = items_of(labels, task, ties, by_author=False)
    return _version(items, assign(items, before, salt), task, salt, by_author=by_author)


def without(
    version: DatasetVersion, member: MemberId, passages: frozenset[PassageId] = frozenset()
) -> DatasetVersion:
    """The version again, but for the items that hold words of `member`, who wrote `passages`; the others stay
    where they are.
    """
    items = [entry.item for entry in version.entries if not _is_theirs(entry.item, member, passages)]
    kept = {item.id: version.splits[item.id] for item in items}
    assignment = Assignment(splits=kept, left_out=version.left_out)
    return _version(items, assignment, version.task, version.salt, by_author=version.by_author)


def items_with(
    version: DatasetVersion, member: MemberId, passages: frozenset[PassageId] = frozenset()
) -> tuple[Entry, ...]:
    """Those that hold words of `member`: they asked or gave feedback, or wrote what the answer rests on."""
    return tuple(entry for entry in version.entries if _is_theirs(entry.item, member, passages))


def difference(before: DatasetVersion, after: DatasetVersion) -> Difference:
    one, other = before.splits, after.splits
    return Difference(
        added=tuple(sorted(other.keys() - one.keys())),
        removed=tuple(sorted(one.keys() - other.keys())),
        moved=tuple(sorted(item for item in one.keys() & other.keys() if one[item] is not other[item])),
    )


def balanced(items: Sequence[Item]) -> dict[str, float]:
    """A weight for each item by id, so that every category weighs alike: a label's own weight, times the mean
    number of items of a category over the number of its own, at most threefold.
    """
    counts = Counter(item.stratum for item in items)
    mean = len(items) / max(1, len(counts))
    return {item.id: item.label.weight * min(3.0, mean / counts[item.stratum]) for item in items}


def _is_theirs(item: Item, member: MemberId, passages: frozenset[PassageId]) -> bool:
    return member in item.label.members or not passages.isdisjoint(item.label.evidence)


def _largest_share(items: Sequence[Item]) -> float:
    return max((len(group) for group in groups(items)), default=0) / max(1, len(items))


def _version(
    items: Sequence[Item], assignment: Assignment, task: Task, salt: str, *, by_author: bool
) -> DatasetVersion:
    entries = tuple(
        Entry(item=item, split=assignment.splits[item.id])
        for item in sorted(items, key=lambda each: each.id)
        if item.id in assignment.splits
    )
    digest = hashlib.sha256(f"{task}\n{salt}\n".encode())
    for entry in entries:
        digest.update(f"{canonical(entry.item, entry.split)}\n".encode())
    return DatasetVersion(
        id=digest.hexdigest(),
        task=task,
        salt=salt,
        entries=entries,
        left_out=dict(sorted(assignment.left_out.items())),
        by_author=by_author,
    )
