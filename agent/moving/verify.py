"""Counts and checksums of what is kept, equal in every back end, and the error that names a difference."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Final, TypeAlias

from agent.contracts import Passage
from agent.errors import StoreError
from agent.language.counts import Count
from agent.models.protocol import Vector

PASSAGES: Final = "passages"
"""The name that passages have among the tables."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Digest:
    rows: int
    sha256: str

    def __str__(self) -> str:
        return f"{Count(self.rows):# row|# rows} with checksum {self.sha256[:12]}"


NOTHING: Final = Digest(rows=0, sha256=hashlib.sha256().hexdigest())

Digests: TypeAlias = Mapping[tuple[str, str], Digest]
"""By guild and table; the guild is empty where a table has none. What holds no row is left out."""


@dataclass(slots=True)
class Digester:
    """Adds up rows, which must come in one order everywhere."""

    _parts: dict[tuple[str, str], tuple[int, Any]] = field(default_factory=dict)

    def add(self, guild: str, table: str, line: bytes) -> None:
        rows, running = self._parts.get((guild, table)) or (0, hashlib.sha256())
        running.update(line + b"\n")
        self._parts[guild, table] = rows + 1, running

    def digests(self) -> dict[tuple[str, str], Digest]:
        return {
            part: Digest(rows=rows, sha256=running.hexdigest())
            for part, (rows, running) in self._parts.items()
        }


def line_of(values: Iterable[Any]) -> bytes:
    """Return values as one line of JSON, the same on every back end and machine."""
    return json.dumps(list(values), default=_plain, separators=(",", ":")).encode()


def line_of_passage(passage: Passage, vector: Vector) -> bytes:
    """The same of a passage, its vector to the bit."""
    fields = [getattr(passage, name) for name in Passage.__slots__]
    return line_of([*fields, vector.astype("<f4").tobytes()])


def differences(one: Digests, other: Digests) -> list[tuple[str, str]]:
    """Return the parts that differ, sorted."""
    return sorted(part for part in {*one, *other} if one.get(part, NOTHING) != other.get(part, NOTHING))


def require_same(one: Digests, other: Digests, name: str, other_name: str) -> None:
    """Raise `StoreError` that names the first part that differs."""
    for guild, table in differences(one, other):
        here, there = (side.get((guild, table), NOTHING) for side in (one, other))
        of_guild = f" of guild {guild}" if guild else ""
        raise StoreError(
            f"{table}{of_guild} differ: {name} holds {here}, {other_name} {there}.",
            "Run it again: only what differs is copied. If it differs again, look for damage with "
            "`lorekeeper doctor`.",
        )


def _plain(value: Any) -> str:
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, bytes):
        return hashlib.sha256(value).hexdigest()
    raise TypeError(f"{type(value).__name__} has no canonical form")
