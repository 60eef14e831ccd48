"""Files that are either whole or not there: written beside their place, then moved into it."""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from agent.errors import DiskFullError, StoreError


@contextmanager
def made_atomically(path: Path) -> Iterator[Path]:
    """Yield a path to write to; it becomes `path` when the block ends, and goes when the block fails.

    Raises `OSError`. Two processes that make the same file do no harm: the last one stays.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
    os.close(handle)
    part = Path(name)
    try:
        yield part
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def write_atomically(path: Path, content: bytes) -> None:
    with made_atomically(path) as part:
        part.write_bytes(content)


def storage_error(path: Path, error: OSError) -> StoreError:
    """Return what to raise from an `OSError` of writing `path`."""
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return DiskFullError(
            f"There is no room for {path}.", "Free some space, or move LOREKEEPER_DATA_DIR to another disk."
        )
    return StoreError(f"{path} cannot be written: {error.strerror}.")
