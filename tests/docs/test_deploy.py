"""docs/deploy.md speaks of the versions that are deployed, and of lines that the program says."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pytest

from tests.deploy.files import COMPOSE, DOCKERFILE, NODE

_ROOT: Final = Path(__file__).parents[2]
_TEXT: Final = (_ROOT / "docs" / "deploy.md").read_text("utf-8")
_IMAGE: Final = re.compile(
    r"\b(?:[\w.]+/)*(?:ollama|weaviate|postgres|python|prometheus|grafana):v?\d[\w.-]*[\w]"
)
_TABLE: Final = re.compile(r"^\| doctor says \|.*\n\|.*\n((?:\|.*\n)+)", re.MULTILINE)


def _said_by_doctor() -> list[str]:
    table = _TABLE.search(_TEXT)
    assert table
    return re.findall(r"^\| `([^`]+)` \|", table[1], re.MULTILINE)


def test_the_images_are_those_that_are_deployed() -> None:
    deployed = "".join(path.read_text("utf-8") for path in (COMPOSE, NODE, DOCKERFILE))
    named = set(_IMAGE.findall(_TEXT))
    assert len(named) > 5
    assert {image for image in named if image.removesuffix("-rocm") not in deployed} == set()


@pytest.mark.parametrize("line", _said_by_doctor())
def test_what_doctor_is_said_to_say_is_in_the_program(line: str) -> None:
    rooms = (path for room in ("agent", "bot") for path in (_ROOT / room).rglob("*.py"))
    assert any(line in path.read_text("utf-8") for path in rooms)


def test_each_file_that_it_names_is_there() -> None:
    links = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", _TEXT)
    files = re.findall(r"\bdeploy/[\w.-]+\.\w+", _TEXT)
    missing = [link for link in links if not (_ROOT / "docs" / link).exists()]
    missing += [file for file in files if not (_ROOT / file).exists()]
    assert missing == []


def test_each_heading_that_it_links_to_is_there() -> None:
    headings = {_anchor(heading) for heading in re.findall(r"^#+ (.+)$", _TEXT, re.MULTILINE)}
    assert set(re.findall(r"\]\(#([^)]+)\)", _TEXT)) <= headings


def _anchor(heading: str) -> str:
    """As GitHub makes it."""
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")
