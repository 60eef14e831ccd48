"""What this machine has free: memory, and graphics cards with theirs.

Asked of the system, as torch must not be loaded in the bot's process.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path, PurePosixPath
from typing import Final

_MEMORY: Final = Path("/proc/meminfo")
_GROUPS: Final = Path("/sys/fs/cgroup")
_OWN_GROUP: Final = Path("/proc/self/cgroup")
_MEBIBYTE: Final = 1 << 20
_CARD_SECONDS: Final = 10.0


def free_memory() -> int:
    """Bytes that this process and its children may still take, a container's limit considered.

    Where the system does not tell (it is not Linux), half of what the machine has.
    """
    if not _MEMORY.is_file():
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2
    return min([available(_MEMORY.read_text()), *_left_in_groups()])


def available(meminfo: str) -> int:
    """Bytes, of the text of /proc/meminfo."""
    told = dict(line.split(":", 1) for line in meminfo.splitlines() if ":" in line)
    return int(told["MemAvailable"].split()[0]) * 1024


def left_in_group(limit: str, used: str, stat: str) -> int | None:
    """Bytes, of the texts of a control group's files; None without a limit.

    Pages of files that lie idle count as used and are given back when they are wanted.
    """
    if not limit.strip().isdecimal():
        return None
    told = dict(line.split(" ", 1) for line in stat.splitlines())
    return max(0, int(limit) - int(used) + int(told.get("inactive_file", 0)))


def cards() -> tuple[int, ...]:
    """Free bytes of each NVIDIA card that may be used; empty without one."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return ()
    asked = [program, "--query-gpu=index,uuid,memory.free", "--format=csv,noheader,nounits"]
    try:
        told = subprocess.run(  # noqa: S603
            asked, capture_output=True, text=True, timeout=_CARD_SECONDS, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return ()  # a driver that does not answer has no card to train on
    return visible_cards(told.stdout, os.environ.get("CUDA_VISIBLE_DEVICES"))


def visible_cards(told: str, visible: str | None) -> tuple[int, ...]:
    """Free bytes of each card of `nvidia-smi` that CUDA_VISIBLE_DEVICES leaves."""
    rows = [tuple(part.strip() for part in line.split(",")) for line in told.splitlines() if line.strip()]
    chosen = None if visible is None else [name.strip() for name in visible.split(",")]
    return tuple(
        int(free) * _MEBIBYTE
        for index, uuid, free in rows
        if chosen is None or index in chosen or any(name and uuid.startswith(name) for name in chosen)
    )


def _left_in_groups() -> list[int]:
    """Of each group that this process is in, from its own to the outermost."""
    own = next((line[3:] for line in _OWN_GROUP.read_text().splitlines() if line.startswith("0::")), "/")
    inner = PurePosixPath(own)
    folders = [_GROUPS / group.relative_to("/") for group in (inner, *inner.parents)]
    return [left for folder in folders if (left := _left_in(folder)) is not None]


def _left_in(folder: Path) -> int | None:
    files = [folder / name for name in ("memory.max", "memory.current", "memory.stat")]
    if not all(file.is_file() for file in files):
        return None
    limit, used, stat = (file.read_text() for file in files)
    return left_in_group(limit, used, stat)
