"""The commands `move`, `backup` and `restore` over the sample, on real back ends."""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.agent.knowledge.factories import discard, new_alias
from tests.bot.conftest import Command
from tests.servers.postgres import PASSWORD, PostgresServer
from tests.servers.weaviate import WeaviateServer

DOCUMENT: Final = Path(__file__).parents[2] / "docs" / "moving.md"
FOLDER: Final = "LOREKEEPER_DATA_DIR"

QUESTION = "When did we replace our pool pump?"


def answer(command: Command) -> str:
    text: str = command("ask", QUESTION, "--json").json["answer"]
    return text


def lend_prepared(folder: Path, household: Path) -> None:
    """What is worked out of the models for every new data folder, in half a minute."""
    ignored = shutil.ignore_patterns("use.json")
    shutil.copytree(household / "models", folder / "models", ignore=ignored, dirs_exist_ok=True)


def use(monkeypatch: pytest.MonkeyPatch, lines: list[str]) -> None:
    """What a person does with the lines for .env."""
    for line in lines:
        name, _, value = line.partition("=")
        monkeypatch.setenv(name, value)


@pytest.fixture
def weaviate_url(weaviate_server: WeaviateServer) -> str:
    return f"{weaviate_server.url}?grpc_port={weaviate_server.grpc_port}"


@pytest.fixture
def collection(weaviate_server: WeaviateServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A collection of one's own, which the settings name."""
    name = new_alias()
    monkeypatch.setenv("LOREKEEPER_WEAVIATE_COLLECTION", name)
    yield name
    discard(weaviate_server, name)


def test_an_installation_moves_to_servers_and_back(
    in_own_home: Command,
    collection: str,
    weaviate_url: str,
    postgres_url: str,
    monkeypatch: pytest.MonkeyPatch,
    own_household: Path,
    tmp_path: Path,
) -> None:
    before, sources = answer(in_own_home), in_own_home("sources", "list", "--json").out

    to_servers = ["--to", "weaviate", "--to", "postgresql", "--url", postgres_url, "--url", weaviate_url]
    ran = in_own_home("move", *to_servers)

    host = postgres_url.rpartition("@")[2]
    expected = [f"WEAVIATE_URL={weaviate_url}", f"DATABASE_URL=postgresql://lorekeeper:***@{host}"]
    assert (ran.code, ran.lines) == (0, expected)
    assert "1 episodes" in ran.err
    assert "untouched and still in use" in ran.err
    assert PASSWORD not in ran.err
    assert in_own_home("sources", "list", "--json").out == sources

    use(monkeypatch, [expected[0], f"DATABASE_URL={postgres_url}"])
    assert in_own_home("sources", "list", "--json").out == sources
    assert answer(in_own_home) == before
    refused = in_own_home("move", "--to", "sqlite")
    assert (refused.code, "lorekeeper.db already holds" in refused.err) == (1, True)

    monkeypatch.setenv(FOLDER, str(tmp_path / "back"))
    back = in_own_home("move", "--to", "sqlite", "--to", "lancedb")
    assert (back.code, back.lines) == (0, ["WEAVIATE_URL=", "DATABASE_URL="])
    use(monkeypatch, back.lines)
    lend_prepared(tmp_path / "back", own_household)
    assert in_own_home("sources", "list", "--json").out == sources
    assert answer(in_own_home) == before


def test_the_address_may_come_from_the_environment(
    command: Command, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    command("categories", "add", "Pool")
    monkeypatch.setenv("MOVE_URL", postgres_url)
    ran = command("move", "--to", "postgresql", "--json")
    assert ran.code == 0
    assert {(part["guild"], part["table"]): part["rows"] for part in ran.json["parts"]} == {
        ("", "guilds"): 1,
        ("local", "categories"): 1,
    }
    assert ran.json["rows_written"] == 2
    assert command("move", "--to", "postgresql", "--json").json["rows_written"] == 0


def test_a_backup_opens_and_comes_back(
    in_own_home: Command, monkeypatch: pytest.MonkeyPatch, own_household: Path, tmp_path: Path
) -> None:
    before = answer(in_own_home)
    assert in_own_home("models", "use", "smollm2-135m").code == 0
    folder, fresh = tmp_path / "backup", tmp_path / "fresh"
    ran = in_own_home("backup", str(folder))
    assert (ran.code, ran.out) == (0, "")
    assert f"`lorekeeper restore {folder}` brings it back" in ran.err
    assert in_own_home("backup", str(tmp_path / "again"), "--json").json["index"]["dimension"] == 384

    monkeypatch.setenv(FOLDER, str(fresh))
    ran = in_own_home("restore", str(folder), "--json")
    assert ran.json["passages_written"] > 50
    refused = in_own_home("restore", str(folder))
    assert (refused.code, "already holds" in refused.err) == (1, True)

    for each in (fresh, folder):
        lend_prepared(each, own_household)
        monkeypatch.setenv(FOLDER, str(each))
        assert answer(in_own_home) == before


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["move"], "--to"),
        (["move", "--to", "nowhere"], "There is no nowhere to move to."),
        (["move", "--to", "weaviate"], "Where is weaviate?"),
        (["move", "--to", "sqlite"], "lorekeeper.db already."),
        (["restore", "nowhere"], "There is no backup in nowhere."),
        (["backup", "data"], "data is the data folder itself."),
    ],
)
def test_wrong_use_is_told(arguments: list[str], said: str, command: Command) -> None:
    ran = command(*arguments)
    assert ran.code == 2
    assert said in " ".join(ran.err.split())
    assert ran.out == ""


def test_a_server_that_is_not_there_is_named(command: Command) -> None:
    ran = command("move", "--to", "postgresql", "--url", "postgresql://lore:secret@127.0.0.1:1/lore")
    assert ran.code == 1
    assert "127.0.0.1:1/lore cannot be reached: nothing listens there." in ran.err
    assert "secret" not in ran.err


def test_every_command_of_the_document_works(
    command: Command,
    collection: str,
    weaviate_url: str,
    postgres_server: PostgresServer,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    first, second = postgres_server.create_database(), postgres_server.create_database()
    addresses = {
        "http://localhost:8080": weaviate_url,
        "postgresql://lorekeeper:PASSWORD@localhost:5432/lorekeeper": first,
        "postgresql://localhost/lorekeeper": second,
        "~/backups/2026-11-22": str(tmp_path / "backup"),
    }
    before = {
        "lancedb": [f"WEAVIATE_URL={weaviate_url}", f"DATABASE_URL={second}", f"{FOLDER}={tmp_path}/back"],
        "backup": ["WEAVIATE_URL=", "DATABASE_URL="],
        "restore": [f"{FOLDER}={tmp_path}/restored"],
    }
    lines = [line for line in DOCUMENT.read_text("utf-8").splitlines() if line.startswith("lorekeeper ")]
    command("categories", "add", "Pool")
    for line in lines:
        arguments = [addresses.get(word, word) for word in shlex.split(line)[1:]]
        use(monkeypatch, [setting for word in arguments for setting in before.get(word, [])])
        ran = command(*arguments)
        assert ran.code == 0, (line, ran.err)
    assert [line.split()[1] for line in lines] == ["move"] * 4 + ["backup", "restore"]
    assert [row["slug"] for row in command("categories", "list", "--json").json] == ["pool"]
