"""What is particular to adapters on the real Ollama."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr

from agent.errors import DiskFullError
from agent.models._ollama.making import Maker, described, parsed_parameters
from agent.models.labels import LABELS
from agent.models.protocol import ChatMessage, ChatModel, ChatOptions
from agent.serving import slots
from agent.serving.ollama import JUDGE, SERVE, OllamaEngine, owner_of
from agent.serving.opening import open_engine, open_serving_engine
from agent.serving.served import ServedAdapter, Task, adapter_file
from agent.settings import Settings
from tests.agent.serving.adapters import put_adapter
from tests.agent.serving.conftest import ON_OLLAMA

ASKED = [ChatMessage(role="user", content="Which letter do you like best?")]


@pytest.fixture
async def server(on_ollama: Settings) -> AsyncIterator[httpx.AsyncClient]:
    """The server itself, without any model of ours, neither before nor afterwards."""
    maker = Maker(on_ollama.ollama_host, 10.0)
    async with httpx.AsyncClient(base_url=on_ollama.ollama_host, trust_env=False, timeout=60) as client:
        for name in await ours(client):
            await maker.remove(name)
        yield client
        for name in await ours(client):
            await maker.remove(name)
    await maker.close()


@pytest.fixture
async def engine(on_ollama: Settings, server: httpx.AsyncClient) -> AsyncIterator[OllamaEngine]:
    opened = await open_serving_engine(on_ollama)
    assert isinstance(opened, OllamaEngine)
    yield opened
    await opened.close()


async def ours(server: httpx.AsyncClient) -> list[str]:
    tags = (await server.get("/api/tags")).json()["models"]
    return sorted(tag["name"] for tag in tags if tag["name"].startswith((SERVE, JUDGE)))


async def shown(server: httpx.AsyncClient, name: str) -> dict[str, str]:
    reply: dict[str, str] = (await server.post("/api/show", json={"model": name})).json()
    return reply


def weights(said: dict[str, str]) -> str:
    return next(line for line in said["modelfile"].splitlines() if line.startswith("FROM "))


async def says(model: ChatModel) -> tuple[float, ...]:
    return await model.likelihoods(ASKED, LABELS)


async def test_no_two_share_the_file_of_a_base_and_none_is_thrown_out_of_memory(
    engine: OllamaEngine, server: httpx.AsyncClient, adapters: list[ServedAdapter]
) -> None:
    routing = await engine.adapted(adapters[0], Task.ROUTE)
    answering = await engine.adapted(adapters[1], Task.ANSWER)
    for model in (routing, answering, engine.base) * 2:
        await says(model)
    names = await ours(server)
    assert len(names) == 2
    files = {weights(await shown(server, name)) for name in [*names, ON_OLLAMA]}
    assert len(files) == 3
    loaded = {each["name"] for each in (await server.get("/api/ps")).json()["models"]}
    assert {*names, f"{ON_OLLAMA}:latest"} <= loaded


async def test_an_adapted_model_is_prompted_as_its_base_is(
    engine: OllamaEngine, server: httpx.AsyncClient, adapters: list[ServedAdapter]
) -> None:
    await engine.adapted(adapters[0], Task.ROUTE)
    (name,) = await ours(server)
    base, made = await shown(server, ON_OLLAMA), await shown(server, name)
    for part in ("template", "system"):
        assert made[part] == base[part]
    # As text they stand in the order of a Go map: another one at each reading.
    assert parsed_parameters(made["parameters"]) == parsed_parameters(base["parameters"])


async def test_a_model_that_somebody_removed_is_made_again_by_the_question_that_needs_it(
    engine: OllamaEngine, server: httpx.AsyncClient, adapters: list[ServedAdapter]
) -> None:
    model = await engine.adapted(adapters[0], Task.ROUTE)
    expected = await says(model)
    (name,) = await ours(server)
    await server.request("DELETE", "/api/delete", json={"model": name})
    assert await says(model) == pytest.approx(expected, abs=0.05)
    assert await ours(server) == [name]


async def test_a_restart_finds_what_was_made(
    engine: OllamaEngine, on_ollama: Settings, server: httpx.AsyncClient, adapters: list[ServedAdapter]
) -> None:
    await engine.prepare([(adapters[0], Task.ROUTE), (adapters[1], Task.ROUTE)])
    before = {name: weights(await shown(server, name)) for name in await ours(server)}
    again = await open_serving_engine(on_ollama)
    await again.prepare([(adapters[1], Task.ROUTE), (adapters[0], Task.ROUTE)])
    await again.close()
    assert {name: weights(await shown(server, name)) for name in await ours(server)} == before


async def test_the_adapter_before_stays_for_a_rollback_and_the_one_before_it_goes(
    engine: OllamaEngine, server: httpx.AsyncClient, adapters: list[ServedAdapter]
) -> None:
    for adapter in adapters[:3]:
        assert not await engine.prepare([(adapter, Task.ROUTE)])
    assert {name.rpartition("-")[2].removesuffix(":latest") for name in await ours(server)} == {
        adapter.digest[:12] for adapter in adapters[1:3]
    }


async def test_what_has_no_file_any_longer_is_removed(
    engine: OllamaEngine, server: httpx.AsyncClient, serving_folder: Path, base_file: Path
) -> None:
    adapter = put_adapter(serving_folder, base_file, 40)
    await engine.prepare([(adapter, Task.ROUTE)])
    assert len(await ours(server)) == 1
    (serving_folder / adapter_file(adapter.digest)).unlink()
    await engine.prepare([])
    assert await ours(server) == []


async def test_what_is_judged_takes_nothing_from_what_serves_and_goes_with_its_engine(
    engine: OllamaEngine, on_ollama: Settings, server: httpx.AsyncClient, adapters: list[ServedAdapter]
) -> None:
    await engine.adapted(adapters[0], Task.ROUTE)
    serving = await ours(server)
    judge = await open_engine(on_ollama)
    await judge.adapted(adapters[0], Task.ROUTE)
    judged = sorted(set(await ours(server)) - set(serving))
    assert [name.partition("/")[0] for name in judged] == [JUDGE]
    assert weights(await shown(server, judged[0])) != weights(await shown(server, serving[0]))
    await judge.close()
    assert await ours(server) == serving
    await _until_not_loaded(server, judged[0])


async def test_what_is_removed_while_it_speaks_ends_its_reply_and_leaves_the_memory(
    engine: OllamaEngine, on_ollama: Settings, server: httpx.AsyncClient, adapters: list[ServedAdapter]
) -> None:
    """Kept there by its name, nobody could unload it, and it could drive out who serves."""
    model = await engine.adapted(adapters[0], Task.ROUTE)
    (name,) = await ours(server)
    reply = model.chat(ASKED, ChatOptions(max_tokens=200))
    said = [await anext(reply)]
    maker = Maker(on_ollama.ollama_host, 10.0)
    await maker.remove(name)
    said += [piece async for piece in reply]
    await maker.close()
    assert len(said) > 1
    await _until_not_loaded(server, name)


async def _until_not_loaded(server: httpx.AsyncClient, name: str) -> None:
    async with asyncio.timeout(30):
        while name in {each["name"] for each in (await server.get("/api/ps")).json()["models"]}:  # noqa: ASYNC110
            await asyncio.sleep(0.05)


async def test_a_full_disk_costs_the_adapter_and_not_the_base(
    on_ollama: Settings,
    server: httpx.AsyncClient,
    base_file: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def full(*_: object) -> None:
        raise DiskFullError("There is no room for a copy.")

    monkeypatch.setattr(slots, "write_marked_copy", full)
    engine = await open_serving_engine(on_ollama.model_copy(update={"data_dir": tmp_path}))
    adapter = put_adapter(tmp_path, base_file, 50)
    problems = await engine.prepare([(adapter, Task.ROUTE)])
    assert [str(problem) for problem in problems.values()] == ["There is no room for a copy."]
    assert await says(engine.base)
    await engine.close()
    assert await ours(server) == []


def test_those_who_share_a_database_share_models_and_no_others(tmp_path: Path) -> None:
    one = Settings(data_dir=tmp_path / "one")
    url = SecretStr("postgresql://bot:secret@db/lorekeeper")
    assert owner_of(one) == owner_of(Settings(data_dir=tmp_path / "one"))
    assert owner_of(one) != owner_of(Settings(data_dir=tmp_path / "two"))
    shared = [Settings(data_dir=tmp_path / name, database_url=url) for name in ("one", "two")]
    assert owner_of(shared[0]) == owner_of(shared[1])


@pytest.mark.parametrize(
    ("text", "parameters"),
    [
        ("", {}),
        ("temperature                    0.3", {"temperature": 0.3}),
        ('stop   "<|im_end|>"', {"stop": ["<|im_end|>"]}),
        ('stop   "a\\"b"\nstop   "c d"\ntop_k   7', {"stop": ['a"b', "c d"], "top_k": 7}),
        ("use_mmap  true", {"use_mmap": True}),
        ("odd  not json", {"odd": "not json"}),
    ],
)
def test_parameters_are_read_as_they_are_told(text: str, parameters: dict[str, object]) -> None:
    assert parsed_parameters(text) == parameters


def test_a_model_that_is_rendered_by_code_stays_so() -> None:
    modelfile = (
        "# header\nFROM /x/sha256-1\nTEMPLATE {{ .Prompt }}\nRENDERER qwen3-coder\nPARSER qwen3-coder\n"
    )
    assert described({"template": "{{ .Prompt }}", "modelfile": modelfile, "license": "", "details": {}}) == {
        "template": "{{ .Prompt }}",
        "renderer": "qwen3-coder",
        "parser": "qwen3-coder",
    }
