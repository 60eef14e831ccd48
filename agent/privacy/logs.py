"""The log holds no text unless the owner asked for it, and then nobody can tell whose: it is emptied."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from agent.files import write_error
from agent.privacy.protocol import Removed, Subject, Traces
from agent.settings import Settings

LOG_FOLDER: Final = "logs"
"""In the data folder."""


class LogHolder:
    tables = frozenset[str]()

    def __init__(self, settings: Settings) -> None:
        self._folder = settings.data_dir / LOG_FOLDER
        self._holds_text = settings.log_text

    async def export(self, who: Subject, traces: Traces) -> Mapping[str, Sequence[object]]:
        return {}

    async def forget(self, who: Subject, traces: Traces) -> Removed:
        emptied = await asyncio.to_thread(_empty, self._folder) if self._holds_text else 0
        return {"log files emptied": emptied}


def _empty(folder: Path) -> int:
    """Cut every file to nothing where it is: a process that has it open goes on writing at its end."""
    emptied = 0
    for path in sorted(folder.glob("*")):
        try:
            if path.stat().st_size:
                path.write_bytes(b"")
                emptied += 1
        except OSError as error:
            raise write_error(path, error) from error
    return emptied
