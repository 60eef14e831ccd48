"""What every `AdapterEngine` must do."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from agent.errors import ModelBrokenError, ModelError, ModelMissingError
from agent.models.labels import LABELS
from agent.models.protocol import ChatMessage, ChatModel, ChatOptions
from agent.serving.protocol import AdapterEngine
from agent.serving.served import ServedAdapter, Task, adapter_file
from tests.agent.serving.adapters import damaged, put_adapter, refused_by_engines

pytestmark = pytest.mark.asyncio(loop_scope="session")

ASKED = [ChatMessage(role="user", content="Which letter do you like best?")]


async def says(model: ChatModel) -> tuple[float, ...]:
    return await model.likelihoods(ASKED, LABELS)


def differ(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    return bool(np.abs(np.array(one) - np.array(other)).max() > 0.05)


async def test_says_on_which_file_an_adapter_must_have_been_trained(
    any_engine: AdapterEngine, adapters: list[ServedAdapter]
) -> None:
    assert any_engine.base_digest() == adapters[0].base_digest


async def test_each_adapter_says_its_own_and_the_base_what_it_always_said(
    any_engine: AdapterEngine, adapters: list[ServedAdapter]
) -> None:
    before = await says(any_engine.base)
    one = await any_engine.adapted(adapters[0], Task.ROUTE)
    two = await any_engine.adapted(adapters[1], Task.ANSWER)
    first, second = await says(one), await says(two)
    assert differ(first, before)
    assert differ(second, before)
    assert differ(first, second)
    for _ in range(2):
        assert not differ(await says(any_engine.base), before)
        assert not differ(await says(one), first)
        assert not differ(await says(two), second)


async def test_the_info_names_the_base_and_the_adapter(
    any_engine: AdapterEngine, adapters: list[ServedAdapter]
) -> None:
    info = (await any_engine.adapted(adapters[0], Task.ROUTE)).info
    base = any_engine.base.info
    assert (base.adapter, base.adapter_digest) == ("", "")
    assert info == replace(base, adapter=adapters[0].id, adapter_digest=adapters[0].digest)


async def test_an_adapted_model_streams_and_satisfies_a_schema(
    any_engine: AdapterEngine, adapters: list[ServedAdapter]
) -> None:
    model = await any_engine.adapted(adapters[0], Task.ROUTE)
    assert [piece async for piece in model.chat(ASKED, ChatOptions(max_tokens=4))]
    schema = {"type": "object", "properties": {"a": {"enum": ["x"]}}, "required": ["a"]}
    assert await model.structured(ASKED, schema, ChatOptions(max_tokens=40)) == {"a": "x"}


async def test_closing_an_adapted_model_closes_nothing(
    any_engine: AdapterEngine, adapters: list[ServedAdapter]
) -> None:
    model = await any_engine.adapted(adapters[0], Task.ROUTE)
    await model.close()
    assert await says(model)
    assert await says(any_engine.base)


async def test_an_adapter_without_its_file_is_missing(
    any_engine: AdapterEngine, adapters: list[ServedAdapter]
) -> None:
    with pytest.raises(ModelMissingError, match="lost"):
        await any_engine.adapted(replace(adapters[0], id="lost", digest="0" * 64), Task.ROUTE)


async def test_an_adapter_of_another_base_is_refused(
    any_engine: AdapterEngine, adapters: list[ServedAdapter]
) -> None:
    foreign = replace(adapters[0], id="foreign", digest="2" * 64, base_digest="1" * 64)
    with pytest.raises(ModelBrokenError, match="another base"):
        await any_engine.adapted(foreign, Task.ROUTE)


async def test_a_damaged_file_is_refused(
    any_engine: AdapterEngine, adapters: list[ServedAdapter], serving_folder: Path
) -> None:
    with pytest.raises(ModelBrokenError, match="has changed"):
        await any_engine.adapted(damaged(serving_folder, adapters[0]), Task.ROUTE)


async def test_those_that_cannot_serve_keep_no_other_from_serving(
    any_engine: AdapterEngine, adapters: list[ServedAdapter], serving_folder: Path, base_file: Path
) -> None:
    lost = replace(adapters[0], id="lost", digest="0" * 64)
    broken, refused = damaged(serving_folder, adapters[0]), refused_by_engines(serving_folder, base_file)
    wanted = [(each, Task.ANSWER) for each in (lost, broken, refused, adapters[0])]
    problems = await any_engine.prepare(wanted)
    assert problems.keys() == {"lost", "damaged", "refused"}
    assert isinstance(problems["lost"], ModelMissingError)
    assert all(str(problem) for problem in problems.values())
    assert differ(await says(await any_engine.adapted(adapters[0], Task.ANSWER)), await says(any_engine.base))


async def test_what_engines_refuse_is_an_error_and_the_base_goes_on(
    any_engine: AdapterEngine, serving_folder: Path, base_file: Path
) -> None:
    with pytest.raises(ModelError):
        await any_engine.adapted(refused_by_engines(serving_folder, base_file), Task.ROUTE)
    assert await says(any_engine.base)


async def test_no_question_is_lost_while_adapters_come_and_go(
    any_engine: AdapterEngine, adapters: list[ServedAdapter]
) -> None:
    """Two ask all the time, through an adapter and without one; one call is under way at every change."""
    kept = adapters[0]
    await any_engine.prepare([(kept, Task.ANSWER)])
    tuned, plain = await any_engine.adapted(kept, Task.ANSWER), any_engine.base
    expected = {"tuned": await says(tuned), "plain": await says(plain)}
    over = asyncio.Event()

    async def ask(model: ChatModel, name: str) -> int:
        asked = 0
        while not over.is_set():
            assert not differ(await says(model), expected[name])
            asked += 1
        return asked

    async def write(model: ChatModel) -> list[str]:
        return [piece async for piece in model.chat(ASKED, ChatOptions(max_tokens=12))]

    async with asyncio.TaskGroup() as group:
        asking = [group.create_task(ask(tuned, "tuned")), group.create_task(ask(plain, "plain"))]
        for changed in (adapters[:2], adapters[:3], [kept], [kept, adapters[3]]):
            writing = group.create_task(write(tuned))
            assert not await any_engine.prepare([(each, Task.ANSWER) for each in changed])
            assert await writing
        over.set()
    assert all(task.result() >= 4 for task in asking)


async def test_a_model_that_was_forgotten_after_it_was_chosen_still_answers(
    any_engine: AdapterEngine, serving_folder: Path, base_file: Path
) -> None:
    many = [put_adapter(serving_folder, base_file, seed) for seed in range(10, 16)]
    chosen = await any_engine.adapted(many[0], Task.ROUTE)
    expected = await says(chosen)
    for other in many[1:]:
        await any_engine.prepare([(other, Task.ROUTE)])
    assert not differ(await says(chosen), expected)


async def test_a_lost_file_does_not_matter_to_what_is_loaded(
    any_engine: AdapterEngine, serving_folder: Path, base_file: Path
) -> None:
    adapter = put_adapter(serving_folder, base_file, 20)
    model = await any_engine.adapted(adapter, Task.ROUTE)
    expected = await says(model)
    (serving_folder / adapter_file(adapter.digest)).unlink()
    assert not differ(await says(await any_engine.adapted(adapter, Task.ROUTE)), expected)
