"""What the graph asks of a router."""

from __future__ import annotations

from typing import Protocol

from agent.contracts import GuildId, Route


class Router(Protocol):
    async def route(self, guild: GuildId, question: str) -> Route:
        """Calibrated probabilities over the guild's categories and *out of scope*, and the decision.

        Sees a label that was added a moment ago, by any process. Raises `ModelError`, `StoreError`,
        `UnknownGuildError`.
        """
        ...
