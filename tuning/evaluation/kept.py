"""What models answered already, so that an evaluation that was killed asks nothing twice.

One JSON line an answer, appended when it is there; a line that was cut off is as if it had not been written.
The file holds words of members and lies in the run's folder, where whoever forgets a member removes it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final, TypeAlias

from agent.contracts import ModelInfo
from agent.files import write_error

FILE: Final = "answers.jsonl"

Pause: TypeAlias = Callable[[], Awaitable[None]]
"""Awaited before each call of a model; it returns when no member waits for an answer."""


class Kept:
    """Raises `StoreError` where the file cannot be read or written."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known = _read(path)

    def recall(self, key: str) -> Any | None:
        return self._known.get(key)

    def keep(self, key: str, value: Any) -> None:
        line = json.dumps([key, value], ensure_ascii=False)
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._path.open("a", encoding="utf-8") as file:
                file.write(f"{line}\n")
        except OSError as error:
            raise write_error(self._path, error) from error
        self._known[key] = value


def key_of(model: ModelInfo, *asked: str) -> str:
    """The name of what a model was asked: the same for the same weights, adapter and words."""
    parts = "\0".join((model.digest, model.adapter_digest, *asked))
    return hashlib.sha256(parts.encode("utf-8", "surrogatepass")).hexdigest()


def _read(path: Path) -> dict[str, Any]:
    try:
        lines = path.read_text("utf-8").splitlines(keepends=True) if path.exists() else []
    except OSError as error:
        raise write_error(path, error) from error
    if lines and not lines[-1].endswith("\n"):
        del lines[-1]
        _rewrite(path, lines)
    return dict(json.loads(line) for line in lines)


def _rewrite(path: Path, lines: list[str]) -> None:
    try:
        path.write_text("".join(lines), "utf-8")
    except OSError as error:
        raise write_error(path, error) from error
