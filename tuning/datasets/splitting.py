"""Which part of the data an item belongs to, so that nothing leaks and nothing ever moves.

Items that share a key (near-duplicates, one thread, one author) are connected, and what is connected goes
together: otherwise a model is measured on what it was trained on. An item that was split once stays where
it is, whatever comes later. When later items connect parts that lie in different splits, the parts stay, and
the items that connect them are left out, with the reason: anything else would leak or move.

New groups are placed in an order that only their sizes, ids and the salt decide, each where its categories
lack most.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from tuning.datasets.item import Item, Split

SHARES: Final[Mapping[Split, float]] = MappingProxyType(
    {Split.TRAIN: 0.6, Split.VALIDATION: 0.1, Split.TEST: 0.2, Split.GOLDEN: 0.1}
)
CONNECTS: Final = "it connects what lies in different splits"


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    splits: Mapping[str, Split]
    """By item id."""
    left_out: Mapping[str, str]
    """Why, by item id."""


def assign(items: Sequence[Item], before: Mapping[str, Split], salt: str) -> Assignment:
    """Split items; `before` says where those of earlier versions are. Their order does not matter."""
    splits = {item.id: before[item.id] for item in items if item.id in before}
    left_out: dict[str, str] = {}
    fresh: list[list[Item]] = []
    for group in groups(items):
        known = {before[item.id] for item in group if item.id in before}
        new = [item for item in group if item.id not in before]
        if not known:
            fresh.append(new)
        elif len(known) == 1:
            splits.update(dict.fromkeys((item.id for item in new), *known))
        else:
            left_out.update(dict.fromkeys((item.id for item in new), CONNECTS))
    _place(fresh, items, splits, salt)
    return Assignment(splits=splits, left_out=left_out)


def groups(items: Sequence[Item]) -> list[list[Item]]:
    """The connected parts, each sorted by id."""
    parents: dict[str, str] = {}

    def root(key: str) -> str:
        parents.setdefault(key, key)
        while parents[key] != key:
            parents[key] = parents[parents[key]]
            key = parents[key]
        return key

    for item in items:
        first, *others = sorted(item.keys)
        for key in others:
            parents[root(key)] = root(first)
    found: dict[str, list[Item]] = defaultdict(list)
    for item in sorted(items, key=lambda each: each.id):
        found[root(min(item.keys))].append(item)
    return list(found.values())


def _place(
    fresh: Sequence[Sequence[Item]], items: Sequence[Item], splits: dict[str, Split], salt: str
) -> None:
    wanted = Counter(item.stratum for item in items)
    there = Counter((splits[item.id], item.stratum) for item in items if item.id in splits)
    for group in sorted(fresh, key=lambda each: (-len(each), _order(each, salt))):
        strata = Counter(item.stratum for item in group)

        def lack(split: Split, strata: Counter[str] = strata) -> float:
            return sum(
                count * (SHARES[split] - there[split, stratum] / wanted[stratum])
                for stratum, count in strata.items()
            )

        split = max(SHARES, key=lack)
        for item in group:
            splits[item.id] = split
            there[split, item.stratum] += 1


def _order(group: Sequence[Item], salt: str) -> str:
    return hashlib.sha256(f"{salt}/{group[0].id}".encode()).hexdigest()
