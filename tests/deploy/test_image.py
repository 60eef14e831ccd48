"""The Dockerfile and its context, checked by hadolint and by rules that are seen to fail on a broken copy."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import typer.main

from agent.settings import Settings, variable
from bot.cli import app
from tests.deploy.files import DOCKERFILE, DOCKERIGNORE, compose, stages
from tests.deploy.rules import copied, image_faults


def _hadolint(text: str) -> str:
    command = [str(Path(sys.executable).with_name("hadolint")), "-"]
    return subprocess.run(command, input=text, capture_output=True, text=True).stdout


def test_hadolint_finds_nothing() -> None:
    assert _hadolint(DOCKERFILE.read_text("utf-8")) == ""


def test_hadolint_finds_what_is_wrong() -> None:
    assert "DL3007" in _hadolint("FROM python:latest\n")


def test_no_rule_is_broken() -> None:
    assert image_faults(DOCKERFILE.read_text("utf-8"), DOCKERIGNORE.read_text("utf-8")) == []


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        (
            "FROM python:3.12.14-slim-bookworm AS",
            "FROM python:latest AS",
            "python:latest AS build: is not pinned",
        ),
        ("USER 10001:10001\n", "", "does not end as a user other than root, by number"),
        ("USER 10001:10001", "USER 0:0", "does not end as a user other than root, by number"),
        ("libgomp1", "libgomp1 gcc", "installs with gcc what the final image does not need"),
        ("COPY tuning tuning", "COPY tuned tuned", "copies tuned, which is not there"),
        ("COPY tuning tuning", "COPY docs docs", "copies docs, which .dockerignore leaves out"),
    ],
)
def test_each_rule_finds_what_breaks_it(old: str, new: str, fault: str) -> None:
    text = DOCKERFILE.read_text("utf-8")
    assert old in text
    assert fault in image_faults(text.replace(old, new), DOCKERIGNORE.read_text("utf-8"))


def test_an_install_without_hashes_is_found() -> None:
    broken = DOCKERFILE.read_text("utf-8").replace("--require-hashes", "")
    faults = image_faults(broken, DOCKERIGNORE.read_text("utf-8"))
    assert len([fault for fault in faults if fault.startswith("installs without hashes")]) == 2


def test_an_open_context_is_found() -> None:
    faults = image_faults(DOCKERFILE.read_text("utf-8"), ".env\n")
    assert "the context is not closed: .dockerignore has to begin with *" in faults


def test_every_room_is_copied() -> None:
    assert copied(DOCKERFILE.read_text("utf-8")) >= {"agent", "bot", "tuning"}


def test_the_commands_of_the_image_exist() -> None:
    last = {each.name: each.value for each in stages(DOCKERFILE.read_text("utf-8"))[-1]}
    commands = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    assert json.loads(last["ENTRYPOINT"]) == ["lorekeeper"]
    assert json.loads(last["CMD"])[0] in commands
    program, check = json.loads(last["HEALTHCHECK"].partition("CMD ")[2])
    assert program == "lorekeeper"
    assert check in commands


def test_the_data_folder_is_the_volume() -> None:
    text = DOCKERFILE.read_text("utf-8")
    folder = compose()["services"]["bot"]["environment"][variable("data_dir")]
    assert f"{variable('data_dir')}={folder}\n" in text
    assert f'VOLUME ["{folder}"]' in text
    assert f"bot-data:{folder}" in compose()["services"]["bot"]["volumes"]


def test_the_bots_health_is_served_where_it_is_asked() -> None:
    environment = compose()["services"]["bot"]["environment"]
    assert int(environment[variable("health_port")]) != 0
    assert Settings().health_port == 0, "then the image has nothing to ask where compose.yaml sets no port"
