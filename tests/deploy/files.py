"""The files of the deployment, read as far as the checks need; nothing here judges them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

import yaml

ROOT: Final = Path(__file__).parents[2]
COMPOSE: Final = ROOT / "compose.yaml"
GPU: Final = ROOT / "compose.gpu.yaml"
NODE: Final = ROOT / "deploy" / "compose.weaviate-node.yaml"
ENV_EXAMPLE: Final = ROOT / "deploy" / "compose.env.example"
NODE_ENV_EXAMPLE: Final = ROOT / "deploy" / "weaviate-node.env.example"
DOCKERFILE: Final = ROOT / "Dockerfile"
DOCKERIGNORE: Final = ROOT / ".dockerignore"
UNIT: Final = ROOT / "deploy" / "lorekeeper.service"

REFERENCE: Final = re.compile(r"\$\{(?P<name>\w+)(?P<operator>:[?-])?(?P<rest>[^}]*)\}")
"""`${NAME}`, `${NAME:?message}` or `${NAME:-default}`, the forms of interpolation in use."""

_DOCUMENTED: Final = re.compile(r"^(?:# )?([A-Z_]+)=", re.MULTILINE)
_CONTINUED: Final = re.compile(r"\\\n(?:\s*#.*\n)*")

Service = Mapping[str, Any]


class Instruction(NamedTuple):
    """One instruction of a Dockerfile, its continuation lines joined."""

    name: str
    value: str


def compose(path: Path = COMPOSE) -> dict[str, Any]:
    """Return a Compose file, its anchors merged and nothing interpolated."""
    parsed: dict[str, Any] = yaml.safe_load(path.read_text("utf-8"))
    return parsed


def documented(path: Path) -> set[str]:
    """Return the names that an example of an environment file explains."""
    return set(_DOCUMENTED.findall(path.read_text("utf-8")))


def interpolated(text: str, values: Mapping[str, str]) -> str:
    """Put the values in, and the default of what has none."""

    def value(match: re.Match[str]) -> str:
        default = match["rest"] if match["operator"] == ":-" else ""
        return values.get(match["name"]) or default

    return REFERENCE.sub(value, text)


def instructions(text: str) -> list[Instruction]:
    """Return the instructions of a Dockerfile in their order."""
    lines = _CONTINUED.sub(" ", text).splitlines()
    parts = [line.split(maxsplit=1) for line in lines if line.strip() and not line.startswith("#")]
    return [Instruction(name.upper(), rest) for name, rest in parts]


def stages(text: str) -> list[list[Instruction]]:
    """Return the same by stage; the last one becomes the image."""
    found: list[list[Instruction]] = []
    for instruction in instructions(text):
        if instruction.name == "FROM":
            found.append([])
        found[-1].append(instruction)
    return found


def unit(text: str) -> dict[str, list[str]]:
    """Return the directives of a systemd unit; one may stand several times."""
    found: dict[str, list[str]] = {}
    for line in text.splitlines():
        name, equals, value = line.partition("=")
        if equals and not line.startswith(("#", "[")):
            found.setdefault(name, []).append(value)
    return found
