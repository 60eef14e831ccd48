"""What every engine that serves adapters must do. tests/agent/serving holds the conformance suite."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Protocol

from agent.errors import ModelError
from agent.models.protocol import ChatModel
from agent.serving.served import ServedAdapter, Task


class AdapterEngine(Protocol):
    """A chat model and the adapters that it can speak through.

    An adapter is its file's digest: the same digest is never loaded twice for one task. What one call says
    does not depend on which other adapters are loaded, and no call is lost while that changes.
    """

    @property
    def base(self) -> ChatModel:
        """The model as it is. Stays usable while adapters come and go; closing it closes the engine."""
        ...

    def base_digest(self) -> str:
        """sha256 of the base's GGUF file, hex: an adapter must have been trained on it."""
        ...

    async def adapted(self, adapter: ServedAdapter, task: Task) -> ChatModel:
        """Return the model that speaks through the adapter, loaded and warm; closing it does nothing.

        At once when it is loaded. Raises `ModelMissingError` when the adapter's file is not there,
        `ModelBrokenError` when it is not the one of the digest, was trained on another base or cannot be
        loaded, and `ModelError`.
        """
        ...

    async def prepare(self, adapters: Collection[tuple[ServedAdapter, Task]]) -> Mapping[str, ModelError]:
        """Load what will serve, forget what is not needed, and return why some cannot serve, by adapter id.

        Those that cannot keep no other from serving. Calls that are under way end undisturbed, also those
        through an adapter that is forgotten.
        """
        ...

    async def close(self) -> None:
        """Stop every call and give back what is this engine's own."""
        ...
