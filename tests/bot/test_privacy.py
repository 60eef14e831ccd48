"""`lorekeeper privacy`, over an installation in which a member left something everywhere."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from agent.contracts import LOCAL_GUILD
from agent.privacy.logs import LOG_FOLDER
from agent.settings import Settings
from bot.logs import log_file
from tests.agent.knowledge.passages import HOME
from tests.agent.privacy.house import MEMBER, WORD, opened, plant, rows_with, settings_over
from tests.bot.conftest import Command

ABOUT = ("--member", MEMBER, "--guild", "home")


@pytest.fixture
def planted(tmp_path: Path) -> Settings:
    settings = settings_over(tmp_path / "data")

    async def make() -> None:
        async with opened(settings) as stores:
            for guild in (HOME, LOCAL_GUILD):
                await plant(stores, guild)

    asyncio.run(make())
    return settings


def _left(settings: Settings) -> dict[str, list[str]]:
    async def look() -> dict[str, list[str]]:
        async with opened(settings) as stores:
            return await rows_with(stores, WORD)

    return asyncio.run(look())


def test_show_counts_what_is_kept(planted: Settings, command: Command) -> None:
    shown = command("privacy", "show", *ABOUT, "--json").json

    assert shown["episodes"] == 1
    assert shown["feedback"] == 2
    assert shown["training"] == "off"
    assert command("privacy", "show", *ABOUT).lines[-1] == "training\toff"
    assert WORD not in command("privacy", "show", *ABOUT).out


def test_export_writes_one_document(planted: Settings, command: Command, tmp_path: Path) -> None:
    printed = command("privacy", "export", *ABOUT).json
    assert command("privacy", "export", "me.json", *ABOUT).code == 0
    written = json.loads((tmp_path / "me.json").read_text())

    assert printed | {"made_at": ""} == written | {"made_at": ""}
    assert printed["episodes"][0]["question"] == f"own {WORD}?"
    again = command("privacy", "export", "me.json", *ABOUT)
    assert again.code != 0
    assert "is there already" in again.err


def test_forget_asks_first(planted: Settings, command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("typer.confirm", _refuse)

    assert command("privacy", "forget", *ABOUT).code == 1
    assert "episodes" in _left(planted)


def _refuse(*_: object, abort: bool) -> None:
    import typer

    assert abort
    raise typer.Abort


def test_forget_says_what_went(planted: Settings, command: Command) -> None:
    (report,) = command("privacy", "forget", *ABOUT, "--yes", "--json").json

    assert report["guild"] == "home"
    assert report["removed"]["episodes"] == 1
    assert command("privacy", "show", *ABOUT, "--json").json["episodes"] == 0
    assert "episodes" in _left(planted), "the other guild was not asked"


def test_forget_everywhere_reaches_every_guild(planted: Settings, command: Command) -> None:
    ran = command("privacy", "forget", "--member", MEMBER, "--everywhere", "--yes")

    assert {line.split("\t")[0] for line in ran.lines} == {"home", "local"}
    assert "docs/privacy.md" in ran.err
    assert _left(planted) == {}


@pytest.mark.parametrize("switch", ["on", "off"])
def test_training_is_switched(command: Command, switch: str) -> None:
    assert command("privacy", "training", switch).code == 0

    assert command("privacy", "show", "--json").json["training"] == switch


def test_who_switches_training_off_leaves_the_data_sets(planted: Settings, command: Command) -> None:
    def own_items() -> list[str]:
        items = map(json.loads, _left(planted)["dataset_items"])
        return [item["guild"] for item in items if MEMBER in item["body"]["label"]["members"]]

    assert sorted(own_items()) == [HOME, LOCAL_GUILD]

    assert command("privacy", "training", "off", *ABOUT).code == 0

    assert own_items() == [LOCAL_GUILD]


@pytest.mark.parametrize("words", [("show",), ("export",), ("forget", "--yes"), ("training", "on")])
def test_an_unknown_guild_is_refused_in_one_line(command: Command, words: tuple[str, ...]) -> None:
    ran = command("privacy", *words, "--guild", "nowhere")

    assert ran.code != 0
    assert "There is no guild 'nowhere' here." in ran.err


def test_the_log_is_where_privacy_looks_for_it(tmp_path: Path) -> None:
    assert log_file(Settings(data_dir=tmp_path)).parent == tmp_path / LOG_FOLDER
