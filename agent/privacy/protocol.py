"""What every part that keeps something of members must do. `registry.py` lists them all.

A test plants a word in every place and looks for it in the export and, once forgotten, in every table and
file; another one names each table that no holder answers for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Protocol, TypeAlias

from agent.contracts import GuildId, MemberId, PassageId, SourceId

FORGOTTEN = MemberId("forgotten")
"""Who stands in the audit log in the place of a member who is forgotten."""

Removed: TypeAlias = Mapping[str, int]
"""How much went, by what it was."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """Whose data it is about. What a member left in one guild is not touched by what they ask in another."""

    guild: GuildId
    member: MemberId


@dataclass(frozen=True, slots=True, kw_only=True)
class Traces:
    """By what words of a member are known in what others were answered.

    Gathered before anything is removed, and kept until everything is: who is killed halfway must still know.
    """

    sources: frozenset[SourceId] = frozenset()
    passages: frozenset[PassageId] = frozenset()
    questions: frozenset[str] = frozenset()
    """Those that became labelled examples, which the episodes of others name as their nearest ones."""
    names: frozenset[str] = frozenset()
    """What the member is called; a summary of a conversation knows its speakers by nothing else."""

    def __or__(self, other: Traces) -> Traces:
        return Traces(
            **{each.name: getattr(self, each.name) | getattr(other, each.name) for each in fields(self)}
        )


class Holder(Protocol):
    """Raises `StoreError` and its children only."""

    @property
    def tables(self) -> frozenset[str]:
        """The tables that it answers for."""
        ...

    async def export(self, who: Subject, traces: Traces) -> Mapping[str, Sequence[object]]:
        """Everything of the member, by the sections of the export; contracts, or what JSON knows."""
        ...

    async def forget(self, who: Subject, traces: Traces) -> Removed:
        """Remove it. Done again, it removes what is left, and nothing where nothing is."""
        ...
