"""Which model is in use, and where it runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from agent.errors import ModelMissingError
from agent.models.choosing import (
    BUNDLED_CHAT_MODEL,
    OLLAMA_CHAT_MODEL,
    Engine,
    chosen_chat_model,
    chosen_embedder,
    engine_of_chat_model,
    engine_of_embedder,
    keep_choice,
    weights_of_embedder,
)
from agent.models.library import open_chat_model, open_embedder
from agent.settings import Settings

HOST = {"ollama_host": "http://localhost:11434"}
E5 = "multilingual-e5-small"


@pytest.mark.parametrize(
    ("given", "kept", "chat", "embedder"),
    [
        ({}, {}, BUNDLED_CHAT_MODEL, E5),
        (HOST, {}, OLLAMA_CHAT_MODEL, E5),
        (HOST | {"chat_model": "llama3.2:3b"}, {}, "llama3.2:3b", E5),
        (HOST | {"chat_model": BUNDLED_CHAT_MODEL}, {}, BUNDLED_CHAT_MODEL, E5),
        (HOST, {"chat_model": BUNDLED_CHAT_MODEL}, BUNDLED_CHAT_MODEL, E5),
        (HOST, {"chat_model": "gemma3:4b", "embedder": "bge-m3"}, "gemma3:4b", "bge-m3"),
        (HOST | {"embedder": E5}, {"embedder": "bge-m3"}, OLLAMA_CHAT_MODEL, E5),
        ({}, {"chat_model": "my-model"}, "my-model", E5),
        ({"chat_model": "/m/x.gguf"}, {"chat_model": "my-model"}, "/m/x.gguf", E5),
    ],
)
def test_a_setting_wins_over_the_kept_choice_and_that_over_the_default(
    tmp_path: Path, given: dict[str, Any], kept: dict[Any, str], chat: str, embedder: str
) -> None:
    settings = Settings(data_dir=tmp_path, **given)
    for field, name in kept.items():
        keep_choice(settings, field, name)
    assert (chosen_chat_model(settings), chosen_embedder(settings)) == (chat, embedder)


@pytest.mark.parametrize(
    ("given", "weights"),
    [
        ({}, E5),
        (HOST, E5),
        (HOST | {"embedder": "all-minilm-l6-v2"}, "all-minilm-l6-v2"),
        (HOST | {"embedder": "lorekeeper/all-minilm:l6-v2"}, "all-minilm-l6-v2"),
        (HOST | {"embedder": "bge-m3"}, "bge-m3"),
    ],
)
def test_bundled_weights_are_known_under_the_name_that_ollama_has_them_by(
    tmp_path: Path, given: dict[str, Any], weights: str
) -> None:
    assert weights_of_embedder(Settings(data_dir=tmp_path, **given)) == weights


@pytest.mark.parametrize(
    ("name", "engine"),
    [
        (BUNDLED_CHAT_MODEL, Engine.HERE),
        ("my-model", Engine.HERE),
        ("model.gguf", Engine.HERE),
        ("~/models/qwen.gguf", Engine.HERE),
        ("/models/qwen", Engine.HERE),
        ("./qwen", Engine.HERE),
        ("qwen3:4b-instruct", Engine.OLLAMA),
        ("smollm2:135m", Engine.OLLAMA),
        ("lorekeeper/smollm2:135m", Engine.OLLAMA),
        ("hf.co/someone/Some-Model-GGUF:Q4_K_M", Engine.OLLAMA),
        (E5, Engine.OLLAMA),
    ],
)
def test_a_chat_model_that_is_here_runs_here_and_any_other_on_ollama(name: str, engine: Engine) -> None:
    assert engine_of_chat_model(name, ("my-model",), ollama=True) is engine
    if engine is Engine.HERE:
        assert engine_of_chat_model(name, ("my-model",), ollama=False) is engine
        return
    with pytest.raises(ModelMissingError) as caught:
        engine_of_chat_model(name, ("my-model",), ollama=False)
    assert "OLLAMA_HOST" in caught.value.hint


@pytest.mark.parametrize(
    ("name", "engine"),
    [
        (E5, Engine.HERE),
        ("all-minilm-l6-v2", Engine.HERE),
        ("all-minilm", Engine.OLLAMA),
        ("nomic-embed-text", Engine.OLLAMA),
        (BUNDLED_CHAT_MODEL, Engine.OLLAMA),
    ],
)
def test_a_bundled_embedder_runs_here_and_any_other_on_ollama(name: str, engine: Engine) -> None:
    assert engine_of_embedder(name, ollama=True) is engine
    if engine is Engine.HERE:
        assert engine_of_embedder(name, ollama=False) is engine
        return
    with pytest.raises(ModelMissingError, match=f"no embedder {name}") as caught:
        engine_of_embedder(name, ollama=False)
    assert "OLLAMA_HOST" in caught.value.hint


async def test_opening_a_name_that_is_nowhere_says_what_to_set(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, chat_model="qwen3:8b", embedder="bge-m3")
    for opening in (open_chat_model(settings), open_embedder(settings)):
        with pytest.raises(ModelMissingError) as caught:
            await opening
        assert "OLLAMA_HOST" in caught.value.hint
