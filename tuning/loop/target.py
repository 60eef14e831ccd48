"""Where an owner wants a model: looked at before hours are spent on it, and filled in one move at the end."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from agent.errors import StoreError, UsageError
from agent.files import write_error
from tuning.export.base import Base
from tuning.runs.errors import NoRoomError
from tuning.runs.room import GB, SPARE_BYTES

_SUFFIX: Final = ".gguf"
_HALF: Final = 2
"""Bytes a weight that changes has in the file."""


def require_target(target: Path) -> None:
    """Raises `UsageError` for a name that is none or taken, `StoreError` where nothing can be written."""
    if target.suffix != _SUFFIX:
        raise UsageError(f"{target} is no name of a model.", f"Give one that ends in {_SUFFIX}.")
    if target.exists():
        raise UsageError(f"{target} is there already.", "Give another name, or remove it.")
    try:
        with tempfile.TemporaryFile(dir=target.parent):
            return
    except OSError as error:
        raise write_error(target, error) from error


def require_space(target: Path, base: Base) -> None:
    """Raises `NoRoomError` where the disk has none for a copy of the base in which any matrix may change."""
    changed = sum(rows * columns for rows, columns in base.shapes.values())
    need = base.path.stat().st_size + _HALF * changed + SPARE_BYTES
    free = shutil.disk_usage(target.parent).free
    if need > free:
        raise NoRoomError(
            f"{target} may take {need / GB:.1f} GB of disk and {free / GB:.1f} GB are free.",
            "Free some, or name a file on another disk.",
        )


@contextmanager
def parted(target: Path) -> Iterator[Path]:
    """The path beside `target` at which it is made; nothing stays there. Raises `StoreError`."""
    part = target.with_name(f".{target.name}.part")
    try:
        yield part
    finally:
        try:
            part.unlink(missing_ok=True)
        except OSError as error:
            raise write_error(part, error) from error


def hand_out(part: Path, target: Path) -> None:
    """Give what was made its name. Raises `StoreError`, also where the name was taken meanwhile."""
    if target.exists():
        raise StoreError(f"{target} is there now, and was not.", "Give the same command with another name.")
    try:
        part.rename(target)
    except OSError as error:
        raise write_error(target, error) from error
