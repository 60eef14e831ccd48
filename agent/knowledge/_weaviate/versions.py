"""Index versions as collections, and the active one as an alias.

Version v2 of the alias `Lorekeeper` is the collection `Lorekeeper_v2`; its spec stands in the collection's
description. Which one is active is nothing but the target of the alias, which Weaviate changes in one step
for everybody. Making, flipping and removing go through the server's schema, where one of two processes that
want the same at once is refused.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Final

from weaviate import WeaviateAsyncClient
from weaviate.classes.config import (
    Configure,
    ReplicationDeletionStrategy,
    StopwordsPreset,
    VectorDistances,
)

from agent.errors import ConfigurationError, StoreError
from agent.knowledge._manifest import Manifest
from agent.knowledge._weaviate.errors import TakenError
from agent.knowledge._weaviate.ledger import LEDGER
from agent.knowledge._weaviate.nodes import WRITE_SECONDS, Nodes
from agent.knowledge._weaviate.rows import BM25_B, BM25_K1, schema
from agent.knowledge.protocol import IndexSpec

_FORMAT: Final = 1
_TRIES: Final = 5


class Versions:
    def __init__(self, nodes: Nodes, alias: str, replicas: int) -> None:
        self._nodes = nodes
        self._alias = alias
        self._replicas = replicas
        self._specs: Mapping[str, IndexSpec] = {}

    @property
    def alias(self) -> str:
        return self._alias

    def collection(self, version: str) -> str:
        return f"{self._alias}_{version}"

    async def name(self, version: str | None) -> str:
        """Of this version, or of the active one. Raises `StoreError` when there is none.

        Reading the whole schema takes longer than storing a small source, so a known version is only seen to
        be there still: Weaviate would make its collection anew for an object that is stored in it.
        """
        name = await self.active() if version is None else version
        if name is not None and name in self._specs and await self._exists(name):
            return name
        return (await self.read()).require(version)

    async def active(self) -> str | None:
        """What the alias points to, whether or not that is a version; `read` sees to it that it is."""
        target = await self._target()
        return None if target is None else target.removeprefix(f"{self._alias}_")

    async def spec(self, version: str) -> IndexSpec:
        """A version's spec never changes, so it is asked for once."""
        if version not in self._specs:
            await self.read()
        if version not in self._specs:
            raise StoreError(f"No index version {version}.", "Another process removed it: try again.")
        return self._specs[version]

    async def read(self) -> Manifest:
        """As the server has it now. Raises `StoreError` when the alias leads astray."""
        described, target = await asyncio.gather(self._described(), self._target())
        if not described or target is None:
            # A server that is starting has not read its schema yet, and answers as if there were nothing.
            await self._nodes.require_ready()
            described, target = await asyncio.gather(self._described(), self._target())
        specs = {name: _spec_of(name, text) for name, text in sorted(described.items(), key=_age)}
        created = [json.loads(text)["created"] for text in described.values()]
        active = None
        if target is not None:
            active = target.removeprefix(f"{self._alias}_")
            if active not in specs or target == active:
                raise self._astray(target, list(specs))
        self._specs = specs
        return Manifest(specs=specs, active=active, created=max(created, default=0))

    async def require(self, version: str | None) -> None:
        """Raises `StoreError` when there is no such version; None is the active one, or an empty store."""
        known = await self.read()
        if version is not None or known.specs:
            known.require(version)

    async def replicas(self, version: str) -> int:
        config = await self._nodes.call(
            lambda client: client.collections.use(self.collection(version)).config.get()
        )
        return config.replication_config.factor

    async def create(self, spec: IndexSpec) -> None:
        """Make a version for this spec unless there is one; the first ever becomes active."""
        for _ in range(_TRIES):
            known = await self.read()
            if (name := known.name_of(spec)) is None:
                name = f"v{known.created + 1}"
                if not await self._create_collection(name, spec):
                    continue
            if known.active is None and len(known.specs) <= 1:
                await self._create_alias(name)
            return
        raise StoreError("Other processes keep making index versions at the same time.", "Try again.")

    async def activate(self, name: str) -> None:
        known = await self.read()
        known.require(name)
        if known.active is None:
            await self._create_alias(name)
            return

        async def work(client: WeaviateAsyncClient) -> bool:
            return await client.alias.update(
                alias_name=self._alias, new_target_collection=self.collection(name)
            )

        if not await self._nodes.call(work, seconds=WRITE_SECONDS):
            raise StoreError(f"The alias {self._alias} was deleted meanwhile.", "Try again.")

    async def remove(self, name: str) -> None:
        """Raises `StoreError` for the active one, which keeps in mind what numbers are used up.

        Nobody may write to it: Weaviate makes a collection anew that an object is stored in.
        """
        known = await self.read()
        known.without(name)
        if known.active is not None:
            description = _description(known.specs[known.active], known.created)
            await self._describe(known.active, description)

        async def work(client: WeaviateAsyncClient) -> None:
            await client.alias.delete(alias_name=f"{self.collection(name)}_writer")
            await client.collections.delete(self.collection(name))

        await self._nodes.call(work, seconds=WRITE_SECONDS)

    async def _exists(self, name: str) -> bool:
        return await self._nodes.call(lambda client: client.collections.exists(self.collection(name)))

    async def _describe(self, name: str, description: str) -> None:
        async def work(client: WeaviateAsyncClient) -> None:
            await client.collections.use(self.collection(name)).config.update(description=description)

        await self._nodes.call(work, seconds=WRITE_SECONDS)

    async def _described(self) -> dict[str, str]:
        """Description by version, of every collection of this installation."""
        found = await self._nodes.call(lambda client: client.collections.list_all(simple=True))
        ours = re.compile(rf"{self._alias}_(v[0-9]+)")
        named = {match[1]: config for name, config in found.items() if (match := ours.fullmatch(name))}
        return {version: config.description or "" for version, config in named.items()}

    async def _target(self) -> str | None:
        found = await self._nodes.call(lambda client: client.alias.get(alias_name=self._alias))
        return found.collection if found is not None else None

    def _astray(self, target: str, versions: list[str]) -> StoreError:
        kept = f"There are {', '.join(versions)}: restore the collection" if versions else "Restore it"
        return StoreError(
            f"The alias {self._alias} points to {target}, which is no index of Lorekeeper any longer.",
            f"{kept} from a backup, or delete the alias and `lorekeeper index build` a new one.",
        )

    async def _create_alias(self, name: str) -> None:
        async def work(client: WeaviateAsyncClient) -> None:
            await client.alias.create(alias_name=self._alias, target_collection=self.collection(name))

        try:
            await self._nodes.call(work, seconds=WRITE_SECONDS)
        except TakenError as error:
            if await self._target() is None:
                raise ConfigurationError(
                    f"Weaviate at {self._nodes.urls} has a collection that is named {self._alias}.",
                    "Choose another name with LOREKEEPER_WEAVIATE_COLLECTION.",
                ) from error

    async def _create_collection(self, name: str, spec: IndexSpec) -> bool:
        """False when another process was first."""

        async def work(client: WeaviateAsyncClient) -> None:
            made = await client.collections.create(
                self.collection(name),
                description=_description(spec, _number(name)),
                properties=schema(),
                # A dot product gives vectors back exactly as they came; Weaviate scales those of a cosine.
                vector_config=Configure.Vectors.self_provided(
                    vector_index_config=Configure.VectorIndex.hnsw(distance_metric=VectorDistances.DOT)
                ),
                inverted_index_config=Configure.inverted_index(
                    bm25_k1=BM25_K1, bm25_b=BM25_B, stopwords_preset=StopwordsPreset.NONE
                ),
                multi_tenancy_config=Configure.multi_tenancy(
                    enabled=True, auto_tenant_creation=True, auto_tenant_activation=True
                ),
                replication_config=Configure.replication(
                    factor=self._replicas,
                    async_enabled=self._replicas > 1,
                    deletion_strategy=ReplicationDeletionStrategy.TIME_BASED_RESOLUTION,
                ),
            )
            await made.tenants.create([LEDGER])

        try:
            await self._nodes.call(work, seconds=WRITE_SECONDS)
        except TakenError:
            return False
        return True


def _description(spec: IndexSpec, created: int) -> str:
    return json.dumps({"lorekeeper": _FORMAT, "created": created, "spec": asdict(spec)})


def _spec_of(name: str, description: str) -> IndexSpec:
    try:
        data: Any = json.loads(description)
        if data["lorekeeper"] == _FORMAT:
            return IndexSpec(**data["spec"])
    except (ValueError, KeyError, TypeError) as error:
        raise StoreError(
            f"The collection of index version {name} in Weaviate was not made by Lorekeeper.",
            "Choose another name with LOREKEEPER_WEAVIATE_COLLECTION, or remove that collection.",
        ) from error
    raise StoreError(
        f"The index version {name} in Weaviate was made by another version of Lorekeeper.",
        "Start the version that made it, or choose another LOREKEEPER_WEAVIATE_COLLECTION.",
    )


def _number(version: str) -> int:
    return int(version[1:])


def _age(item: tuple[str, str]) -> int:
    return _number(item[0])
