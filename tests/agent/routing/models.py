"""Stand-ins for what cannot be had for real.

No tuned router model exists yet: `TunedModel` answers as a perfect one would, and counts how often. It is
used only where trust in a good model is the subject. `CountingEmbedder` is a real embedder; it counts what it
is asked, and remembers vectors so that the tests of a session pay for a text once.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any

import numpy as np

from agent.contracts import ModelInfo
from agent.models.protocol import ChatMessage, ChatOptions, Embedder, EmbedKind, Vector, Vectors


class TunedModel:
    """Gives `sure` of the probability to the category whose described line holds what `knows` returns."""

    def __init__(self, knows: Callable[[str], str], sure: float = 0.98) -> None:
        self._knows = knows
        self._sure = sure
        self.calls = 0

    @property
    def info(self) -> ModelInfo:
        return ModelInfo(name="tuned", engine="test", digest="tuned", adapter_digest="v1")

    async def likelihoods(self, messages: Sequence[ChatMessage], labels: Sequence[str]) -> tuple[float, ...]:
        self.calls += 1
        wanted = self._knows(messages[-1].content)
        lines = messages[0].content.splitlines()[1:]
        right = next(k for k, line in enumerate(lines) if wanted in line)
        rest = (1 - self._sure) / max(len(labels) - 1, 1)
        return tuple(float(np.log(self._sure if k == right else rest)) for k in range(len(labels)))

    async def chat(
        self, messages: Sequence[ChatMessage], options: ChatOptions = ChatOptions()
    ) -> AsyncIterator[str]:
        raise AssertionError("A router does not chat.")
        yield ""

    async def structured(
        self,
        messages: Sequence[ChatMessage],
        schema: Mapping[str, Any],
        options: ChatOptions = ChatOptions(),
    ) -> Any:
        raise AssertionError("A router does not ask for structures.")

    async def close(self) -> None: ...


class CountingEmbedder:
    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self._known: dict[str, Vector] = {}
        self.texts: list[str] = []

    @property
    def info(self) -> ModelInfo:
        return self._embedder.info

    @property
    def dimension(self) -> int:
        return self._embedder.dimension

    async def embed(self, texts: Sequence[str], kind: EmbedKind) -> Vectors:
        self.texts += texts
        new = sorted(set(texts) - self._known.keys())
        self._known |= dict(zip(new, await self._embedder.embed(new, kind), strict=True))
        return np.stack([self._known[text] for text in texts])

    async def close(self) -> None: ...
