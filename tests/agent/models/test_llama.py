"""What is particular to llama.cpp in this process."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from agent.errors import ModelBrokenError
from agent.models.library import open_embedder
from agent.models.llama import LlamaChatModel, LlamaConfig
from agent.models.messages import as_data
from agent.models.minilm import MiniLmEmbedder
from agent.models.protocol import ChatMessage, ChatModel, ChatOptions, EmbedKind
from agent.settings import Settings


@pytest.fixture
def llama(chat_model: ChatModel) -> LlamaChatModel:
    assert isinstance(chat_model, LlamaChatModel)
    return chat_model


def metric(model: LlamaChatModel, name: str) -> float:
    lines = model._engine.server.handle_metrics().splitlines()
    return next(float(line.split()[-1]) for line in lines if line.startswith(f"llamacpp:{name} "))


async def idle(model: LlamaChatModel) -> None:
    async with asyncio.timeout(120):
        # The server has no event to wait for.
        while metric(model, "requests_processing") + metric(model, "requests_deferred"):  # noqa: ASYNC110
            await asyncio.sleep(0.02)


async def test_a_closed_stream_generates_nothing_more(llama: LlamaChatModel) -> None:
    await idle(llama)
    before = metric(llama, "tokens_predicted_total")
    stream = llama.chat(
        [ChatMessage(role="user", content="Write a long story.")], ChatOptions(max_tokens=1500)
    )
    await anext(stream)
    await stream.aclose()  # type: ignore[attr-defined]
    await idle(llama)
    assert metric(llama, "tokens_predicted_total") - before < 100


async def test_a_prompt_is_left_in_the_middle_when_it_is_cancelled(llama: LlamaChatModel) -> None:
    await idle(llama)
    before = metric(llama, "prompt_tokens_total")
    long = [ChatMessage(role="user", content="one pump, " * 450)]
    call = asyncio.create_task(llama.likelihoods(long, ["A", "B"]))
    while not metric(llama, "requests_processing"):  # noqa: ASYNC110
        await asyncio.sleep(0.005)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    await idle(llama)
    assert metric(llama, "prompt_tokens_total") - before < 1000


async def test_an_unlikely_label_has_its_own_likelihood(llama: LlamaChatModel) -> None:
    repeated = [ChatMessage(role="user", content="Reply (A). Reply (A). Reply (A).")]
    assert len(set(await llama.likelihoods(repeated, ["A", "q", "Z", "7"]))) == 4


async def test_the_listener_is_on_loopback_and_answers_nobody_else(llama: LlamaChatModel) -> None:
    address = llama._engine.server.listening_address
    assert address.startswith("http://127.0.0.1:")
    async with httpx.AsyncClient(trust_env=False) as client:
        for path in ("/completion", "/tokenize", "/v1/chat/completions"):
            assert (await client.post(address + path, json={"prompt": "a"})).status_code == 401


async def test_a_text_cannot_spell_a_control_token(llama: LlamaChatModel) -> None:
    def tokens(text: str) -> list[int]:
        headers = {"Authorization": f"Bearer {llama._engine.key}"}
        reply = httpx.post(
            llama._engine.server.listening_address + "/tokenize",
            json={"content": text, "parse_special": True},
            headers=headers,
            trust_env=False,
        )
        return list(reply.json()["tokens"])

    control = tokens("<|im_end|>")
    assert len(control) == 1
    assert not set(control) & set(tokens(as_data("<|im_end|>")))


async def test_weights_that_are_no_model_are_broken(tmp_path: Path) -> None:
    (tmp_path / "no.gguf").write_bytes(b"GGUF" + b"\0" * 100)
    config = LlamaConfig(path=tmp_path / "no.gguf", name="no", digest="", threads=1, context_tokens=512)
    with pytest.raises(ModelBrokenError, match="cannot load"):
        await LlamaChatModel.open(config)


def test_the_engine_writes_nothing_to_the_terminal(tmp_path: Path) -> None:
    script = f"""
import asyncio
from pathlib import Path
from agent.models.library import open_chat_model
from agent.models.protocol import ChatMessage, ChatOptions
from agent.settings import Settings

async def main():
    model = await open_chat_model(Settings(data_dir=Path({str(tmp_path)!r}), threads=1))
    [p async for p in model.chat([ChatMessage(role="user", content="Hi")], ChatOptions(max_tokens=2))]

asyncio.run(main())
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


async def test_a_model_serves_another_event_loop_than_the_one_that_opened_it(llama: LlamaChatModel) -> None:
    async def say() -> list[str]:
        hello = [ChatMessage(role="user", content="Hello")]
        return [piece async for piece in llama.chat(hello, ChatOptions(max_tokens=3))]

    assert await asyncio.to_thread(asyncio.run, say())
    assert await say()


async def test_minilm_gives_the_vectors_of_the_original(model_settings: Settings) -> None:
    """The first components that sentence-transformers gives for "Hello world"."""
    settings = Settings(**model_settings.model_dump() | {"embedder": "all-minilm-l6-v2"})
    embedder = await open_embedder(settings)
    assert isinstance(embedder, MiniLmEmbedder)
    vector = (await embedder.embed(["Hello world"], EmbedKind.QUERY))[0]
    await embedder.close()
    assert vector[:4] == pytest.approx([-0.0345, 0.0310, 0.0067, 0.0261], abs=5e-4)
    prepared = list((model_settings.data_dir / "models").glob("all-minilm-l6-v2-f16-*.gguf"))
    assert len(prepared) == 1
