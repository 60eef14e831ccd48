"""The command line itself: help, mistakes, exit codes, and what needs no model."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from bot.cli import app
from tests.bot.conftest import Command

HEAVY = (
    "langgraph",
    "lancedb",
    "pyarrow",
    "numpy",
    "sqlalchemy",
    "xllamacpp",
    "sklearn",
    "pydantic",
    "rich",
    "prompt_toolkit",
    "httpx",
)


def every_command(group: Any = None, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    for name, each in (group or typer.main.get_command(app)).commands.items():
        if hasattr(each, "commands"):
            yield from every_command(each, (*path, name))
        else:
            yield (*path, name), each


COMMANDS = dict(every_command())


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_every_command_has_help_with_an_example(path: tuple[str, ...], command: Command) -> None:
    found = COMMANDS[path]
    ran = command(*path, "--help")
    assert ran.code == 0
    assert f"lorekeeper {' '.join(path)}" in found.epilog
    assert "Example: " in ran.out
    assert all(parameter.help for parameter in found.params)


@pytest.mark.parametrize("start", [["-m", "bot"], ["-c", "from bot.__main__ import main; main()"]])
def test_help_imports_nothing_heavy(start: list[str]) -> None:
    ran = subprocess.run(
        [sys.executable, "-X", "importtime", *start, "--help"], capture_output=True, text=True
    )
    assert ran.returncode == 0
    imported = {line.rpartition("|")[2].strip().partition(".")[0] for line in ran.stderr.splitlines()}
    assert "typer" in imported
    assert imported.isdisjoint(HEAVY)


def test_completion_can_be_installed(command: Command) -> None:
    ran = command("--show-completion", "bash")
    assert ran.code == 0
    assert "_LOREKEEPER_COMPLETE" in ran.out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["catgories"], "Did you mean 'categories'?"),
        (["sources", "lst"], "Did you mean 'list'?"),
        (["ask"], "Give one question, or --file with many."),
        (["ask", "x", "--file", "y"], "Give one question, or --file with many."),
        (["ask", "--file", "x"], "add --json"),
        (["ask", "x", "--only", "route"], "add --json"),
        (["ask", "x", "--only", "answer", "--json"], "'answer'"),
        (["ask", "--file", "nowhere.jsonl", "--json"], "nowhere.jsonl cannot be read"),
        (["categories", "edit", "pool"], "Give --name, --description or both."),
        (["categories", "list", "--guild", "nowhere"], "There is no guild 'nowhere' here."),
        (["categories", "rename", "pool", "water"], "There is no category pool."),
        (["categories", "merge", "pool", "water"], "There is no category pool."),
        (["categories", "remove", "pool", "--yes"], "There is no category pool."),
        (["categories", "examples", "add", "pool", "Why?"], "There is no category 'pool'."),
        (["categories", "examples", "import", "nowhere.jsonl"], "nowhere.jsonl cannot be read"),
        (["sources", "remove", "nothing"], "There is no source nothing."),
        (["guilds", "remove", "nowhere", "--yes"], "There is no guild 'nowhere' here."),
    ],
)
def test_wrong_use_is_told_and_exits_with_2(
    arguments: list[str], said: str, command: Command, lent_models: None
) -> None:
    ran = command(*arguments)
    assert ran.code == 2
    assert said in " ".join(ran.err.split())
    assert ran.out == ""


def test_a_misspelt_setting_is_named_with_the_right_one(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOREKEEPER_LANGAUGE", "es")
    ran = command("sources", "list")
    assert ran.code == 2
    assert ran.err == (
        "lorekeeper: Unknown setting LOREKEEPER_LANGAUGE.\n  Did you mean LOREKEEPER_LANGUAGE?\n"
    )


def test_a_data_folder_that_cannot_be_is_one_clear_line(
    command: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("LOREKEEPER_DATA_DIR", str(tmp_path / "file" / "data"))
    ran = command("sources", "list")
    assert ran.code == 1
    assert ran.err.startswith(f"lorekeeper: {tmp_path}/file")
    assert len(ran.err.splitlines()) == 2


def test_run_without_a_token_says_where_to_get_one(command: Command) -> None:
    ran = command("run")
    assert ran.code == 2
    assert ran.err.startswith("lorekeeper: DISCORD_TOKEN is not set.")
    assert "https://discord.com/developers/applications" in ran.err


def test_version_is_printed_for_people_and_scripts(command: Command) -> None:
    assert command("version").out.startswith("lorekeeper 0.")
    assert set(command("version", "--json").json) >= {"lorekeeper", "langgraph", "python"}


def test_a_category_from_its_birth_to_its_end(command: Command) -> None:
    assert command("categories", "add", "Jardín y flores", "--description", "Plants").code == 0
    again = command("categories", "add", "Jardin y flores")
    assert (again.code, "already" in again.err) == (2, True)
    assert command("categories", "add", "Pool").code == 0
    assert command("categories", "edit", "pool", "--description", "Pump and filter").code == 0
    assert command("categories", "examples", "add", "pool", "How old is the pump?").code == 0
    assert command("categories", "rename", "pool", "water").code == 0
    rows = command("categories", "list", "--json").json
    assert [(row["slug"], row["name"], row["examples"]) for row in rows] == [
        ("jardin-y-flores", "Jardín y flores", 0),
        ("water", "Pool", 1),
    ]
    assert command("categories", "merge", "water", "jardin-y-flores").code == 0
    listed = command("categories", "examples", "list", "jardin-y-flores").lines
    assert listed == ["jardin-y-flores\tHow old is the pump?\tadmin"]
    assert command("categories", "remove", "jardin-y-flores", "--yes").code == 0
    assert command("categories", "list", "--json").json == []


def test_ten_thousand_examples_go_in_at_once_and_come_out_the_same(command: Command, tmp_path: Path) -> None:
    rows = [{"question": f"Question {number:05}\u2028¿sí?", "category": "pool"} for number in range(10_000)]
    given = tmp_path / "given.jsonl"
    given.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")
    command("categories", "add", "pool")
    ran = command("categories", "examples", "import", str(given))
    assert (ran.code, ran.err) == (0, "10000 read, 10000 new or changed.\n")
    assert command("categories", "examples", "import", str(given)).err.startswith("10000 read, 0 new")
    exported = command("categories", "examples", "export").out
    assert len(exported.split("\n")) == 10_001
    assert json.loads(exported.split("\n")[42]) == {"question": "Question 00042 ¿sí?", "category": "pool"}
    command("categories", "examples", "export", str(tmp_path / "out.jsonl"))
    assert (tmp_path / "out.jsonl").read_text("utf-8") == exported


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{", "line 2 is not JSON"),
        ("[" * 100_000, "line 2 is not JSON"),
        ("[1]", "line 2 is not an object"),
        ('{"question": "x"}', "line 2 lacks a question or a category"),
        ('{"question": "x", "category": "nothing"}', "There is no category 'nothing'"),
        ('{"question": " ", "category": "pool"}', "has no question"),
    ],
)
def test_one_bad_example_keeps_all_of_them_out(
    line: str, said: str, command: Command, tmp_path: Path
) -> None:
    command("categories", "add", "pool")
    given = tmp_path / "given.jsonl"
    given.write_text(f'{{"question": "Good?", "category": "pool"}}\n{line}\n', "utf-8")
    ran = command("categories", "examples", "import", str(given))
    assert ran.code == 2
    assert said in ran.err
    assert command("categories", "examples", "list", "--json").json == []


def test_a_file_that_is_not_utf_8_is_told_so(command: Command, tmp_path: Path) -> None:
    (tmp_path / "latin.jsonl").write_bytes('{"question": "¿Sí?"}'.encode("latin-1"))
    ran = command("ask", "--json", "--file", "latin.jsonl")
    assert (ran.code, "is not UTF-8" in ran.err) == (2, True)


def test_a_guild_is_added_listed_and_removed(command: Command) -> None:
    assert command("guilds", "add", "Chess Club").code == 0
    assert [row["guild"] for row in command("guilds", "list", "--json").json] == ["chess-club", "local"]
    assert command("guilds", "remove", "chess-club", "--yes").code == 0
    assert [row["guild"] for row in command("guilds", "list", "--json").json] == ["local"]
