"""One at a time: what computes for hours does so alone on a data folder, in whichever process."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from filelock import AsyncFileLock, Timeout

from agent.files import write_error

_LOCK: Final = "tuning/lock"


@asynccontextmanager
async def alone_at_work(data_dir: Path, *, patience: float = 0.0) -> AsyncIterator[bool]:
    """Say whether no other process or task of this data folder is at work, and keep it so; a kill gives the
    lock back. `patience` is for how many seconds another one is waited for. Raises `StoreError`.
    """
    path = data_dir / _LOCK
    lock = AsyncFileLock(path, timeout=patience, run_in_executor=False)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        await lock.acquire()
    except Timeout:
        yield False
        return
    except OSError as error:
        raise write_error(path, error) from error
    try:
        yield True
    finally:
        await lock.release()
