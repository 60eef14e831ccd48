"""Running the command in this process, as `main` does, on models that are loaded once a session."""

from __future__ import annotations

import json
import logging
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from agent.models.protocol import ChatModel, Embedder
from agent.settings import PREFIX, Settings
from bot.__main__ import main
from bot.logs import log_file, start_logging


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()


Command: TypeAlias = Callable[..., Ran]

Start: TypeAlias = Callable[..., Callable[[], str]]
"""Starts the log with settings; the result reads what it holds."""


class _Lent:
    """A model that outlives the command that would close it."""

    def __init__(self, model: Any) -> None:
        self._model = model

    def __getattr__(self, name: str) -> Any:
        return getattr(self._model, name)

    async def close(self) -> None:
        """It is the session's."""


@pytest.fixture
def own_logging() -> Iterator[None]:
    """Logging as it was, after a test that starts the log."""
    root = logging.getLogger()
    handlers, raising = root.handlers[:], logging.raiseExceptions
    levels = {each: each.level for each in (root, *map(logging.getLogger, ("agent", "bot", "tuning")))}
    yield
    root.handlers[:], logging.raiseExceptions = handlers, raising
    for logger, level in levels.items():
        logger.setLevel(level)
    logging.captureWarnings(False)


@pytest.fixture
def start(tmp_path: Path, own_logging: None) -> Start:
    """All of it, as JSON, unless the test chooses otherwise."""

    def begin(**chosen: Any) -> Callable[[], str]:
        settings = Settings(data_dir=tmp_path, **{"log_level": "debug", "log_format": "json"} | chosen)
        start_logging(settings)
        return lambda: log_file(settings).read_text("utf-8")

    return begin


@pytest.fixture
def command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, own_logging: None
) -> Command:
    """Run `lorekeeper ARGUMENTS` over an empty data folder, unless the test set another."""
    for name in Settings.model_fields:
        monkeypatch.delenv(PREFIX + name.upper(), raising=False)
    monkeypatch.setenv("LOREKEEPER_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("LOREKEEPER_THREADS", "1")
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> Ran:
        monkeypatch.setattr(sys, "argv", ["lorekeeper", *arguments])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        assert "Traceback" not in said.err
        return Ran(code=int(ended.value.code or 0), out=said.out, err=said.err)

    return run


@pytest.fixture
def lent_models(monkeypatch: pytest.MonkeyPatch, embedder: Embedder, chat_model: ChatModel) -> None:
    async def lend_embedder(_: Settings) -> Any:
        return _Lent(embedder)

    async def lend_chat_model(_: Settings) -> Any:
        return _Lent(chat_model)

    monkeypatch.setattr("agent.models.library.open_embedder", lend_embedder)
    monkeypatch.setattr("agent.models.library.open_chat_model", lend_chat_model)


@pytest.fixture(scope="session")
def asked_folder(household_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy for all tests that only ask."""
    return shutil.copytree(household_folder, tmp_path_factory.mktemp("asked") / "household")


@pytest.fixture
def at_home(
    command: Command, lent_models: None, asked_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> Command:
    """`command` over the sample, for asking."""
    monkeypatch.setenv("LOREKEEPER_DATA_DIR", str(asked_folder))
    return command


@pytest.fixture
def in_own_home(
    command: Command, lent_models: None, own_household: Path, monkeypatch: pytest.MonkeyPatch
) -> Command:
    """`command` over a copy of the sample, for writing."""
    monkeypatch.setenv("LOREKEEPER_DATA_DIR", str(own_household))
    return command
