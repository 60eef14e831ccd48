"""The commands `move`, `backup` and `restore` over the sample, on real back ends."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bot.conftest import Command
from tests.servers.postgres import PASSWORD

QUESTION = "When did we replace our pool pump?"


def answer(command: Command) -> str:
    text: str = command("ask", QUESTION, "--json").json["answer"]
    return text


def use(monkeypatch: pytest.MonkeyPatch, lines: list[str]) -> None:
    """What a person does with the lines for .env."""
    for line in lines:
        name, _, value = line.partition("=")
        monkeypatch.setenv(name, value)


def test_an_installation_moves_to_postgresql_and_back(
    in_own_home: Command, postgres_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    before, sources = answer(in_own_home), in_own_home("sources", "list", "--json").out

    ran = in_own_home("move", "--to", "postgresql", "--url", postgres_url)

    host = postgres_url.rpartition("@")[2]
    assert (ran.code, ran.out) == (0, f"DATABASE_URL=postgresql://lorekeeper:***@{host}\n")
    assert "1 episodes" in ran.err
    assert "untouched and still in use" in ran.err
    assert PASSWORD not in ran.err
    assert in_own_home("sources", "list", "--json").out == sources

    monkeypatch.setenv("DATABASE_URL", postgres_url)
    assert in_own_home("sources", "list", "--json").out == sources
    assert answer(in_own_home) == before
    refused = in_own_home("move", "--to", "sqlite")
    assert refused.code == 1
    assert "lorekeeper.db already holds" in refused.err

    (tmp_path / "household" / "lorekeeper.db").rename(tmp_path / "old.db")
    back = in_own_home("move", "--to", "sqlite")
    assert (back.code, back.out) == (0, "DATABASE_URL=\n")
    use(monkeypatch, back.lines)
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
    in_own_home: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    before = answer(in_own_home)
    assert in_own_home("models", "use", "smollm2-135m").code == 0
    folder = tmp_path / "backup"
    ran = in_own_home("backup", str(folder))
    assert (ran.code, ran.out) == (0, "")
    assert f"`lorekeeper restore {folder}` brings it back" in ran.err
    assert in_own_home("backup", str(tmp_path / "again"), "--json").json["index"]["dimension"] == 384

    monkeypatch.setenv("LOREKEEPER_DATA_DIR", str(tmp_path / "fresh"))
    ran = in_own_home("restore", str(folder), "--json")
    assert ran.json["passages_written"] > 50
    assert answer(in_own_home) == before
    refused = in_own_home("restore", str(folder))
    assert (refused.code, "already holds" in refused.err) == (1, True)

    monkeypatch.setenv("LOREKEEPER_DATA_DIR", str(folder))
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
