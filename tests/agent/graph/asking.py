"""Asking the real agent, and parts that fail on purpose around the real ones."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from agent.agent import Agent
from agent.contracts import (
    Answered,
    AnswerEvent,
    Category,
    Episode,
    EvidenceItem,
    Failed,
    GuildId,
    Question,
    Quote,
    Slug,
)
from agent.journal.protocol import Journal
from agent.knowledge.protocol import KnowledgeStore, SearchQuery
from agent.models.protocol import ChatMessage, ChatModel, ChatOptions
from agent.runtime import Installation

ASKED_AT = datetime(2026, 11, 22, 12, tzinfo=UTC)
"""The day the sample was written for."""


async def events_of(agent: Agent, text: str, **details: Any) -> list[AnswerEvent]:
    question = Question(text=text, **{"asked_at": ASKED_AT} | details)
    return [event async for event in agent.ask(question)]


async def answered(agent: Agent, text: str, **details: Any) -> Answered:
    last = (await events_of(agent, text, **details))[-1]
    assert isinstance(last, Answered), last
    return last


async def failed(agent: Agent, text: str, **details: Any) -> Failed:
    last = (await events_of(agent, text, **details))[-1]
    assert isinstance(last, Failed), last
    return last


def agent_with(installation: Installation, *, settings: dict[str, Any] | None = None, **parts: Any) -> Agent:
    """The agent of `installation` with other settings or parts."""
    given = installation.agent.parts
    changed = given.settings.model_copy(update=settings or {})
    return Agent(replace(given, settings=changed, **parts))


async def new_guild(installation: Installation, name: str, *categories: str) -> GuildId:
    guild = GuildId(name)
    await installation.stores.catalog.create_guild(guild)
    for slug in categories:
        category = Category(slug=Slug(slug), name=slug.capitalize())
        await installation.stores.catalog.put_category(guild, category)
    return guild


async def keep(
    installation: Installation, guild: GuildId, path: Path, text: str, visibility: str | None = None
) -> None:
    """Write a file and take it in."""
    await asyncio.to_thread(path.write_text, text, "utf-8")
    report = await installation.ingestor.ingest(guild, [path], visibility=visibility)
    assert report.ok, report


async def stands_in_source(installation: Installation, guild: GuildId, quote: Quote) -> bool:
    """Say whether a quote is verbatim what its offsets point at."""
    text = await installation.stores.catalog.source_text(guild, quote.source)
    return text[quote.start : quote.end] == quote.text


class WatchedChat:
    """The real model, counting what it was asked to write and whether it was let go."""

    def __init__(self, inner: ChatModel) -> None:
        self._inner = inner
        self.pieces = 0
        self.writing = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def chat(
        self, messages: Sequence[ChatMessage], options: ChatOptions = ChatOptions()
    ) -> AsyncIterator[str]:
        self.writing += 1
        try:
            async for piece in self._inner.chat(messages, options):
                self.pieces += 1
                yield piece
        finally:
            self.writing -= 1


class ScriptedChat:
    """A model that writes the same reply whatever it is told."""

    def __init__(self, inner: ChatModel, reply: str) -> None:
        self._inner = inner
        self._reply = reply
        self.prompts: list[Sequence[ChatMessage]] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def chat(
        self, messages: Sequence[ChatMessage], options: ChatOptions = ChatOptions()
    ) -> AsyncIterator[str]:
        self.prompts.append(messages)
        for word in self._reply.split(" "):
            yield f"{word} "


class TroubledStore:
    """The real store; its searches wait, and the first of them raise what they are given."""

    def __init__(self, inner: KnowledgeStore, *errors: Exception, seconds: float = 0.0) -> None:
        self._inner = inner
        self._errors = list(errors)
        self._seconds = seconds

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def search(self, query: SearchQuery, *, version: str | None = None) -> tuple[EvidenceItem, ...]:
        await asyncio.sleep(self._seconds)
        if self._errors:
            raise self._errors.pop(0)
        return await self._inner.search(query, version=version)


class TroubledJournal:
    """The real journal; `record` waits until it is let, or raises what it is given."""

    def __init__(self, inner: Journal, error: Exception | None = None) -> None:
        self._inner = inner
        self._error = error
        self.let = asyncio.Event()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def record(self, episode: Episode) -> None:
        if self._error is not None:
            raise self._error
        await self.let.wait()
        await self._inner.record(episode)
