"""What every language model and every embedder must do. tests/agent/models holds the conformance suite."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from agent.contracts import ModelInfo

Vector: TypeAlias = NDArray[np.float32]
"""Shape (dimension,), L2-normalised."""

Vectors: TypeAlias = NDArray[np.float32]
"""Shape (n, dimension), each row L2-normalised."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatMessage:
    role: Literal["system", "user", "assistant"]
    content: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatOptions:
    """One canonical set, so that no caller makes a server reload its model by accident."""

    max_tokens: int = 256
    temperature: float = 0.0
    seed: int = 0
    stop: tuple[str, ...] = ()


class ChatModel(Protocol):
    """A language model. Raises `ModelError` and its children only; cancelling a call stops the model."""

    @property
    def info(self) -> ModelInfo: ...

    def chat(
        self, messages: Sequence[ChatMessage], options: ChatOptions = ChatOptions()
    ) -> AsyncGenerator[str, None]:
        """Stream the reply, piece by piece. Closing the iterator stops the model."""
        ...

    async def structured(
        self,
        messages: Sequence[ChatMessage],
        schema: Mapping[str, Any],
        options: ChatOptions = ChatOptions(),
    ) -> Any:
        """Return the parsed reply, which satisfies `schema` (JSON Schema) or `ModelError` is raised."""
        ...

    async def likelihoods(self, messages: Sequence[ChatMessage], labels: Sequence[str]) -> tuple[float, ...]:
        """Log-probability (nats) of each label as the first token of the reply, renormalised over `labels`.

        At most 20 labels, each a single token of the model after an opened bracket: the prompt that the
        engine builds ends with the assistant's turn begun with "(" (see agent/models/labels.py).
        """
        ...

    async def close(self) -> None: ...


class EmbedKind(StrEnum):
    """Models that were trained with different prefixes for both must know which it is."""

    QUERY = "query"
    PASSAGE = "passage"


class Embedder(Protocol):
    """Text to vectors. Raises `ModelError` and its children only."""

    @property
    def info(self) -> ModelInfo: ...

    @property
    def dimension(self) -> int: ...

    async def embed(self, texts: Sequence[str], kind: EmbedKind) -> Vectors:
        """One row a text, in order; an empty sequence gives shape (0, dimension)."""
        ...

    async def close(self) -> None: ...
