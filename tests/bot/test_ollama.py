"""The commands on a real Ollama server, as a member of the household types them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.bot.conftest import Command
from tests.servers.ollama import OllamaServer
from tests.servers.server import free_ports

CHAT = "lorekeeper/smollm2:135m"
EMBEDDER = "lorekeeper/all-minilm:l6-v2"


@pytest.fixture
def on_ollama(command: Command, ollama_server: OllamaServer, monkeypatch: pytest.MonkeyPatch) -> Command:
    """`command` with OLLAMA_HOST."""
    monkeypatch.setenv("OLLAMA_HOST", ollama_server.url)
    return command


@pytest.fixture
def with_own_models(on_ollama: Command) -> Command:
    for name in (CHAT, EMBEDDER):
        assert on_ollama("models", "pull", name).code == 0
    return on_ollama


def test_a_model_of_ours_is_pulled_without_the_internet_as_often_as_one_likes(on_ollama: Command) -> None:
    for _ in range(2):
        ran = on_ollama("models", "pull", CHAT)
        assert ran.code == 0
        assert f"lorekeeper models use {CHAT}" in ran.err


def test_what_the_server_has_is_listed_with_what_it_is_fit_for(with_own_models: Command) -> None:
    assert with_own_models("models", "use", CHAT).code == 0
    listed = {each["name"]: each for each in with_own_models("models", "list", "--json").json}
    chat, embedder = listed[CHAT], listed[EMBEDDER]
    assert (chat["fit"], embedder["fit"]) == (["chat"], ["embedder"])
    assert (chat["in_use"], embedder["in_use"]) == (True, False)
    assert (chat["quantization"], chat["parameters"]) == ("Q4_1", 134_515_008)
    assert (chat["context_tokens"], embedder["context_tokens"]) == (8192, 512)
    assert not listed["smollm2-135m"]["in_use"]
    lines = [line.split("\t") for line in with_own_models("models", "list").lines]
    assert [CHAT, "chat", "in use", "98 MB"] in [line[:4] for line in lines]


def test_a_model_of_the_server_can_be_chosen_by_what_it_is_fit_for(with_own_models: Command) -> None:
    assert with_own_models("models", "use", EMBEDDER).code == 0
    assert with_own_models("models", "use", CHAT).code == 0
    in_use = {each["name"] for each in with_own_models("models", "list", "--json").json if each["in_use"]}
    assert in_use == {CHAT, EMBEDDER}


def test_a_model_that_is_nowhere_comes_with_the_exact_command(on_ollama: Command) -> None:
    ran = on_ollama("models", "use", "no-such-model")
    assert ran.code == 1
    assert "has no model no-such-model" in ran.err
    assert "lorekeeper models pull no-such-model" in ran.err
    assert on_ollama("ask", "When?").code == 1


def test_pulling_without_a_server_says_what_to_set(command: Command) -> None:
    ran = command("models", "pull", "qwen3:4b-instruct")
    assert ran.code != 0
    assert "OLLAMA_HOST" in ran.err


def test_a_pull_that_cannot_reach_the_registry_is_one_line(on_ollama: Command) -> None:
    """A registry on which nothing listens, as there is no network in a test."""
    (port,) = free_ports(1)
    ran = on_ollama("models", "pull", f"127.0.0.1:{port}/nobody/nothing:1b")
    assert ran.code == 1
    assert "cannot reach the model's registry" in ran.err


def test_a_server_that_is_away_is_named_and_the_others_are_listed(
    with_own_models: Command, ollama_server: OllamaServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    (port,) = free_ports(1)
    away = f"http://127.0.0.1:{port}"
    monkeypatch.setenv("OLLAMA_HOST", f"{away},{ollama_server.url}")
    listed = with_own_models("models", "list", "--json")
    assert listed.code == 1
    assert CHAT in {each["name"] for each in listed.json}
    assert away in listed.err
    doctored = with_own_models("doctor", "--json")
    finding = next(each for each in doctored.json if each["part"] == "ollama")
    assert not finding["ok"]
    assert away in finding["said"]


def test_doctor_knows_the_server_and_its_models(
    with_own_models: Command, ollama_server: OllamaServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOREKEEPER_CHAT_MODEL", CHAT)
    monkeypatch.setenv("LOREKEEPER_EMBEDDER", EMBEDDER)
    ran = with_own_models("doctor", "--json")
    findings = {each["part"]: each for each in ran.json}
    assert ran.code == 0, findings
    said = findings["ollama"]["said"]
    assert said.startswith(f"{ollama_server.url} is 0.17.4: {CHAT} ")
    assert said.count("loaded") == 2
    assert f"{CHAT} on ollama" in findings["language model"]["said"]
    assert f"{EMBEDDER} on ollama, 384 dimensions" in findings["embedder"]["said"]


def test_the_readmes_question_is_answered_on_ollama(
    with_own_models: Command, ollama_server: OllamaServer, own_household: Path
) -> None:
    """As a program of its own, the model writing the answer."""
    settings = {
        "OLLAMA_HOST": ollama_server.url,
        "LOREKEEPER_DATA_DIR": str(own_household),
        "LOREKEEPER_CHAT_MODEL": CHAT,
        "LOREKEEPER_ANSWER_MODE": "generated",
        "LOREKEEPER_ANSWER_TOKENS": "40",
        "LOREKEEPER_REPAIRS": "0",
        "LOREKEEPER_THREADS": "1",
    }
    ran = subprocess.run(
        [sys.executable, "-m", "bot", "ask", "--sample", "--json", "When did we replace our pool pump?"],
        env={**os.environ, **settings},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert ran.returncode == 0, ran.stderr
    answer = json.loads(ran.stdout)
    assert any("pump" in quote["text"].lower() for quote in answer["quotes"])
    wrote = next(model for model in answer["models"] if model["engine"] == "ollama")
    assert (wrote["name"], wrote["engine_version"]) == (CHAT, "0.17.4")
    assert len(wrote["digest"]) == 64


def test_what_is_embedded_on_ollama_is_found(
    with_own_models: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("LOREKEEPER_CHAT_MODEL", CHAT)
    monkeypatch.setenv("LOREKEEPER_EMBEDDER", EMBEDDER)
    (tmp_path / "pool.md").write_text("# Pool\n\nWe replaced the pool pump on 3 May 2024.\n")
    (tmp_path / "car.md").write_text("# Car\n\nThe car got winter tyres in November.\n")
    assert with_own_models("ingest", str(tmp_path / "pool.md"), str(tmp_path / "car.md")).code == 0
    ran = with_own_models("ask", "--json", "When did we replace the pool pump?")
    assert ran.code == 0, ran.err
    assert "3 May 2024" in ran.json["quotes"][0]["text"]
    assert {"ollama"} <= {model["engine"] for model in ran.json["models"]}
    monkeypatch.setenv("LOREKEEPER_EMBEDDER", "multilingual-e5-small")
    other = with_own_models("ask", "When did we replace the pool pump?")
    assert other.code != 0
    assert f"made with {EMBEDDER}" in other.err
    assert f"LOREKEEPER_EMBEDDER={EMBEDDER} keeps the old" in other.err
