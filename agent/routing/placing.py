"""Texts to placed vectors, by one embedder or by two, each text once in its life."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from agent.contracts import GuildId
from agent.models.background import ENGLISH, SPANISH
from agent.models.protocol import Embedder, EmbedKind, Vectors
from agent.models.space import Space, join, space_between
from agent.routing.memory import RoutingMemory

_NO_GUILD = GuildId("")
"""Whose the background questions are."""

_BATCH = 256
"""Texts embedded before they are remembered: what an interruption can cost."""


@dataclass(frozen=True, slots=True)
class Placed:
    """Texts in the space of the first embedder alone, and in the joint one when there are two."""

    alone: Vectors
    joint: Vectors | None
    english: NDArray[np.bool_]

    def vectors(self, *, joint: bool) -> Vectors:
        return self.joint if joint and self.joint is not None else self.alone


class Placer:
    """Raises `ModelError` where an embedder does."""

    def __init__(self, first: Embedder, second: Embedder | None, memory: RoutingMemory) -> None:
        self._first = first
        self._second = second
        self._memory = memory
        self._spaces: dict[str, Space] = {}
        self._lock = asyncio.Lock()

    async def question(self, text: str) -> Placed:
        """Place one question. It is not remembered on the disk."""
        if self._second is None:
            return await self._place(await _ask(self._first, [text]), None)
        first, second = await asyncio.gather(_ask(self._first, [text]), _ask(self._second, [text]))
        return await self._place(first, second)

    async def background(self) -> Placed:
        """Place the background questions: the English ones first, and only those when two are joined."""
        placed = await self.labels(_NO_GUILD, (*ENGLISH, *SPANISH))
        return placed if placed.joint is None else replace(placed, joint=placed.joint[: len(ENGLISH)])

    async def labels(self, guild: GuildId, texts: Sequence[str]) -> Placed:
        """Place labelled questions or descriptions; only those that are new are embedded."""
        first = await self._remembered(guild, self._first, texts)
        second = await self._remembered(guild, self._second, texts) if self._second else None
        return await self._place(first, second)

    async def _place(self, first: Vectors, second: Vectors | None) -> Placed:
        space = await self._space(self._first)
        alone = space.place(first)
        joint = None
        if self._second and second is not None:
            joint = join(alone, (await self._space(self._second)).place(second))
        return Placed(alone=alone, joint=joint, english=space.in_english(first))

    async def _space(self, embedder: Embedder) -> Space:
        async with self._lock:
            digest = embedder.info.digest
            if digest not in self._spaces:
                english = await self._remembered(_NO_GUILD, embedder, ENGLISH)
                spanish = await self._remembered(_NO_GUILD, embedder, SPANISH)
                self._spaces[digest] = space_between(english, spanish)
            return self._spaces[digest]

    async def _remembered(self, guild: GuildId, embedder: Embedder, texts: Sequence[str]) -> Vectors:
        digest = embedder.info.digest
        known = await asyncio.to_thread(self._memory.recall, guild, digest, texts)
        new = sorted(set(texts) - known.keys())
        for start in range(0, len(new), _BATCH):
            batch = new[start : start + _BATCH]
            rows = dict(zip(batch, await _ask(embedder, batch), strict=True))
            await asyncio.to_thread(self._memory.remember, guild, digest, rows)
            known |= rows
        if not texts:
            return np.empty((0, embedder.dimension), np.float32)
        return np.stack([known[text] for text in texts])


async def _ask(embedder: Embedder, texts: Sequence[str]) -> Vectors:
    return await embedder.embed(texts, EmbedKind.QUERY)
