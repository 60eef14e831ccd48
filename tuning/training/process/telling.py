"""What a run says on the way, one JSON object a line, each written at once so that it can be watched."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from agent.files import write_error
from tuning.training.job import METRICS


class Teller:
    """A silent one says nothing. Raises `StoreError`."""

    def __init__(self, folder: Path, *, silent: bool = False) -> None:
        self._path, self._silent = folder / METRICS, silent
        if silent:
            return
        try:
            self._drop_half_a_line()
            self._file = self._path.open("a", encoding="utf-8")
        except OSError as error:
            raise write_error(self._path, error) from error

    def tell(self, event: str, **values: Any) -> None:
        if self._silent:
            return
        line = json.dumps({"event": event, "at": time.time()} | values)
        try:
            self._file.write(line + "\n")
            self._file.flush()
        except OSError as error:
            raise write_error(self._path, error) from error

    def _drop_half_a_line(self) -> None:
        """A killed run may have left one."""
        if self._path.is_file():
            content = self._path.read_bytes()
            whole = content[: content.rfind(b"\n") + 1]
            if whole != content:
                self._path.write_bytes(whole)
