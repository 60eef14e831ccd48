"""Files that are either wholly written or not at all."""

from __future__ import annotations

import errno
import os
import tempfile
from pathlib import Path

from agent.errors import DiskFullError, StoreError


def write_atomically(path: Path, content: bytes) -> None:
    """Write beside `path`, flush to the disk, then rename over it.

    Raises `DiskFullError` and `StoreError`; the old file is untouched then.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        beside = Path(name)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            beside.replace(path)
        finally:
            beside.unlink(missing_ok=True)
    except OSError as error:
        raise write_error(path, error) from error


def write_error(path: Path, error: OSError) -> StoreError:
    """Turn what the system said of a write into one line and what to do."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return DiskFullError(
            f"No space left to write {path}.", "Free some space and run it again; nothing stored is lost."
        )
    return StoreError(
        f"{path} cannot be written: {error.strerror}.", "Check the folder's owner and permissions."
    )
