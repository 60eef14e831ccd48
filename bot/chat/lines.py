"""The lines that a session is given: typed by a person, or out of a pipe or a file."""

from __future__ import annotations

import asyncio
import logging
import sys
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING

from agent.files import write_error
from bot.chat.commands import COMMANDS

if TYPE_CHECKING:
    from prompt_toolkit.history import History

_log = logging.getLogger(__name__)


def lines(history: Path) -> AsyncIterator[str]:
    """Yield each line that holds anything, without the white space around it, until the input ends.

    What a person types is kept in `history`. Raises `StoreError` when that cannot be.
    """
    return _typed(history) if sys.stdin.isatty() else _piped()


async def _typed(history: Path) -> AsyncIterator[str]:
    from prompt_toolkit import PromptSession
    from prompt_toolkit.completion import WordCompleter

    session: PromptSession[str] = PromptSession(
        history=_open_history(history),
        completer=WordCompleter([f"/{name}" for name in COMMANDS], sentence=True),
    )
    while True:
        try:
            line = await session.prompt_async("> ")
        except KeyboardInterrupt:
            continue
        except EOFError:
            return
        if line.strip():
            yield line.strip()


async def _piped() -> AsyncIterator[str]:
    loop = asyncio.get_running_loop()
    read: asyncio.Queue[str | None] = asyncio.Queue()

    def read_all() -> None:
        # A file object of its own: the interpreter cannot close sys.stdin while a thread waits in it.
        with open(0, encoding="utf-8", errors="replace", closefd=False) as stdin:
            for line in stdin:
                loop.call_soon_threadsafe(read.put_nowait, line.strip())
        loop.call_soon_threadsafe(read.put_nowait, None)

    # A daemon, as Ctrl-C must end a session that waits for a pipe that says nothing.
    threading.Thread(target=read_all, daemon=True).start()
    while (line := await read.get()) is not None:
        if line:
            yield line


def _open_history(path: Path) -> History:
    from prompt_toolkit.history import FileHistory

    class ForgivingHistory(FileHistory):
        """A full disk costs the line's place in the history, not the session."""

        def store_string(self, string: str) -> None:
            try:
                super().store_string(string)
            except OSError as error:
                _log.warning("the line is not kept in %s: %s", path, error)

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
    except OSError as error:
        raise write_error(path, error) from error
    return ForgivingHistory(str(path))
