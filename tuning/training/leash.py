"""One training run at a time on a data folder, and none that outlives who started it.

Both are held by the training process itself, so that they hold whoever is killed: the system gives the lock
back with the process, and closes the pipe of a starter that is gone.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from agent.errors import StoreBusyError
from agent.files import write_error


@contextmanager
def alone(lock: Path) -> Iterator[None]:
    """Hold the lock meanwhile. Raises `StoreBusyError` when another run keeps it, `StoreError`."""
    held = FileLock(lock, timeout=0)
    try:
        lock.parent.mkdir(parents=True, exist_ok=True)
        held.acquire()
    except Timeout:
        raise StoreBusyError("Another training run is going on.", "Wait for its end, or cancel it.") from None
    except OSError as error:
        raise write_error(lock, error) from error
    try:
        yield
    finally:
        held.release()


def stop_with_starter(stop: threading.Event) -> None:
    """Set `stop` once standard input ends: the other end of that pipe is the starter's."""

    def wait() -> None:
        # Not through sys.stdin, whose lock a thread that waits would hold when the interpreter ends.
        while os.read(sys.stdin.fileno(), 1):
            pass
        stop.set()

    threading.Thread(target=wait, daemon=True, name="starter").start()
