"""What the graph is given: every model and store, made once and shared by all questions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

from agent.catalog.protocol import Catalog
from agent.contracts import GuildId, MemberId, Slug, Source, SourceId
from agent.guilds import GuildViews
from agent.journal.protocol import Journal
from agent.knowledge.protocol import KnowledgeStore
from agent.models.protocol import ChatModel, Embedder
from agent.routing.protocol import Router
from agent.serving.models import ServedModels
from agent.settings import Settings


class Keeper(Protocol):
    """Takes entries in and out; `agent.ingest.pipeline.Ingestor` is it."""

    async def remember(
        self,
        guild: GuildId,
        text: str,
        *,
        on: date | None,
        author: MemberId,
        author_name: str,
        category: Slug | None,
        visibility: str,
        entry: SourceId,
    ) -> Source: ...

    async def remove(self, guild: GuildId, sources: Sequence[SourceId]) -> int: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """The runtime context of the graph."""

    settings: Settings
    chat: ChatModel
    """As it is, without an adapter."""
    models: ServedModels
    embedder: Embedder
    router: Router
    store: KnowledgeStore
    catalog: Catalog
    journal: Journal
    keeper: Keeper
    views: GuildViews
    clock: Callable[[], datetime]
    """Returns an aware time in the guild's zone; injected so that "yesterday" can be tested."""
