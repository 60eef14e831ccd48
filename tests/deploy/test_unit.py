"""The systemd unit is sound to systemd, closed to what it does not need, and starts commands that exist."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import typer.main

from agent.settings import Settings, variable
from bot.cli import app
from tests.deploy.files import UNIT, unit

_EXPOSURE = 2.0
"""Of 10, as `systemd-analyze security` counts; half of what is left is that it uses the network."""


def _analyze(*arguments: str) -> subprocess.CompletedProcess[str]:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed")
    return subprocess.run(["systemd-analyze", *arguments], capture_output=True, text=True)


def _installed(folder: Path, text: str) -> str:
    """Return the path of the unit with a program that is here."""
    path = folder / "lorekeeper.service"
    path.write_text(text.replace("/opt/lorekeeper/.venv/bin/lorekeeper", "/bin/true"), "utf-8")
    return str(path)


def test_systemd_takes_the_unit(tmp_path: Path) -> None:
    done = _analyze("verify", _installed(tmp_path, UNIT.read_text("utf-8")))
    assert (done.returncode, done.stderr) == (0, "")


def test_systemd_finds_a_misspelt_directive(tmp_path: Path) -> None:
    broken = UNIT.read_text("utf-8").replace("ProtectSystem", "ProtectSistem")
    assert "'ProtectSistem'" in _analyze("verify", _installed(tmp_path, broken)).stderr


def test_the_unit_is_closed_to_what_it_does_not_need() -> None:
    assert _exposure(str(UNIT)) <= _EXPOSURE


def test_the_exposure_counts_what_is_taken_away(tmp_path: Path) -> None:
    opened = re.sub(r"^(Protect|Restrict|SystemCall|Capability).*\n", "", UNIT.read_text("utf-8"), flags=re.M)
    assert _exposure(_installed(tmp_path, opened)) > _EXPOSURE


def _exposure(path: str) -> float:
    said = _analyze("security", "--offline=true", "--no-pager", path).stdout
    found = re.search(r"Overall exposure level for \S+: ([\d.]+)", said)
    assert found, said
    return float(found[1])


def test_the_command_and_the_settings_are_real() -> None:
    directives = unit(UNIT.read_text("utf-8"))
    program, command = directives["ExecStart"][0].split()
    assert Path(program).name == "lorekeeper"
    assert command in typer.main.get_command(app).commands  # type: ignore[attr-defined]
    names = [pair.partition("=")[0] for pair in directives["Environment"][0].split()]
    settings = {variable(field) for field in Settings.model_fields}
    assert {name for name in names if name.startswith("LOREKEEPER_")} <= settings


def test_what_it_keeps_is_in_the_folder_that_systemd_makes() -> None:
    directives = unit(UNIT.read_text("utf-8"))
    assert directives["StateDirectory"] == ["lorekeeper"]
    assert "LOREKEEPER_DATA_DIR=/var/lib/lorekeeper" in directives["Environment"][0].split()


def test_the_bot_has_time_to_finish_what_it_answers() -> None:
    assert int(unit(UNIT.read_text("utf-8"))["TimeoutStopSec"][0]) > Settings().discord_stop_seconds


def test_a_mistake_in_the_settings_is_not_tried_again() -> None:
    from bot.reports import WRONG_USE

    directives = unit(UNIT.read_text("utf-8"))
    assert directives["Restart"] == ["on-failure"]
    assert directives["RestartPreventExitStatus"] == [str(WRONG_USE)]
