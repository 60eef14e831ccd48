"""Ending a GGUF file, and seeing that all of it reached the disk."""

from __future__ import annotations

import errno
from pathlib import Path

import gguf

from agent.errors import ModelBrokenError
from agent.models.gguf_file import check_gguf


def close_whole(writer: gguf.GGUFWriter, path: Path) -> None:
    """Close the writer of `path`. Raises `OSError` when the file is cut short.

    numpy, by which the writer writes tensors, does not say that a disk is full.
    """
    writer.close()
    if not _is_whole(path):
        raise OSError(errno.ENOSPC, "the file is cut short")


def _is_whole(path: Path) -> bool:
    try:
        check_gguf(path)
    except ModelBrokenError:
        return False
    return True
