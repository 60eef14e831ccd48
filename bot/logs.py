"""The log: a file in the data folder, or standard error for who collects it there; text or JSON lines.

It is what an error's id is looked up in. A line says which episode it belongs to, but for what a library says
in a thread of its own. Writing it never stops a question: on a full disk the log misses lines, as the journal
is what must not be lost.

What members wrote is not in it unless `LOREKEEPER_LOG_TEXT` asks for that. Nobody can know what libraries put
into a message, so theirs are shown by their fixed words alone; errors that may quote somebody, by their type
and place. Secrets are never in it.
"""

from __future__ import annotations

import json
import logging
import re
import traceback
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from pydantic import SecretStr

from agent.errors import (
    ConfigurationError,
    DeadlineError,
    ModelBrokenError,
    ModelBusyError,
    ModelMissingError,
    StoreError,
)
from agent.files import write_error
from agent.meter import METER
from agent.settings import Settings

_BYTES, _OLDER = 5_000_000, 3

_ROOMS: Final = ("agent", "bot", "tuning")

_WITHHELD: Final = "(withheld)"
_HIDDEN: Final = "***"

_QUOTES_NOBODY: Final = (
    ConfigurationError,
    DeadlineError,
    ModelBrokenError,
    ModelBusyError,
    ModelMissingError,
    StoreError,
)
"""Errors whose line is about settings, servers and files only."""

_STANDARD: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
"""What every record has; the rest was given as `extra`."""

_SECRET_PATTERNS: Final = (
    # A user and password before the host.
    re.compile(r"(?P<kept>\b[a-z][a-z0-9+.-]*://)[^\s/?#\"']*(?=@)", re.IGNORECASE),
    re.compile(
        r"(?P<kept>[?&][\w.-]*(?:key|token|secret|passw|signature|auth|credential)[\w.-]*=)[^&#\s\"']+",
        re.IGNORECASE,
    ),
    re.compile(r"(?P<kept>\b(?:bearer|basic|bot) )[\w.~+/=-]{20,}", re.IGNORECASE),
    # Discord has the tokens of webhooks and interactions in the path.
    re.compile(r"(?P<kept>/(?:webhooks|interactions)/\d+/)[\w.-]+"),
)


def log_file(settings: Settings) -> Path:
    return settings.data_dir / "logs" / "lorekeeper.log"


def start_logging(settings: Settings) -> None:
    """Send every log record and warning of this process to where the settings say, and nowhere else.

    Libraries are heard from warnings on, or wholly at the level `debug`: at `info` some tell every request.
    Raises `StoreError` when the log's folder cannot be made.
    """
    handler = logging.StreamHandler() if settings.log_to == "stderr" else _file_handler(log_file(settings))
    handler.setFormatter(_Formatter(settings))
    level = logging.getLevelNamesMapping()[settings.log_level.upper()]
    libraries = level if level == logging.DEBUG else max(level, logging.WARNING)
    logging.basicConfig(handlers=[handler], level=libraries, force=True)
    for room in _ROOMS:
        logging.getLogger(room).setLevel(level)
    logging.captureWarnings(True)
    logging.raiseExceptions = False


def _file_handler(path: Path) -> logging.Handler:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise write_error(path.parent, error) from error
    return RotatingFileHandler(path, maxBytes=_BYTES, backupCount=_OLDER, encoding="utf-8", delay=True)


class _Formatter(logging.Formatter):
    """Takes no field that it does not know to be free of text, so that a library can add what it likes."""

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self._write = _as_json if settings.log_format == "json" else _as_text
        self._with_text = settings.log_text
        self._secrets = _secrets_of(settings)

    def format(self, record: logging.LogRecord) -> str:
        fields = self._fields(record)
        return self._write({name: self._clean(value) for name, value in fields.items()})

    def _fields(self, record: logging.LogRecord) -> dict[str, Any]:
        ours = record.name.partition(".")[0] in _ROOMS
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        fields: dict[str, Any] = {
            "time": at,
            "level": record.levelname,
            "logger": record.name,
            "process": record.process,
        }
        meter = METER.get()
        if meter is not None:
            fields |= {"episode": meter.episode, "guild": meter.guild}
        fields["message"] = record.getMessage() if self._with_text else _message(record, ours)
        if ours:
            fields |= {name: value for name, value in vars(record).items() if name not in _STANDARD}
        if record.exc_info and record.exc_info[1] is not None:
            fields["error"] = self._failure(record.exc_info[1])
        return fields

    def _failure(self, error: BaseException) -> str:
        if self._with_text:
            return "".join(traceback.format_exception(error)).rstrip()
        return "\n".join(_places(error))

    def _clean(self, value: Any) -> Any:
        """Take out what must never be in a log, whatever the settings are."""
        if not isinstance(value, str):
            return value
        for secret in self._secrets:
            value = value.replace(secret, _HIDDEN)
        for pattern in _SECRET_PATTERNS:
            value = pattern.sub(rf"\g<kept>{_HIDDEN}", value)
        return value


def _message(record: logging.LogRecord, ours: bool) -> str:
    """What a record says, without what may be a member's or a model's words."""
    if not ours:
        # With arguments the message is a pattern of the library's source. Without, it may be anything.
        return str(record.msg) if record.args else _WITHHELD
    if not isinstance(record.args, tuple):
        return record.getMessage()
    safe = tuple(_plain(each) if isinstance(each, BaseException) else each for each in record.args)
    return str(record.msg) % safe if safe else str(record.msg)


def _plain(error: BaseException) -> str:
    return str(error) if isinstance(error, _QUOTES_NOBODY) else type(error).__name__


def _places(error: BaseException) -> Iterable[str]:
    """An error, what it came from and where each was raised; a traceback without the messages."""
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if cause is not None:
        yield from _places(cause)
    for frame in traceback.extract_tb(error.__traceback__):
        yield f"  {frame.filename}:{frame.lineno} {frame.name}"
    yield _plain(error)
    for part in error.exceptions if isinstance(error, BaseExceptionGroup) else ():
        yield from _places(part)


def _as_json(fields: Mapping[str, Any]) -> str:
    return json.dumps(fields, ensure_ascii=False, default=str)


def _as_text(fields: Mapping[str, Any]) -> str:
    """One line, and the lines of an error below it."""
    rest = dict(fields)
    head = [rest.pop(name) for name in ("time", "level", "logger")]
    message, failure = rest.pop("message"), rest.pop("error", "")
    pairs = [f"{name}={value}" for name, value in rest.items()]
    line = " ".join([*head, f"[{' '.join(pairs)}]", message]).replace("\n", "\\n")
    return f"{line}\n{failure}" if failure else line


def _secrets_of(settings: Settings) -> tuple[str, ...]:
    """Every secret setting, and the password of one that is a URL, as it is and as it stands there."""
    found: set[str] = set()
    for name in Settings.model_fields:
        value = getattr(settings, name)
        if isinstance(value, SecretStr) and (secret := value.get_secret_value()):
            password = urlsplit(secret).password if "://" in secret else None
            found |= {secret, password, unquote(password)} if password else {secret}
    return tuple(sorted(found, key=len, reverse=True))
