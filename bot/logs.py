"""The log: a file in the data folder, so that what libraries say never stands between a person and an answer.

It is what an error's id is looked up in. Writing it never stops a question: on a full disk the log misses
lines, as the journal is what must not be lost.
"""

from __future__ import annotations

import logging
from logging.handlers import RotatingFileHandler
from pathlib import Path

from agent.files import write_error
from agent.settings import Settings

_BYTES, _OLDER = 5_000_000, 3
_FORMAT = "%(asctime)s %(levelname)s %(name)s [%(process)d] %(message)s"


def log_file(settings: Settings) -> Path:
    return settings.data_dir / "logs" / "lorekeeper.log"


def start_logging(settings: Settings) -> None:
    """Send every log record and warning of this process to the file, and none to the terminal.

    Raises `StoreError` when its folder cannot be made.
    """
    path = log_file(settings)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise write_error(path.parent, error) from error
    handler = RotatingFileHandler(path, maxBytes=_BYTES, backupCount=_OLDER, encoding="utf-8", delay=True)
    handler.setFormatter(logging.Formatter(_FORMAT))
    logging.basicConfig(handlers=[handler], level=settings.log_level.upper(), force=True)
    logging.captureWarnings(True)
    logging.raiseExceptions = False
