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
    """Write `path` whole and through to the disk, or leave the old one. Raises what `write_error` makes."""
    try:
        with made_atomically(path) as part, part.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise write_error(path, error) from error


def write_error(path: Path, error: OSError) -> StoreError:
    """Turn what the system said of a write into one line and what to do."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return DiskFullError(
            f"There is no room for {path}.",
            "Free some space, or move LOREKEEPER_DATA_DIR to another disk; nothing stored is lost.",
        )
    return StoreError(
        f"{path} cannot be written: {error.strerror}.", "Check the folder's owner and permissions."
    )
