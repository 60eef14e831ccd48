"""What the log holds, and above all what it does not."""

from __future__ import annotations

import json
import logging
import os
import re
import secrets
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import ollama
import pytest
import weaviate
from pydantic import SecretStr
from sqlalchemy import text
from weaviate.classes.config import DataType, Property

from agent.contracts import EpisodeId, GuildId
from agent.database.engine import open_database
from agent.errors import IngestError, ModelError, StoreError, UsageError
from agent.meter import Meter, answering
from tests.bot.conftest import Start
from tests.servers.fixtures import SMOLLM2
from tests.servers.ollama import OllamaServer
from tests.servers.weaviate import WeaviateServer

_ASKED = Meter(episode=EpisodeId("0199-ab"), guild=GuildId("g1"))
_OURS = logging.getLogger("agent.somewhere")


def _last(read: Callable[[], str]) -> dict[str, Any]:
    line: dict[str, Any] = json.loads(read().splitlines()[-1])
    return line


def test_a_line_says_when_where_and_of_which_episode_and_guild(start: Start) -> None:
    read = start()
    with answering(_ASKED):
        _OURS.info("question ended", extra={"outcome": "declined", "total": 12.5})
    line = _last(read)
    assert line.pop("time").endswith("+00:00")
    assert line == {
        "level": "INFO",
        "logger": "agent.somewhere",
        "process": os.getpid(),
        "episode": "0199-ab",
        "guild": "g1",
        "message": "question ended",
        "outcome": "declined",
        "total": 12.5,
    }
    _OURS.info("between two questions")
    assert "episode" not in _last(read)


def test_the_fields_are_the_documented_ones(start: Start) -> None:
    read = start()
    with answering(_ASKED):
        _OURS.error("question ended", extra={"outcome": "failed"}, exc_info=KeyError("x"))
    page = (Path(__file__).parents[2] / "docs" / "observability.md").read_text("utf-8")
    table = page.partition("<!-- fields -->")[2].partition("<!-- /fields -->")[0]
    assert re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE) == list(_last(read))


def test_text_has_the_same_on_one_line(start: Start) -> None:
    read = start(log_format="text")
    with answering(_ASKED):
        _OURS.warning("two\nlines")
    (line,) = read().splitlines()
    assert line.endswith(
        f"WARNING agent.somewhere [process={os.getpid()} episode=0199-ab guild=g1] two\\nlines"
    )


@pytest.mark.parametrize(
    ("level", "said"),
    [
        (
            "debug",
            {"our debug", "our info", "our warning", "their %s debug", "their %s info", "their %s warning"},
        ),
        ("info", {"our info", "our warning", "their %s warning"}),
        ("warning", {"our warning", "their %s warning"}),
        ("error", set()),
    ],
)
def test_libraries_are_heard_from_warnings_on_unless_everything_is_wanted(
    start: Start, level: str, said: set[str]
) -> None:
    read = start(log_level=level, log_to="file")
    _OURS.error("the file is there")
    for name in ("debug", "info", "warning"):
        getattr(_OURS, name)(f"our {name}")
        getattr(logging.getLogger("their.module"), name)(f"their %s {name}", "x")
    assert {json.loads(line)["message"] for line in read().splitlines()} == said | {"the file is there"}


