"""Small and read-only disks: mounted ones, because root may write where permissions forbid it."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

_MOUNT = shutil.which("mount")


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[Path]:
    """A disk of its own, of `size` as in `512k`. Skips the test where this user may not mount."""
    folder.mkdir()
    mounted = _MOUNT and _mount("-t", "tmpfs", "-o", f"size={size}", "lorekeeper-test", folder)
    if not mounted:
        pytest.skip("this user may not mount a small disk")
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)


def remount(folder: Path, options: str) -> None:
    assert _mount("-o", f"remount,{options}", folder)


def _mount(*arguments: str | Path) -> bool:
    return subprocess.run(["mount", *arguments], capture_output=True).returncode == 0
