"""Evidence, questions, and a model whose replies a test decides."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from datetime import date
from typing import Any

import numpy as np

from agent.contracts import (
    Category,
    Evidence,
    GuildId,
    ModelInfo,
    Passage,
    PassageId,
    Slug,
    SourceId,
)
from agent.errors import ModelError
from agent.models.protocol import ChatMessage, ChatOptions
from tuning.datasets.evidence import evidence_of

GUILD = GuildId("house")


def passage(number: int, text: str, *, category: str = "pool") -> Passage:
    return Passage(
        id=PassageId(text),
        guild=GUILD,
        source=SourceId("s"),
        ordinal=number,
        title="Pool log",
        location="Pump",
        text=text,
        start=0,
        end=len(text),
        category=Slug(category),
        date=date(2024, 5, 14),
    )


def evidence(*texts: str) -> Evidence:
    return evidence_of([passage(number, text) for number, text in enumerate(texts)])


async def no_pause() -> None:
    """Nobody else asks anything."""


class Scripted:
    """A `ChatModel` that says what functions of the messages return; `calls` counts."""

    def __init__(
        self,
        name: str,
        *,
        writes: Callable[[str], str] = lambda asked: "I don't know.",
        weighs: Callable[[str, int], Sequence[float]] = lambda asked, count: [0.0] * count,
        json: Any = None,
    ) -> None:
        self.info = ModelInfo(name=name, engine="script", digest=name)
        self.calls = 0
        self._writes, self._weighs, self._json = writes, weighs, json

    async def chat(
        self, messages: Sequence[ChatMessage], options: ChatOptions = ChatOptions()
    ) -> AsyncGenerator[str, None]:
        self.calls += 1
        yield self._writes(messages[-1].content)

    async def structured(
        self, messages: Sequence[ChatMessage], schema: Mapping[str, Any], options: ChatOptions = ChatOptions()
    ) -> Any:
        self.calls += 1
        if self._json is None:
            raise ModelError("It broke the schema.")
        return self._json

    async def likelihoods(self, messages: Sequence[ChatMessage], labels: Sequence[str]) -> tuple[float, ...]:
        self.calls += 1
        told = np.array(
            self._weighs("\n".join(each.content for each in messages), len(labels)), dtype=np.float64
        )
        return tuple((told - np.logaddexp.reduce(told)).tolist())

    async def close(self) -> None:
        """Nothing is open."""


CATEGORIES = tuple(
    Category(slug=Slug(slug), name=slug.capitalize(), description=f"All about the {slug}.")
    for slug in ("car", "cooking", "garden", "pool")
)
