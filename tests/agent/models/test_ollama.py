"""What is particular to Ollama, on a real server that is well."""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest
import pytest_asyncio

from agent.contracts import Category, Slug
from agent.errors import ModelError, ModelMissingError
from agent.models._ollama.config import addresses_of
from agent.models.labels import router_prompt
from agent.models.level import LevelEmbedder
from agent.models.library import open_chat_model, open_embedder
from agent.models.ollama import OllamaChatModel
from agent.models.ollama_embedder import OllamaEmbedder
from agent.models.protocol import ChatMessage, ChatModel, ChatOptions, Embedder, EmbedKind
from agent.settings import Settings
from tests.agent.models.conftest import OLLAMA_CHAT, OLLAMA_EMBEDDER, give_own_models
from tests.agent.models.ollamas import CONTEXT, chat_on, embedder_on, runners, said, story
from tests.servers.fixtures import SMOLLM2, require
from tests.servers.ollama import OllamaServer

CATEGORIES = tuple(
    Category(slug=Slug(name), name=name.title(), description=description)
    for name, description in (
        ("pool", "pump, filter, chlorine"),
        ("car", "tyres, oil, insurance"),
        ("cooking", "recipes and how long things take"),
        ("garden", "plants, watering, the lawn"),
        ("house", "roof, windows, heating"),
    )
)
QUESTIONS = (
    "When did we replace our pool pump?",
    "Which tyres does the car have?",
    "How long do lentils take?",
    "¿Cuándo cambiamos el aceite?",
    "What is the capital of France?",
)

MOST_APART = 0.085
"""Of two probabilities of one label: what both engines stray from the exact one, together (measured)."""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def chat(ollama_settings: Settings) -> AsyncIterator[ChatModel]:
    opened = await open_chat_model(ollama_settings)
    assert isinstance(opened, OllamaChatModel)
    yield opened
    await opened.close()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def embedder_there(ollama_settings: Settings) -> AsyncIterator[Embedder]:
    opened = await open_embedder(ollama_settings)
    assert isinstance(opened, OllamaEmbedder)
    yield opened
    await opened.close()


async def test_it_is_known_exactly_which_model_answers(chat: ChatModel, ollama_server: OllamaServer) -> None:
    async with httpx.AsyncClient(base_url=ollama_server.url, trust_env=False) as client:
        version = (await client.get("/api/version")).json()["version"]
    info = chat.info
    await said(chat)
    assert (info.name, info.engine, chat.info.engine_version) == (OLLAMA_CHAT, "ollama", version)
    assert len(info.digest) == 64
    assert (info.parameters, info.context_tokens) == (134_515_008, CONTEXT)


@pytest.fixture
def server_alone(
    pytestconfig: pytest.Config, tmp_path: Path, model_settings: Settings
) -> Iterator[OllamaServer]:
    """Has both models. Nothing that other tests left in its memory throws one of them out."""
    require("Ollama", pytestconfig)
    server = OllamaServer(tmp_path)
    server.start()
    give_own_models(server, model_settings)
    yield server
    server.stop()


async def test_no_order_of_calls_loads_a_model_again(server_alone: OllamaServer) -> None:
    async with (
        chat_on([server_alone.url], OLLAMA_CHAT) as chat,
        embedder_on([server_alone.url], OLLAMA_EMBEDDER) as embedder_there,
    ):
        await _calls_in_every_order(server_alone, chat, embedder_there)
    async with httpx.AsyncClient(base_url=server_alone.url, trust_env=False) as client:
        loaded = {each["name"]: each for each in (await client.get("/api/ps")).json()["models"]}
    assert loaded[OLLAMA_CHAT]["context_length"] == CONTEXT
    assert OLLAMA_EMBEDDER in loaded


async def _calls_in_every_order(
    server: OllamaServer, chat: OllamaChatModel, embedder_there: OllamaEmbedder
) -> None:
    message = [ChatMessage(role="user", content="x or y?")]
    calls = (
        lambda: said(chat, max_tokens=1),
        lambda: chat.likelihoods(message, ["A", "B"]),
        lambda: chat.structured(message, {"enum": ["x"]}, ChatOptions(max_tokens=8)),
        lambda: chat._pool.call(lambda server: server.embed(["x"])),
        lambda: embedder_there.embed(["x"], EmbedKind.QUERY),
    )
    for call in calls:
        await call()
    before = runners(server)
    # Steps of 1 to 4 around the five: each of them comes after each other.
    for step, turn in itertools.product(range(1, 5), range(1, 6)):
        await calls[step * turn % 5]()
    assert before
    assert runners(server) == before