def test_standard_error_gets_it_and_no_file_is_made(
    start: Start, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    start(log_to="stderr")
    _OURS.warning("for the collector")
    assert json.loads(capsys.readouterr().err)["message"] == "for the collector"
    assert not (tmp_path / "logs").exists()


@pytest.mark.parametrize(
    ("error", "shown"),
    [
        (
            StoreError("Weaviate at http://w:8080 does not answer."),
            "Weaviate at http://w:8080 does not answer.",
        ),
        (UsageError("There is no category marker."), "UsageError"),
        (IngestError("marker.txt is empty."), "IngestError"),
        (ModelError("The model broke the schema: 'marker' is no number."), "ModelError"),
        (KeyError("marker"), "KeyError"),
    ],
)
def test_an_error_is_told_in_full_only_when_it_cannot_quote_anybody(
    start: Start, error: Exception, shown: str
) -> None:
    read = start()
    try:
        try:
            raise error
        except type(error) as cause:
            raise RuntimeError("while marker") from cause
    except RuntimeError as outer:
        _OURS.error("question failed error_id=%s: %s", "ab12", error, exc_info=outer)
    line = _last(read)
    assert line["message"] == f"question failed error_id=ab12: {shown}"
    assert "marker" not in read()
    lines = line["error"].splitlines()
    assert shown in lines
    assert lines[-1] == "RuntimeError"
    assert any(f"{Path(__file__).name}:" in each for each in lines)


def test_what_was_written_is_logged_when_that_is_asked_for(start: Start) -> None:
    read = start(log_text=True)
    logging.getLogger("discord.gateway").debug("received marker-1")
    _OURS.error("failed: %s", UsageError("marker-2"), exc_info=KeyError("marker-3"))
    assert all(f"marker-{number}" in read() for number in (1, 2, 3))


def test_nothing_that_a_library_says_beyond_its_fixed_words(start: Start) -> None:
    read = start()
    theirs = logging.getLogger("discord.gateway")
    theirs.debug("For Shard ID %s: WebSocket Event: %s", 0, {"content": "marker"})
    theirs.debug("received " + "marker")
    theirs.warning("strange payload", extra={"payload": "marker"})
    theirs.error("failed", exc_info=ValueError("marker"))
    warnings.warn("marker is deprecated", UserWarning, stacklevel=1)
    assert "marker" not in read()
    messages = [json.loads(line)["message"] for line in read().splitlines()]
    assert messages[:2] == ["For Shard ID %s: WebSocket Event: %s", "(withheld)"]


async def test_the_libraries_in_use_keep_it_to_themselves(
    start: Start, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    read = start()
    caplog.set_level(logging.DEBUG, "sqlalchemy.engine")
    database = await open_database(tmp_path / "lorekeeper.db")
    async with database.read() as connection:
        await connection.execute(text("SELECT :question"), {"question": "marker"})
    await database.close()
    answers = httpx.MockTransport(lambda _: httpx.Response(200, json={"said": "marker"}))
    async with httpx.AsyncClient(transport=answers) as client:
        await client.post("http://ollama.test/api?q=marker", json={"prompt": "marker"})
    heard = {json.loads(line)["logger"].partition(".")[0] for line in read().splitlines()}
    assert {"sqlalchemy", "httpx"} <= heard
    assert "marker" not in read()


async def test_the_clients_of_the_servers_keep_it_to_themselves(
    start: Start, weaviate_server: WeaviateServer, ollama_server: OllamaServer, postgres_url: str
) -> None:
    """On the real servers, with everything that the clients and what is under them say."""
    read = start()
    database = await open_database(postgres_url)
    async with database.read() as connection:
        await connection.execute(text("SELECT CAST(:question AS TEXT)"), {"question": "zyxw"})
    await database.close()
    address = urlsplit(weaviate_server.url)
    assert address.hostname is not None
    async with weaviate.use_async_with_local(
        address.hostname, address.port or 0, weaviate_server.grpc_port, skip_init_checks=True
    ) as client:
        collection = await client.collections.create(
            "Logged" + secrets.token_hex(4), properties=[Property(name="text", data_type=DataType.TEXT)]
        )
        await collection.data.insert({"text": "zyxw"})
        assert (await collection.query.bm25("zyxw")).objects
        await client.collections.delete(collection.name)
    reply = await ollama.AsyncClient(ollama_server.url).generate(SMOLLM2, "zyxw", options={"num_predict": 1})
    assert reply.done
    heard = {json.loads(line)["logger"].partition(".")[0] for line in read().splitlines()}
    assert {"httpx", "httpcore"} <= heard
    assert "zyxw" not in read().casefold()


@pytest.mark.parametrize("with_text", [False, True])
@pytest.mark.parametrize(
    ("said", "logged"),
    [
        (
            "connect to postgresql://bot:hunter2@db:5432/lore?ssl=on",
            "connect to postgresql://***@db:5432/lore?ssl=on",
        ),
        ("GET http://w:8080/v1?api_key=hunter2&limit=3", "GET http://w:8080/v1?api_key=***&limit=3"),
        ("POST /webhooks/12/hunter2/messages", "POST /webhooks/12/***/messages"),
        ("Authorization: Bearer hunter2hunter2hunter2", "Authorization: Bearer ***"),
        ("the key is s3cr3t-key", "the key is ***"),
        ("password of the database: p@ss w/rd", "password of the database: ***"),
        ("and as it stands there: p%40ss%20w%2Frd", "and as it stands there: ***"),
        (
            "a question? token: none, http://w:8080/v1?limit=3",
            "a question? token: none, http://w:8080/v1?limit=3",
        ),
    ],
)
def test_secrets_are_never_logged(start: Start, with_text: bool, said: str, logged: str) -> None:
    read = start(
        log_text=with_text,
        weaviate_api_key=SecretStr("s3cr3t-key"),
        database_url=SecretStr("postgresql://bot:p%40ss%20w%2Frd@db/lore"),
    )
    _OURS.warning("%s", said, extra={"again": said})
    assert (_last(read)["message"], _last(read)["again"]) == (logged, logged)


def test_whole_questions_at_debug_leave_no_word_in_the_log(asked_folder: Path, tmp_path: Path) -> None:
    """In a process of its own, so that what C libraries write to standard error is seen too."""
    asked = ["What did Zyxwmarker paint?", "When did we replace our pool pump?"]
    questions = tmp_path / "questions.jsonl"
    questions.write_text("".join(json.dumps({"question": each}) + "\n" for each in asked), "utf-8")
    ran = subprocess.run(
        [sys.executable, "-m", "bot", "ask", "--json", "--file", str(questions)],
        capture_output=True,
        text=True,
        timeout=120,
        cwd=tmp_path,
        env=os.environ
        | {
            "LOREKEEPER_DATA_DIR": str(asked_folder),
            "LOREKEEPER_THREADS": "1",
            "LOREKEEPER_LOG_LEVEL": "debug",
            "LOREKEEPER_LOG_TO": "stderr",
            "LOREKEEPER_LOG_FORMAT": "json",
        },
    )
    assert ran.returncode == 0, ran.stderr[-2000:]
    answers = [json.loads(line) for line in ran.stdout.splitlines()]
    quoted = [quote["text"] for quote in answers[1]["quotes"]]
    assert quoted
    logged = ran.stderr.casefold()
    for private in ("Zyxwmarker", "pool pump", *asked, *(each["answer"] for each in answers), *quoted):
        assert private.casefold() not in logged
    lines = [json.loads(line) for line in ran.stderr.splitlines() if line.startswith("{")]
    ended = [(line["episode"], line["outcome"]) for line in lines if line["message"] == "question ended"]
    assert ended == [(each["episode"], each["kind"]) for each in answers]
