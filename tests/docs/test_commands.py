"""What the documents tell people to type exists, with those options, and each setting they name is one."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from tests.docs.commands import Written, commands, fault, unknown_settings

_ROOT: Final = Path(__file__).parents[2]
_DOCUMENTS: Final = [_ROOT / "README.md", _ROOT / "CONTRIBUTING.md", *sorted((_ROOT / "docs").glob("*.md"))]


@pytest.mark.parametrize("document", _DOCUMENTS, ids=lambda path: path.name)
def test_every_command_of_a_document_exists(document: Path) -> None:
    faults = [fault(each) for each in commands(document.read_text("utf-8"))]
    assert [each for each in faults if each] == []


@pytest.mark.parametrize("document", _DOCUMENTS, ids=lambda path: path.name)
def test_every_setting_of_a_document_is_one(document: Path) -> None:
    assert unknown_settings(document.read_text("utf-8")) == set()


def test_the_readme_has_commands() -> None:
    found = list(commands((_ROOT / "README.md").read_text("utf-8")))
    assert {each.whole for each in found} == {True, False}


@pytest.mark.parametrize(
    ("markdown", "arguments"),
    [
        ("```sh\nlorekeeper doctor --json | jq .  # all of it\n```", [["doctor", "--json"]]),
        ("```sh\ncd /opt/lorekeeper && .venv/bin/lorekeeper models \\\n  list\n```", [["models", "list"]]),
        ("```sh\nsudo -u lorekeeper /opt/x/bin/lorekeeper doctor\n```", [["doctor"]]),
        ("```sh\ndocker compose exec bot lorekeeper ask 'why?'\n```", [["ask", "why?"]]),
        (
            "```sh\ndocker compose run --rm -v ~/a:/a:ro bot ingest /a\n```",
            [["ingest", "/a"]],
        ),
        ("```sh\ndocker compose -f a.yaml run --rm bot doctor\ndocker compose up -d\n```", [["doctor"]]),
        ("```sh\nsudo systemctl restart lorekeeper\nsudo useradd --system lorekeeper\n```", []),
        ("```python\nlorekeeper doctor\n```", []),
        (
            "Say `lorekeeper doctor`, in `/etc/lorekeeper` or with `lorekeeper index`.",
            [["doctor"], ["index"]],
        ),
    ],
)
def test_commands_are_found(markdown: str, arguments: list[list[str]]) -> None:
    assert [list(each.arguments) for each in commands(markdown)] == arguments


@pytest.mark.parametrize(
    ("line", "whole", "said"),
    [
        ("doctor --json", True, ""),
        ("models list|use", False, ""),
        ("models list|fly", False, "there is no command fly"),
        ("fly", False, "there is no command fly"),
        ("fly", True, "there is no command fly"),
        ("doctor --fast", False, "there is no option --fast"),
        ("doctor --fast", True, "--fast"),
        ("doctor now", True, "now"),
        ("models install", False, ""),
        ("models install", True, "Missing argument"),
        ("categories add Pool --description Pump", True, ""),
        ("models study --questions many", True, "many"),
    ],
)
def test_what_is_wrong_with_a_command_is_said(line: str, whole: bool, said: str) -> None:
    found = fault(Written(arguments=tuple(line.split()), whole=whole))
    assert said in found if said else found == ""


def test_a_setting_that_is_none_is_found() -> None:
    assert unknown_settings("LOREKEEPER_DATA_DIR, LOREKEEPER_WEAVIATE_*, LOREKEEPER_DATA") == {
        "LOREKEEPER_DATA"
    }
