"""What was done with adapters, by whom and when: append-only, and enough to know which one served before.

Rolling back is no memory of its own: the champions before are read out of the events, as a stack, so that
rolling back twice goes back two, and a rollback is never undone by the next one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final

from sqlalchemy import RowMapping, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from agent.contracts import GuildId, MemberId, Slug
from agent.database import tables
from agent.ids import new_id
from agent.serving.served import Task

_TABLE: Final = tables.adapter_events


class Act(StrEnum):
    """What is done with an adapter. Kept, so never renamed."""

    ADDED = "added"
    CHALLENGER = "challenger"
    """It answers a share of the questions; the detail says which."""
    PROMOTED = "promoted"
    """It is the champion from now on."""
    WITHDRAWN = "withdrawn"
    """It is no challenger any longer, and never was champion."""
    ROLLED_BACK = "rolled_back"
    """It is the champion no longer; the detail says who serves in its place."""
    REFUSED = "refused"
    """It did not pass the gate, or an admin said no."""
    HOLDS_FORGOTTEN = "holds_forgotten"
    """It was trained on words that are forgotten, or not to be learnt from any longer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AdapterEvent:
    id: str
    adapter: str
    """Its id."""
    at: datetime
    act: Act
    member: MemberId | None = None
    """Who did it; None for the bot itself."""
    detail: Mapping[str, Any] = field(default_factory=dict)
    """What JSON can say; no words of members. Of what changes who serves it has the `task`, and the
    `category` as it was called then, where it is about the questions of one.
    """


def champions(
    events: Iterable[AdapterEvent],
    task: Task,
    category: Slug | None = None,
    renamed: Mapping[Slug, Slug] = MappingProxyType({}),
) -> tuple[str, ...]:
    """The champions that were promoted and not rolled back, the present one last, by their ids: those of one
    category, or those of the guild, which serve wherever there is none.

    `events` are in their order; `renamed` has what categories were called, with what they are called now.
    Empty where nobody was assigned.
    """
    stack: list[str] = []
    for event in events:
        then: Slug | None = event.detail.get("category")
        now = renamed.get(then, then) if then else None
        if event.detail.get("task") != task or now != category:
            continue
        if event.act is Act.PROMOTED:
            stack.append(event.adapter)
        elif event.act is Act.ROLLED_BACK and stack:
            stack.pop()
    return tuple(stack)


async def write_event(
    connection: AsyncConnection,
    guild: GuildId,
    adapter: str,
    act: Act,
    *,
    at: datetime,
    member: MemberId | None = None,
    detail: Mapping[str, Any] | None = None,
) -> None:
    """Write an event within a transaction of the caller."""
    row = {"guild": guild, "id": new_id(), "adapter": adapter, "at": at, "act": act.value}
    row |= {"member": member, "detail": dict(detail or {})}
    await connection.execute(insert(_TABLE), row)


async def read_events(
    connection: AsyncConnection, guild: GuildId, adapter: str | None = None
) -> tuple[AdapterEvent, ...]:
    """Oldest first; of one adapter, or of all."""
    where = _TABLE.c.guild == guild
    if adapter is not None:
        where &= _TABLE.c.adapter == adapter
    rows = await connection.execute(select(_TABLE).where(where).order_by(_TABLE.c.id))
    return tuple(map(_event, rows.mappings()))


def _event(row: RowMapping) -> AdapterEvent:
    return AdapterEvent(
        id=row["id"],
        adapter=row["adapter"],
        at=row["at"],
        act=Act(row["act"]),
        member=row["member"],
        detail=row["detail"],
    )
