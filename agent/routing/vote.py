"""What the language model says of a question, and what is known of how far to trust it.

The likelihoods that the model as it is gives labelled questions are remembered by model, question and list
of categories. They are its examination: `study` writes it in the background, a fit reads it (learned.py).
Until there is one, the model has weight 0 and is not called: an untuned SmolLM2-135M gives nearly the same
category to everything. A tuned model is never examined here, as it was tuned on these very labels: how far it
is trusted comes with its adapter.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import numpy as np

from agent.contracts import Category, Example, GuildId, ModelInfo
from agent.models.labels import LABELS, router_prompt
from agent.models.protocol import ChatModel
from agent.routing.fusion import Floats
from agent.routing.labels import describe
from agent.routing.memory import RoutingMemory

UNLIKELY = -12.0
"""Log-likelihood, in nats, of a category that the model was not asked about, and the least of one it was."""


class ModelVote:
    """Raises `ModelError` where the model does."""

    def __init__(self, chat: ChatModel, memory: RoutingMemory) -> None:
        self._chat = chat
        self._memory = memory

    async def ask(self, categories: Sequence[Category], logits: Floats, question: str) -> Floats:
        """See `ask_model`."""
        return await ask_model(self._chat, categories, logits, question)

    async def examined(
        self, guild: GuildId, categories: Sequence[Category], questions: Sequence[str]
    ) -> dict[str, Floats]:
        """Return what the model is known to say of these questions over these categories."""
        rows = await asyncio.to_thread(
            self._memory.recall, guild, _maker(self._chat.info), questions, _asked_about(categories)
        )
        return {question: row.astype(np.float64) for question, row in rows.items()}

    async def examine(
        self, guild: GuildId, categories: Sequence[Category], logits: Floats, question: str
    ) -> None:
        """Ask about a labelled question and remember what the model said."""
        row = await self.ask(categories, logits, question)
        rows = {question: row.astype(np.float32)}
        await asyncio.to_thread(
            self._memory.remember, guild, _maker(self._chat.info), rows, _asked_about(categories)
        )


async def ask_model(
    chat: ChatModel,
    categories: Sequence[Category],
    logits: Floats,
    question: str,
    examples: Sequence[Example] = (),
) -> Floats:
    """Return (categories,) log-likelihoods; only the 20 with the highest logits are asked about.

    Raises `ModelError`.
    """
    candidates = np.sort(np.argsort(-logits, kind="stable")[: len(LABELS)])
    prompt = router_prompt([categories[k] for k in candidates], question, examples)
    told = await chat.likelihoods(prompt.messages, prompt.labels)
    likelihoods = np.full(len(categories), UNLIKELY)
    likelihoods[candidates] = np.maximum(told, UNLIKELY)
    return likelihoods


def _maker(info: ModelInfo) -> str:
    return f"{info.digest}+{info.adapter_digest}"


def _asked_about(categories: Sequence[Category]) -> str:
    return "\n".join(describe(category) for category in categories)
