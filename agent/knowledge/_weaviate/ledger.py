"""Which rows of a guild are searched: one small object a guild, beside the rows, in the tenant `ledger`.

It is what makes a change of many rows one step: a write of a source inserts its rows under the guild's next
generation number, which no search looks at yet, and then puts one object in place that makes that number
the last one and retires the rows that the source had before. Who reads that object sees all of it or
nothing. It also counts the guild's passages, so that neither an unknown guild nor one whose tenant sleeps is
ever asked.

Retired rows stay for a while, for the searches that began before, and are deleted by a later write.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from typing import Any, Final
from uuid import UUID

from weaviate import WeaviateAsyncClient
from weaviate.classes.data import DataObject
from weaviate.classes.query import Metrics

from agent.contracts import GuildId, PassageId
from agent.errors import StoreError
from agent.knowledge._weaviate.batches import insert
from agent.knowledge._weaviate.errors import MissingCollectionError, MissingTenantError
from agent.knowledge._weaviate.nodes import READ_SECONDS, Nodes
from agent.knowledge._weaviate.rows import (
    PASSAGES,
    STATE,
    Where,
    not_of_generation,
    row_id,
    up_to_generation,
)
from agent.knowledge._weaviate.wire import by_id, rows_of, value_of

LEDGER: Final = "ledger"
_REREADS: Final = 3
"""How often an object is read again whose replicas differ; reading it mends them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Retired:
    generation: int
    since: float
    """Seconds since 1970 at the process that retired it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GuildState:
    version: str
    """The index version that it belongs to: a search by the alias learns from it which one answered."""
    revision: int = 0
    """The last generation that is searched."""
    passages: int = 0
    retired: tuple[Retired, ...] = ()

    def changed(self, *, retire: Iterable[int], passages: int, now: float) -> GuildState:
        """After a write of the next generation that made `passages` more, or fewer."""
        fresh = [Retired(generation=each, since=now) for each in retire]
        return replace(
            self,
            revision=self.revision + 1,
            passages=self.passages + passages,
            retired=(*self.retired, *fresh),
        )

    def without(self, generations: Iterable[int]) -> GuildState:
        """After the retired rows of these generations were deleted."""
        gone = frozenset(generations)
        return replace(self, retired=tuple(one for one in self.retired if one.generation not in gone))

    def overdue(self, now: float, grace_seconds: float) -> list[int]:
        """Retired generations that no search can need any longer."""
        return [one.generation for one in self.retired if now - one.since > grace_seconds]

    def holds(self, generation: int) -> bool:
        """Whether rows of this generation are searched."""
        return generation <= self.revision and all(one.generation != generation for one in self.retired)

    def not_retired(self) -> list[Where]:
        return [not_of_generation(one.generation) for one in self.retired]

    def visible(self) -> list[Where]:
        """Filters that leave exactly the rows that are searched."""
        return [up_to_generation(self.revision), *self.not_retired()]


async def read_state(
    nodes: Nodes, collection: str, guild: GuildId, *, seconds: float = READ_SECONDS
) -> GuildState | None:
    """`collection` may be an alias. None for a guild that is unknown, or in an absent collection."""

    request = by_id(collection, LEDGER, _key(guild), STATE)

    async def work(client: WeaviateAsyncClient) -> Any:
        for _ in range(_REREADS):
            rows = await rows_of(client, request)
            if not any(row.metadata.is_consistent_present and not row.metadata.is_consistent for row in rows):
                break
        return value_of(rows[0], STATE) if rows else None

    try:
        text = await nodes.call(work, seconds=seconds)
    except (MissingTenantError, MissingCollectionError):
        return None
    return None if text is None else _parsed(text)


async def write_state(nodes: Nodes, collection: str, guild: GuildId, state: GuildState) -> None:
    properties = {STATE: json.dumps(asdict(state)), PASSAGES: state.passages}
    await insert(nodes, collection, LEDGER, [DataObject(properties=properties, uuid=_key(guild))])


async def forget_state(nodes: Nodes, collection: str, guild: GuildId) -> None:
    async def work(client: WeaviateAsyncClient) -> None:
        await client.collections.use(collection).with_tenant(LEDGER).data.delete_by_id(_key(guild))

    await nodes.call(work)


async def passages_in(nodes: Nodes, collection: str) -> int:
    """Of all guilds."""

    async def work(client: WeaviateAsyncClient) -> Any:
        ledger = client.collections.use(collection).with_tenant(LEDGER)
        return await ledger.aggregate.over_all(return_metrics=Metrics(PASSAGES).integer(sum_=True))

    try:
        found = await nodes.call(work)
    except MissingTenantError:
        return 0
    return int(found.properties[PASSAGES].sum_ or 0)


def _key(guild: GuildId) -> UUID:
    return row_id(guild, PassageId(""), 0)


def _parsed(text: str) -> GuildState:
    try:
        data = json.loads(text)
        retired = tuple(Retired(**one) for one in data.pop("retired"))
        return GuildState(**data, retired=retired)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise StoreError(
            "A guild's entry in Weaviate's ledger is unreadable.",
            "Another version of Lorekeeper wrote it: start that one, or `lorekeeper index build`.",
        ) from error
