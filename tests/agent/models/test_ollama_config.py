"""What is decided about Ollama servers without asking one."""

from __future__ import annotations

import math

import pytest

from agent.errors import (
    ConfigurationError,
    ModelBrokenError,
    ModelBusyError,
    ModelError,
    ModelMissingError,
)
from agent.models._ollama.config import addresses_of, canonical, check_version, patience_within
from agent.models._ollama.errors import TooLongError, pull_refusal, refusal
from agent.models._ollama.server import FirstTokens
from agent.models._ollama.texts import texts_of
from agent.models.ollama import renormalised
from agent.models.protocol import EmbedKind


@pytest.mark.parametrize(
    ("setting", "addresses"),
    [
        ("", ()),
        ("http://localhost:11434", ("http://localhost:11434",)),
        ("localhost", ("http://localhost:11434",)),
        ("gpu.lan:1234", ("http://gpu.lan:1234",)),
        ("http://gpu.lan", ("http://gpu.lan:80",)),
        ("https://gpu.lan/ollama/", ("https://gpu.lan:443/ollama",)),
        ("0.0.0.0", ("http://127.0.0.1:11434",)),
        (":5000", ("http://127.0.0.1:5000",)),
        ("[::1]:5000", ("http://[::1]:5000",)),
        (" a , b:1 ,, a ", ("http://a:11434", "http://b:1")),
    ],
)
def test_addresses_are_read_as_ollama_reads_them(setting: str, addresses: tuple[str, ...]) -> None:
    assert addresses_of(setting) == addresses


@pytest.mark.parametrize("setting", ["ftp://gpu", " , ", "http://", "gpu:notaport", "gpu:99999999"])
def test_a_bad_address_is_one_clear_line(setting: str) -> None:
    with pytest.raises(ConfigurationError, match="OLLAMA_HOST has the address") as caught:
        addresses_of(setting)
    assert "\n" not in str(caught.value)


def test_a_password_in_an_address_is_refused_and_not_repeated() -> None:
    with pytest.raises(ConfigurationError) as caught:
        addresses_of("http://me:secret@gpu.lan")
    assert "OLLAMA_API_KEY" in str(caught.value)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("version", ["0.12.11", "0.12.11-rc1", "0.17.4", "1.0", "0.0.0"])
def test_a_version_that_tells_log_probabilities_will_do(version: str) -> None:
    check_version("http://a", version)


@pytest.mark.parametrize("version", ["0.12.10", "0.6.5", "0.0.1", "0.9"])
def test_an_older_version_is_refused(version: str) -> None:
    with pytest.raises(ModelError, match=rf"http://a is {version}; 0\.12\.11 is the oldest"):
        check_version("http://a", version)


@pytest.mark.parametrize(
    ("name", "same"),
    [
        ("qwen3", "qwen3:latest"),
        ("Qwen3:4B", "qwen3:4b"),
        ("library/qwen3:4b", "qwen3:4b"),
        ("registry.ollama.ai/library/qwen3", "qwen3:latest"),
        ("host:5000/me/model", "host:5000/me/model:latest"),
        ("lorekeeper/smollm2:135m", "lorekeeper/smollm2:135m"),
    ],
)
def test_names_that_ollama_takes_for_one_are_one(name: str, same: str) -> None:
    assert canonical(name) == same


@pytest.mark.parametrize("deadline", [1.0, 4.5, 60.0, 600.0])
def test_every_wait_ends_within_the_deadline(deadline: float) -> None:
    patience = patience_within(deadline)
    dead = patience.missed_pings * (patience.silence + patience.ping)
    assert dead + patience.connect < deadline / 2
    assert max(patience.load, patience.busy) < deadline


@pytest.mark.parametrize(
    ("status", "said", "kind", "shown"),
    [
        (404, "model 'm' not found", ModelMissingError, "has no model m"),
        (404, "404 page not found", ModelError, "is not Ollama"),
        (503, "server busy, please try again.", ModelBusyError, "is busy"),
        (400, "the input length exceeds the context length", TooLongError, "more tokens than m reads"),
        (400, '"m" does not support chat', ModelError, "does not support chat"),
        (401, "unauthorized", ModelError, "refuses us"),
        (500, "llama runner process has terminated: signal: killed", ModelBusyError, "lost m"),
        (-1, "an error was encountered while running the model: unexpected EOF", ModelBusyError, "lost m"),
        (500, "model requires more system memory (9 GiB) than is available", ModelError, "does not fit"),
        (500, "failed to initialize model: loras are not yet implemented", ModelBrokenError, "this family"),
        (500, "write /x: no space left on device", ModelError, "disk of Ollama"),
        (500, "something\nelse", ModelError, "failed: something else"),
    ],
)
def test_what_a_server_says_becomes_one_line_of_ours(
    status: int, said: str, kind: type[ModelError], shown: str
) -> None:
    error = refusal("http://a", "m", status, said)
    assert type(error) is kind or (kind is ModelBusyError and isinstance(error, kind))
    assert shown in str(error)
    assert "http://a" in str(error) or kind is TooLongError
    assert "\n" not in str(error)


