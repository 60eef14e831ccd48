"""The commands and names of settings that stand in README.md and docs/*.md, and whether they are real."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import typer
import typer.main
from typer.core import TyperGroup

from agent.settings import PREFIX, Settings, variable
from bot.cli import app

_FENCE: Final = re.compile(r"^```(?P<language>\w*)\n(?P<text>.*?)^```", re.MULTILINE | re.DOTALL)
_SPAN: Final = re.compile(r"`(?P<text>[^`\n]+)`")
_NAME: Final = re.compile(rf"\b{PREFIX}[A-Z_]*[A-Z]\b")
_CONTINUED: Final = re.compile(r"\\\n\s*")
_SHELL: Final = {"sh", "bash", "console", ""}
_ENDS: Final = {"|", "||", "&&", ";", ">", ">>", "<", "&"}
_RUN_BY_COMPOSE: Final = re.compile(r"^.*docker compose .*\brun .*\bbot(?= |$)")
"""The image's entry point is `lorekeeper`, so its arguments follow the name of the service."""

# Typer carries a click of its own, and of its errors shows this one, which is of the kind that is wanted.
_UsageError: Final[Any] = typer.BadParameter.__mro__[1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A command as a document has it."""

    arguments: tuple[str, ...]
    """What follows `lorekeeper`."""
    whole: bool
    """Meant to be run as it stands; else it only names a command, perhaps without what it needs."""


def commands(markdown: str) -> Iterator[Written]:
    """Find every command `lorekeeper`: whole ones in blocks of shell code, named ones in spans of code."""
    for fence in _FENCE.finditer(markdown):
        if fence["language"] in _SHELL:
            for line in _CONTINUED.sub(" ", fence["text"]).splitlines():
                yield from (Written(arguments=each, whole=True) for each in _of_line(line))
    for span in _SPAN.finditer(_FENCE.sub("", markdown)):
        yield from (Written(arguments=each, whole=False) for each in _of_line(span["text"]))


def fault(written: Written) -> str:
    """Return what is wrong with a command, empty when nothing is."""
    check = _fault_of_whole if written.whole else _fault_of_named
    for arguments in _alternatives(written.arguments):
        said = check(*_resolved(typer.main.get_command(app), arguments))
        if said:
            return f"lorekeeper {shlex.join(arguments)}: {said}"
    return ""


def unknown_settings(text: str) -> set[str]:
    """Return the names that look like settings and are none."""
    return set(_NAME.findall(text)) - {variable(field) for field in Settings.model_fields}


def _of_line(line: str) -> Iterator[tuple[str, ...]]:
    """Return the arguments of each command `lorekeeper` in a line of shell."""
    try:
        words = shlex.split(_RUN_BY_COMPOSE.sub("lorekeeper", line), comments=True)
    except ValueError:  # a quotation mark in a span is not always half of a pair
        return
    for number, word in enumerate(words):
        # A path ends with the program too, but nothing is run by `/etc/lorekeeper` or `cd lorekeeper`.
        if Path(word).name == "lorekeeper" and _runs(word, words[:number]):
            yield tuple(_until_end(words[number + 1 :]))


def _runs(word: str, before: list[str]) -> bool:
    if "/" in word:
        return word.endswith("bin/lorekeeper")
    return not before or before[-1] in _ENDS or before[-1] == "bot" or "=" in before[-1]


def _until_end(words: Iterable[str]) -> Iterator[str]:
    for word in words:
        if word in _ENDS:
            return
        yield word.removesuffix(";")
        if word.endswith(";"):
            return


def _alternatives(arguments: Iterable[str]) -> list[list[str]]:
    """`models list|pull` are two commands."""
    made: list[list[str]] = [[]]
    for argument in arguments:
        made = [[*each, one] for each in made for one in argument.split("|")]
    return made


def _resolved(command: Any, arguments: list[str]) -> tuple[Any, list[str]]:
    """Walk into groups as far as the arguments name commands."""
    while isinstance(command, TyperGroup) and arguments and arguments[0] in command.commands:
        command, arguments = command.commands[arguments[0]], arguments[1:]
    return command, arguments


def _fault_of_named(command: Any, rest: list[str]) -> str:
    if isinstance(command, TyperGroup) and rest and not rest[0].startswith("-"):
        return f"there is no command {rest[0]}"
    known = {option for each in command.params for option in each.opts} | {"--help", "-h"}
    return next(
        (f"there is no option {each}" for each in rest if each.startswith("--") and each not in known), ""
    )


def _fault_of_whole(command: Any, rest: list[str]) -> str:
    if isinstance(command, TyperGroup):
        return _fault_of_named(command, rest)
    try:
        command.make_context(command.name, rest)
    except typer.Exit:
        return ""
    except _UsageError as error:
        return str(error.format_message())
    return ""
