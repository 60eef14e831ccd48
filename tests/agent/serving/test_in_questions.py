"""Questions that are routed and answered through adapters, from being asked to the episode."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from agent.contracts import AnswerKind, Episode, Example, GuildId, Slug
from agent.models.protocol import ChatMessage, ChatModel, ChatOptions
from agent.models.structured import UnusableReplyError
from agent.runtime import Installation, open_installation
from agent.serving import models as module
from agent.serving.served import Assignment, ServedAdapter, Task, Trust
from agent.settings import Settings
from tests.agent.graph.asking import agent_with, answered, keep, new_guild
from tests.agent.serving.adapters import damaged

pytestmark = pytest.mark.asyncio(loop_scope="session")

PUMP = "When did we replace the pool pump?"
ALWAYS_ASKED = Trust(scale=0.1, model=2.0, span=12.0)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def opened(embedded_settings: Settings) -> AsyncIterator[Installation]:
    changed = {"answer_tokens": 16, "repairs": 0, "answer_threshold": 0.0}
    async with open_installation(embedded_settings.model_copy(update=changed)) as installation:
        yield installation


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine takes its time to load an adapter."""
    monkeypatch.setattr(module, "_PATIENCE", 120.0)


@pytest_asyncio.fixture(loop_scope="session")
async def guild(opened: Installation, request: pytest.FixtureRequest, tmp_path: Path) -> GuildId:
    """Knows of the pump, and has three topics with a labelled question each."""
    guild = await new_guild(opened, request.node.name, "pool", "car", "cooking")
    await opened.stores.catalog.put_examples(
        guild,
        [
            Example(question="Where is the winter cover of the pool?", category=Slug("pool")),
            Example(question="Which tyres does the car need?", category=Slug("car")),
            Example(question="How long does the lasagne bake?", category=Slug("cooking")),
        ],
    )
    await keep(opened, guild, tmp_path / "pool.md", "We replaced the pool pump on 18 May 2024.")
    return guild


def adapters_of(episode: Episode) -> set[str]:
    return {model.adapter for model in episode.models if model.adapter}


async def serve(opened: Installation, guild: GuildId, task: Task, champion: ServedAdapter | None) -> None:
    await opened.stores.assignments.put(guild, task, Assignment(champion=champion))


async def test_an_episode_names_the_adapters_that_routed_and_answered_until_they_are_taken_back(
    opened: Installation, guild: GuildId, adapters: list[ServedAdapter]
) -> None:
    before = await answered(opened.agent, PUMP, guild=guild)
    assert adapters_of(before.episode) == set()
    assert "18 May 2024" in before.answer.text

    await serve(opened, guild, Task.ROUTE, replace(adapters[0], trust=ALWAYS_ASKED))
    await serve(opened, guild, Task.ANSWER, adapters[1])
    tuned = await answered(opened.agent, PUMP, guild=guild)
    assert tuned.route is not None
    assert tuned.route.model_asked
    assert adapters_of(tuned.episode) == {adapters[0].id, adapters[1].id}
    # What it wrote, being random, could not be proved: the best sentence took its place.
    assert tuned.answer.kind is AnswerKind.EXTRACTIVE
    assert await opened.stores.journal.episode(guild, tuned.episode.id) == tuned.episode

    for task in Task:
        await serve(opened, guild, task, None)
    after = await answered(opened.agent, PUMP, guild=guild)
    assert adapters_of(after.episode) == set()
    assert (after.answer, after.route) == (before.answer, before.route)


async def test_an_answer_is_written_through_the_adapter_of_its_category(
    opened: Installation, guild: GuildId, adapters: list[ServedAdapter]
) -> None:
    reply = await answered(opened.agent, PUMP, guild=guild)
    assert reply.evidence is not None
    assert reply.evidence.category == Slug("pool")
    for category, adapter in ((None, adapters[0]), (Slug("car"), adapters[0]), (Slug("pool"), adapters[1])):
        await opened.stores.assignments.put(guild, Task.ANSWER, Assignment(champion=adapter), category)
    tuned = await answered(opened.agent, PUMP, guild=guild)
    assert adapters_of(tuned.episode) == {adapters[1].id}


async def test_a_broken_champion_changes_nothing_for_who_asks(
    opened: Installation, guild: GuildId, adapters: list[ServedAdapter]
) -> None:
    expected = await answered(opened.agent, PUMP, guild=guild)
    broken = damaged(opened.settings.data_dir, adapters[0])
    for task in Task:
        await serve(opened, guild, task, broken)
    reply = await answered(opened.agent, PUMP, guild=guild)
    assert (reply.answer, reply.route) == (expected.answer, expected.route)
    assert adapters_of(reply.episode) == set()


async def test_a_tuned_router_is_trusted_as_its_adapter_says_and_never_examined(
    opened: Installation, guild: GuildId, adapters: list[ServedAdapter]
) -> None:
    await serve(opened, guild, Task.ROUTE, replace(adapters[0], trust=ALWAYS_ASKED))
    assert await opened.router.study(guild) == 0
    trusted = await opened.router.route(guild, PUMP)
    assert trusted.model_asked
    await serve(opened, guild, Task.ROUTE, adapters[0])
    unproven = await opened.router.route(guild, PUMP)
    assert not unproven.model_asked
    assert "model" not in unproven.scores[0].contributions
    await serve(opened, guild, Task.ROUTE, None)
    assert await opened.router.study(guild) == 3


class CutOff:
    """The real model, whose structured replies are never finished."""

    def __init__(self, inner: ChatModel) -> None:
        self._inner = inner
        self.asked = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def structured(
        self,
        messages: Sequence[ChatMessage],
        schema: Mapping[str, Any],
        options: ChatOptions = ChatOptions(),
    ) -> Any:
        self.asked += 1
        raise UnusableReplyError("It did not finish its structured reply.")


async def test_a_query_that_the_model_does_not_finish_leaves_the_key_words(
    opened: Installation, guild: GuildId
) -> None:
    chat = CutOff(opened.agent.parts.chat)
    agent = agent_with(opened, settings={"answer_threshold": 1.0}, chat=chat)
    reply = await answered(agent, PUMP, guild=guild)
    assert chat.asked == 1
    assert reply.answer.kind is AnswerKind.DECLINED
    assert reply.evidence is not None
    assert reply.evidence.searched.queries == (PUMP, "replace pool pump?")
