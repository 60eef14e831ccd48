"""Data sets as files: a version written out, and instructions that somebody brings to be followed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from agent.errors import UsageError
from agent.files import write_atomically
from agent.models.protocol import ChatMessage
from tuning.datasets.item import Split
from tuning.datasets.splitting import SHARES
from tuning.datasets.version import DatasetVersion
from tuning.labels.grouping import same_words
from tuning.training.rows import Row


@dataclass(frozen=True, slots=True, kw_only=True)
class Instructions:
    """A file of instructions as it was when somebody asked to learn from it. It stays where it is: nothing of
    it is kept but its digest.
    """

    path: str
    """Absolute."""
    digest: str
    """sha256, hex."""


def export_jsonl(version: DatasetVersion, path: Path) -> None:
    """Write one JSON object an item: its label, its id and its split. Raises `StoreError`."""
    write_atomically(path, "".join(f"{line}\n" for line in version.lines()).encode())


def import_instructions(path: Path) -> tuple[Instructions, Mapping[Split, list[Row]]]:
    """Read instructions to be followed, a JSON object a line, and split them as labels are.

    A line has `messages` as a chat has them, the last one the assistant's; or `instruction`, `output` and
    perhaps `input`. Instructions of the same words are never parted. Raises `UsageError` that names the line.
    """
    try:
        told = path.read_bytes()
        lines = told.decode("utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} cannot be read: {error}.", "Give a file of JSON lines in UTF-8.") from error
    rows: dict[Split, list[Row]] = {split: [] for split in Split}
    for number, line in enumerate(lines, 1):
        if line.strip():
            row = _instruction(line, f"Line {number} of {path}")
            rows[_part_of(row)].append(row)
    if not any(rows.values()):
        raise UsageError(f"There are no instructions in {path}.", "Give one JSON object a line.")
    return Instructions(path=str(path.resolve()), digest=hashlib.sha256(told).hexdigest()), rows


def read_instructions(instructions: Instructions | None) -> Mapping[Split, list[Row]]:
    """Read them again; nothing of None. Raises `UsageError` when the file is gone or another one now."""
    if instructions is None:
        return {split: [] for split in Split}
    now, rows = import_instructions(Path(instructions.path))
    if now.digest != instructions.digest:
        raise UsageError(
            f"{instructions.path} is another file than when the run began.", "Begin a new run with it."
        )
    return rows


@dataclass(frozen=True, slots=True, kw_only=True)
class _Chat:
    messages: tuple[ChatMessage, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Instruction:
    instruction: str
    output: str
    input: str = ""


_CHAT: Final = TypeAdapter(_Chat)
_INSTRUCTION: Final = TypeAdapter(_Instruction)


def _instruction(line: str, where: str) -> Row:
    try:
        told: Any = json.loads(line)
        if isinstance(told, dict) and "messages" in told:
            messages = _CHAT.validate_python(told).messages
        else:
            one = _INSTRUCTION.validate_python(told)
            asked = f"{one.instruction}\n\n{one.input}" if one.input else one.instruction
            messages = (
                ChatMessage(role="user", content=asked),
                ChatMessage(role="assistant", content=one.output),
            )
    except json.JSONDecodeError as error:
        raise UsageError(f"{where} is no JSON: {error}.") from error
    except ValidationError as error:
        wrong = error.errors()[0]
        name = ".".join(map(str, wrong["loc"]))
        raise UsageError(f"{where} is no instruction: {name} {wrong['msg']}.") from error
    *asked_for, said = messages or [ChatMessage(role="user", content="")]
    if said.role != "assistant" or not said.content.strip() or not asked_for:
        raise UsageError(f"{where} is no instruction: it does not end with what the assistant should say.")
    return Row(messages=tuple(asked_for), completion=said.content.strip())


def _part_of(row: Row) -> Split:
    words = same_words(" ".join(message.content for message in row.messages))
    drawn = int.from_bytes(hashlib.sha256(words.encode()).digest()[:8], "big") / 2**64
    upto = accumulate(SHARES.values())
    return next((split for split, end in zip(SHARES, upto, strict=True) if drawn < end), Split.TRAIN)
