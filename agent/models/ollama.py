"""A chat model on Ollama servers.

Likelihoods: Ollama tells the 20 likeliest first tokens and no others. A label that is not among them gets the
most that it can have: no more than the least of the 20, nor than its share of what they leave.
"""

from __future__ import annotations

import math
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from typing import Any

from agent.contracts import ModelInfo
from agent.errors import ModelError, UsageError
from agent.models._ollama.config import ENGINE, OllamaConfig
from agent.models._ollama.pool import OllamaPool
from agent.models._ollama.server import FirstTokens
from agent.models.labels import LABELS, OPENED
from agent.models.protocol import ChatMessage, ChatOptions
from agent.models.structured import check_schema, parsed_reply


class OllamaChatModel:
    """A `ChatModel`. Not bound to an event loop."""

    def __init__(self, pool: OllamaPool, config: OllamaConfig) -> None:
        self._pool = pool
        self._config = config

    @classmethod
    async def open(cls, config: OllamaConfig) -> OllamaChatModel:
        """Find servers that have the model, and let one begin to load it. Raises `ModelError`."""
        pool = await OllamaPool.open(config)
        if not pool.facts.chats:
            await pool.close()
            raise ModelError(
                f"{config.model} does not write; it is for embeddings.",
                "See `lorekeeper models list` for models that are fit for chat.",
            )
        pool.begin_loading()
        return cls(pool, config)

    @property
    def info(self) -> ModelInfo:
        """Of what answered last: models can be pulled anew, and servers may differ in version."""
        trained_for = self._pool.facts.context_tokens or self._config.context_tokens
        return ModelInfo(
            name=self._config.shown,
            engine=ENGINE,
            engine_version=self._pool.version,
            digest=self._pool.facts.digest,
            parameters=self._pool.facts.parameters,
            context_tokens=min(self._config.context_tokens, trained_for),
        )

    @property
    def weights(self) -> str:
        """sha256 of the GGUF file that it is made of, hex; empty when the servers do not say."""
        return self._pool.facts.weights

    async def load(self) -> None:
        """Have it in the memory of every server that has it. Raises `ModelError`."""
        await self._pool.load()

    async def chat(
        self, messages: Sequence[ChatMessage], options: ChatOptions = ChatOptions()
    ) -> AsyncGenerator[str, None]:
        """See `ChatModel.chat`. A prompt that does not fit the context is a `ModelError`."""
        async with aclosing(self._pieces(messages, options)) as pieces:
            async for piece in pieces:
                yield piece

    async def structured(
        self,
        messages: Sequence[ChatMessage],
        schema: Mapping[str, Any],
        options: ChatOptions = ChatOptions(),
    ) -> Any:
        """See `ChatModel.structured`. Raises `UsageError` when `schema` is not a JSON Schema."""
        check_schema(schema)
        pieces = [piece async for piece in self._pieces(messages, options, schema)]
        return parsed_reply("".join(pieces), schema, self._config.model, options.max_tokens)

    async def likelihoods(self, messages: Sequence[ChatMessage], labels: Sequence[str]) -> tuple[float, ...]:
        """See `ChatModel.likelihoods`. Raises `UsageError` when a label is not one letter or digit."""
        if not 0 < len(labels) <= len(LABELS) or len(set(labels)) != len(labels):
            raise UsageError(f"A model weighs 1 to {len(LABELS)} different labels.")
        for label in labels:
            # Ollama turns no text into tokens for us; these are one in every vocabulary, after a bracket.
            if not (len(label) == 1 and label.isascii() and label.isalnum()):
                raise UsageError(f"The label {label!r} is not one letter or digit.")
        thinks = self._pool.facts.thinks
        tokens = await self._pool.call(lambda server: server.begun(messages, OPENED, thinks=thinks))
        return renormalised(tokens, labels)

    async def close(self) -> None:
        """Stop every call; the servers keep the model for as long as the setting says."""
        await self._pool.close()

    def _pieces(
        self,
        messages: Sequence[ChatMessage],
        options: ChatOptions,
        schema: Mapping[str, Any] | None = None,
    ) -> AsyncGenerator[str, None]:
        thinks = self._pool.facts.thinks
        return self._pool.stream(lambda server: server.chat(messages, options, thinks=thinks, schema=schema))


def renormalised(tokens: FirstTokens, labels: Sequence[str]) -> tuple[float, ...]:
    """Return the log-probability of each label among the labels."""
    unseen = sum(label not in tokens.likeliest for label in labels)
    most = min(*tokens.likeliest.values(), tokens.others - math.log(max(unseen, 1)))
    logs = [tokens.likeliest.get(label, most) for label in labels]
    top = max(logs)
    total = top + math.log(sum(math.exp(log - top) for log in logs))
    return tuple(log - total for log in logs)