def test_a_missing_model_comes_with_the_exact_command() -> None:
    assert refusal("http://a", "x/y:1", 404, "model 'x/y:1' not found").hint == (
        "Run: lorekeeper models pull x/y:1"
    )


@pytest.mark.parametrize(
    ("said", "kind", "shown"),
    [
        ("pull model manifest: file does not exist", ModelMissingError, "no model m to pull"),
        ('Get "https://r": dial tcp: lookup r: no such host', ModelError, "cannot reach"),
        ("max retries exceeded: i/o timeout", ModelError, "cannot reach"),
        ("other", ModelError, "other"),
    ],
)
def test_why_a_pull_failed_is_told(said: str, kind: type[ModelError], shown: str) -> None:
    error = pull_refusal("http://a", "m", ModelError(said))
    assert type(error) is kind
    assert shown in str(error)


@pytest.mark.parametrize(
    ("model", "query", "passage"),
    [
        ("multilingual-e5-large:q8", "query: x", "passage: x"),
        ("jeffh/intfloat-e5-base-v2:f16", "query: x", "passage: x"),
        ("yxchia/multilingual_e5_small", "query: x", "passage: x"),
        ("nomic-embed-text:v1.5", "search_query: x", "search_document: x"),
        ("embeddinggemma:300m", "task: search result | query: x", "title: none | text: x"),
        ("snowflake-arctic-embed2", "query: x", "x"),
        ("mxbai-embed-large", "Represent this sentence for searching relevant passages: x", "x"),
        ("bge-m3", "x", "x"),
        ("all-minilm:l6-v2", "x", "x"),
        ("granite-embedding:278m", "x", "x"),
    ],
)
def test_prefixes_are_those_that_the_model_was_trained_with(model: str, query: str, passage: str) -> None:
    assert texts_of(model).of("x", EmbedKind.QUERY) == query
    assert texts_of(model).of("x", EmbedKind.PASSAGE) == passage


@pytest.mark.parametrize("model", ["multilingual-e5-large-instruct", "qwen3-embedding:0.6b"])
def test_instructed_models_get_an_instruction_before_a_question_only(model: str) -> None:
    assert texts_of(model).of("x", EmbedKind.QUERY).startswith("Instruct: ")
    assert texts_of(model).of("x", EmbedKind.PASSAGE) == "x"


@pytest.mark.parametrize(
    ("model", "given"),
    [
        ("lorekeeper/all-minilm:l6-v2", ' Cuando - "si"...'),
        ("nomic-embed-text", 'search_query:  Cuando - "si"...'),
        ("nomic-embed-text-v2-moe", "search_query: ¿Cuándo – «sí»…"),
        ("bge-m3", "¿Cuándo – «sí»…"),
    ],
)
def test_uncased_bert_is_given_nothing_that_ollama_would_not_know(model: str, given: str) -> None:
    assert texts_of(model).of("¿Cuándo – «sí»…", EmbedKind.QUERY) == given


TOKENS = FirstTokens(
    likeliest={"A": math.log(0.6), "(": math.log(0.2), "B": math.log(0.1)}, others=math.log(0.1)
)


@pytest.mark.parametrize(
    ("labels", "probabilities"),
    [
        (("A", "B"), (6 / 7, 1 / 7)),
        (("B", "A"), (1 / 7, 6 / 7)),
        (("A",), (1.0,)),
        # What is not told shares what is left, and is never likelier than the least that is told.
        (("A", "C"), (6 / 7, 1 / 7)),
        (("A", "C", "D"), (6 / 7, 1 / 14, 1 / 14)),
        (("C", "D"), (1 / 2, 1 / 2)),
    ],
)
def test_likelihoods_are_of_the_labels_among_each_other(
    labels: tuple[str, ...], probabilities: tuple[float, ...]
) -> None:
    assert [math.exp(each) for each in renormalised(TOKENS, labels)] == pytest.approx(probabilities)
