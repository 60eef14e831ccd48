"""An adapter serves the questions that are its own, and never costs one."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Collection, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from agent.catalog.sql import SqlCatalog
from agent.contracts import GuildId, Slug
from agent.database.engine import open_database
from agent.errors import ModelError
from agent.models.protocol import ChatModel
from agent.observing import metrics
from agent.serving import models as module
from agent.serving.assignments import Assignments
from agent.serving.models import ServedModels
from agent.serving.opening import open_serving_engine
from agent.serving.protocol import AdapterEngine
from agent.serving.served import Assignment, ServedAdapter, Task, adapter_file
from agent.settings import Settings
from tests.agent.serving.adapters import damaged, put_adapter

GUILD, OTHER = GuildId("one"), GuildId("other")


class Watched:
    """The engine, with its loads counted and delayed."""

    def __init__(self, engine: AdapterEngine) -> None:
        self._engine = engine
        self.loads: list[str] = []
        self.go_on = asyncio.Event()
        self.go_on.set()

    @property
    def base(self) -> ChatModel:
        return self._engine.base

    def base_digest(self) -> str:
        return self._engine.base_digest()

    async def adapted(self, adapter: ServedAdapter, task: Task) -> ChatModel:
        self.loads.append(adapter.id)
        await self.go_on.wait()
        return await self._engine.adapted(adapter, task)

    async def prepare(self, adapters: Collection[tuple[ServedAdapter, Task]]) -> Mapping[str, ModelError]:
        return await self._engine.prepare(adapters)

    async def close(self) -> None:
        await self._engine.close()


@pytest.fixture
async def engine(embedded_settings: Settings) -> AsyncIterator[Watched]:
    engine = Watched(await open_serving_engine(embedded_settings))
    yield engine
    await engine.close()


@pytest.fixture
async def assignments(tmp_path: Path) -> AsyncIterator[Assignments]:
    database = await open_database(tmp_path / "lorekeeper.db")
    for guild in (GUILD, OTHER):
        await SqlCatalog(database).create_guild(guild)
    yield Assignments(database)
    await database.close()


@pytest.fixture
async def models(
    assignments: Assignments, engine: Watched, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[ServedModels]:
    monkeypatch.setattr(module, "_PATIENCE", 60.0)
    models = ServedModels(assignments, engine)
    yield models
    await models.close()


def counted(error: str) -> float:
    value = metrics.REGISTRY.get_sample_value("lorekeeper_errors_total", {"type": error, "where": "adapter"})
    return value or 0.0


async def serving(models: ServedModels, key: str = "a question") -> str:
    return (await models.chat(GUILD, Task.ANSWER, key)).info.adapter


async def test_a_champion_serves_its_own_guild_and_task_alone(
    models: ServedModels, assignments: Assignments, adapters: list[ServedAdapter]
) -> None:
    assert await serving(models) == ""
    await assignments.put(GUILD, Task.ANSWER, Assignment(champion=adapters[0]))
    assert await serving(models) == adapters[0].id
    assert await models.is_tuned(GUILD, Task.ANSWER)
    for guild, task in ((GUILD, Task.ROUTE), (OTHER, Task.ANSWER)):
        assert (await models.chat(guild, task, "a question")).info.adapter == ""
        assert not await models.is_tuned(guild, task)


async def test_a_category_is_answered_by_its_own_adapter_else_the_guilds(
    models: ServedModels, assignments: Assignments, adapters: list[ServedAdapter]
) -> None:
    async def answering(category: Slug | None, key: str = "a question") -> str:
        found = await models.adapted(GUILD, Task.ANSWER, key, category)
        return found.adapter.id if found else ""

    pool, car = Slug("pool"), Slug("car")
    await assignments.put(GUILD, Task.ANSWER, Assignment(champion=adapters[1]), pool)
    assert [await answering(each) for each in (pool, car, None)] == [adapters[1].id, "", ""]
    await assignments.put(GUILD, Task.ANSWER, Assignment(champion=adapters[0]))
    assert [await answering(each) for each in (pool, car, None)] == [
        adapters[1].id,
        adapters[0].id,
        adapters[0].id,
    ]

    trial = Assignment(challenger=adapters[1], share=0.5)
    await assignments.put(GUILD, Task.ANSWER, trial, pool)
    for key in map(str, range(10)):
        chosen = trial.chosen(key) or adapters[0]
        assert await answering(pool, key) == chosen.id


async def test_a_challenger_gets_its_share_and_never_what_is_no_question(
    models: ServedModels, assignments: Assignments, adapters: list[ServedAdapter]
) -> None:
    assignment = Assignment(champion=adapters[0], challenger=adapters[1], share=0.5)
    await assignments.put(GUILD, Task.ANSWER, assignment)
    arms = {key: await serving(models, key) for key in map(str, range(20))}
    assert set(arms.values()) == {adapters[0].id, adapters[1].id}
    for key, arm in arms.items():
        chosen = assignment.chosen(key)
        assert chosen is not None
        assert arm == chosen.id
    assert await serving(models, "") == adapters[0].id


async def test_promotion_and_rollback_load_nothing_anew(
    models: ServedModels, assignments: Assignments, adapters: list[ServedAdapter], engine: Watched
) -> None:
    await assignments.put(
        GUILD, Task.ANSWER, Assignment(champion=adapters[0], challenger=adapters[1], share=0.1)
    )
    await models.prepare()
    loaded = engine._engine._serving  # type: ignore[attr-defined]
    for champion in (adapters[1], adapters[0], None, adapters[1]):
        await assignments.put(GUILD, Task.ANSWER, Assignment(champion=champion))
        await models.prepare()
        assert await serving(models) == (champion.id if champion else "")
    assert engine._engine._serving is loaded  # type: ignore[attr-defined]


async def test_a_broken_champion_leaves_the_question_to_the_base_and_is_told_of(
    models: ServedModels,
    assignments: Assignments,
    adapters: list[ServedAdapter],
    engine: Watched,
    serving_folder: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    before = counted("ModelBrokenError")
    broken = damaged(serving_folder, adapters[0])
    await assignments.put(GUILD, Task.ANSWER, Assignment(champion=broken))
    with caplog.at_level(logging.WARNING):
        assert await serving(models) == ""
        assert await serving(models) == ""
    assert engine.loads == ["damaged"]
    assert counted("ModelBrokenError") == before + 1
    assert "damaged does not serve" in caplog.text
    assert "has changed since it was made" in caplog.text


async def test_a_lost_file_that_comes_back_serves_again(
    models: ServedModels, assignments: Assignments, serving_folder: Path, base_file: Path
) -> None:
    adapter = put_adapter(serving_folder, base_file, 30)
    file = serving_folder / adapter_file(adapter.digest)
    content = file.read_bytes()
    file.unlink()
    await assignments.put(GUILD, Task.ANSWER, Assignment(champion=adapter))
    await models.prepare()
    assert await serving(models) == ""
    file.write_bytes(content)
    await models.prepare()
    assert await serving(models) == adapter.id


async def test_a_question_waits_a_moment_for_an_adapter_and_not_for_ever(
    models: ServedModels,
    assignments: Assignments,
    adapters: list[ServedAdapter],
    engine: Watched,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "_PATIENCE", 0.05)
    await assignments.put(GUILD, Task.ANSWER, Assignment(champion=adapters[2]))
    engine.go_on.clear()
    assert [await serving(models), await serving(models)] == ["", ""]
    assert engine.loads == [adapters[2].id]
    monkeypatch.setattr(module, "_PATIENCE", 60.0)
    engine.go_on.set()
    assert await serving(models) == adapters[2].id


async def test_what_another_process_promotes_is_loaded_before_a_question_asks_for_it(
    models: ServedModels,
    assignments: Assignments,
    adapters: list[ServedAdapter],
    engine: Watched,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "_LOOK_EVERY", 0.01)
    models.keep_prepared()
    lost = replace(adapters[0], id="lost", digest="0" * 64)
    await assignments.put(GUILD, Task.ANSWER, Assignment(champion=adapters[3], challenger=lost, share=0.1))
    async with asyncio.timeout(60):
        while adapters[3].digest not in engine._engine._serving.adapters:  # type: ignore[attr-defined] # noqa: ASYNC110
            await asyncio.sleep(0.01)
    assert engine.loads == []