async def test_another_context_would_load_it_again(chat: ChatModel, ollama_server: OllamaServer) -> None:
    """What the test above would see if a call had options of its own."""
    await said(chat)
    before = runners(ollama_server)
    body = {"model": OLLAMA_CHAT, "input": ["x"], "options": {"num_ctx": CONTEXT // 2}}
    async with httpx.AsyncClient(base_url=ollama_server.url, trust_env=False, timeout=60) as client:
        (await client.post("/api/embed", json=body)).raise_for_status()
    assert runners(ollama_server) != before


@pytest.mark.parametrize("name", [OLLAMA_CHAT, SMOLLM2])
async def test_likelihoods_agree_with_the_engine_in_this_process(
    chat_model: ChatModel, ollama_settings: Settings, name: str
) -> None:
    async with chat_on(addresses_of(ollama_settings.ollama_host), name) as there:
        for question in QUESTIONS:
            prompt = router_prompt(CATEGORIES, question)
            here = np.exp(await chat_model.likelihoods(prompt.messages, prompt.labels))
            other = np.exp(await there.likelihoods(prompt.messages, prompt.labels))
            assert np.abs(here - other).max() < MOST_APART
            assert here[int(np.argmax(other))] > here.max() - MOST_APART


async def test_a_reply_that_would_end_at_once_still_has_likelihoods(chat: ChatModel) -> None:
    """Ollama tells no probabilities when the first token is the end; a finished reply invites it."""
    told = [
        ChatMessage(role="user", content="Which letter? Reply with nothing at all."),
        ChatMessage(role="assistant", content="(A)"),
        ChatMessage(role="user", content=""),
    ]
    assert len(await chat.likelihoods(told, ["A", "B"])) == 2


async def test_a_cancelled_call_leaves_the_model_free(chat: ChatModel) -> None:
    """Else the short call would wait for thousands of numbers: the server works on one call at a time."""
    endless = {"type": "array", "items": {"type": "integer"}, "minItems": 2000}
    long = asyncio.create_task(chat.structured(story_of(), endless, ChatOptions(max_tokens=1900)))
    await asyncio.sleep(1.0)
    long.cancel()
    with pytest.raises(asyncio.CancelledError):
        await long
    async with asyncio.timeout(20):
        assert await said(chat)


def story_of() -> list[ChatMessage]:
    return [ChatMessage(role="user", content="List many numbers.")]


async def test_a_closed_stream_leaves_the_model_free(chat: ChatModel) -> None:
    stream = story(chat)
    await anext(stream)
    await stream.aclose()
    async with asyncio.timeout(20):
        assert await said(chat)


async def test_vectors_are_those_of_the_same_model_in_this_process(
    embedder_there: Embedder, model_settings: Settings
) -> None:
    here = await open_embedder(model_settings.model_copy(update={"embedder": "all-minilm-l6-v2"}))
    same = ["When did we replace the PUMP?", "El café de la señora", "5€ for a über-filter"]
    nearly = ["¿Cuándo cambiamos el aceite?", "The “old” pump – and more…"]
    rows = [await each.embed([*same, *nearly], EmbedKind.QUERY) for each in (here, embedder_there)]
    await here.close()
    alike = np.einsum("ij,ij->i", *rows)
    assert alike[: len(same)].min() > 0.999
    # Ollama has no token for these signs, which say little.
    assert alike.min() > 0.9


async def test_a_text_too_long_is_cut_to_its_beginning_and_the_log_says_so(
    embedder_there: Embedder, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "agent.models.ollama_embedder")
    long = "The pool pump was replaced in May. " * 200
    rows = await embedder_there.embed([long + "Roses.", long + "Tyres."], EmbedKind.PASSAGE)
    assert rows[0] @ rows[1] > 0.9999
    assert "is cut to what lorekeeper/all-minilm:l6-v2 reads: 512 tokens" in caplog.text


async def test_its_vectors_can_be_levelled(
    embedder_there: Embedder, tmp_path_factory: pytest.TempPathFactory
) -> None:
    level = await LevelEmbedder.open(embedder_there, tmp_path_factory.mktemp("level"))
    rows = await level.embed(["The pump was replaced.", "Roses are cut in March."], EmbedKind.PASSAGE)
    question = await level.embed(["When was the pump replaced?"], EmbedKind.QUERY)
    assert int(np.argmax(rows @ question[0])) == 0
    assert level.info.digest != embedder_there.info.digest


async def test_a_model_that_is_not_pulled_comes_with_the_command(ollama_server: OllamaServer) -> None:
    for opening in (
        chat_on([ollama_server.url], "no/such:1b"),
        embedder_on([ollama_server.url], "no/such:1b"),
    ):
        with pytest.raises(ModelMissingError, match=f"Ollama at {ollama_server.url} has no model") as caught:
            await opening.__aenter__()
        assert caught.value.hint == "Run: lorekeeper models pull no/such:1b"


async def test_a_model_is_used_only_for_what_it_can(ollama_settings: Settings) -> None:
    addresses = addresses_of(ollama_settings.ollama_host)
    with pytest.raises(ModelError, match="does not write"):
        await chat_on(addresses, OLLAMA_EMBEDDER).__aenter__()
    with pytest.raises(ModelError, match="is not for embeddings"):
        await embedder_on(addresses, OLLAMA_CHAT).__aenter__()
