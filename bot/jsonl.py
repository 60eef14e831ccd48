"""JSON lines that people hand in."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from agent.errors import UsageError

_STANDARD_INPUT = Path("-")


def read_jsonl(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield each object with its line number; `-` is standard input.

    Raises `UsageError` with the line that is wrong.
    """
    # Not splitlines(): JSON strings may hold U+2028 and others that it would split at.
    for number, line in enumerate(_text(path).split("\n"), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise UsageError(f"{path}, line {number} is not JSON: {error}.") from error
        if not isinstance(row, dict):
            raise UsageError(f"{path}, line {number} is not an object.")
        yield number, row


def _text(path: Path) -> str:
    try:
        raw = sys.stdin.buffer.read() if path == _STANDARD_INPUT else path.read_bytes()
        return raw.decode("utf-8-sig")
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is not UTF-8.", "Give a UTF-8 file of JSON lines.") from error
