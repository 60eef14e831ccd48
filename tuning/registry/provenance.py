"""Which code trained an adapter, exactly enough to have it again."""

from __future__ import annotations

import hashlib
from importlib.metadata import distributions, version
from pathlib import Path
from typing import Final

_ROOT: Final = Path(__file__).parents[2]
_ROOMS: Final = ("agent", "tuning")
_DIGITS: Final = 12


def code_version() -> str:
    """The installed version, the commit where it is a checkout, and a digest of the sources that run: a
    checkout may hold what was never committed.
    """
    known = [f"commit {commit}"] if (commit := commit_of(_ROOT / ".git")) else []
    return f"{version('lorekeeper')} ({', '.join([*known, f'sources {sources_digest(_ROOT)}'])})"


def packages_digest() -> str:
    """sha256, hex, of the sorted names and versions of all installed packages."""
    lines = sorted({f"{each.name}=={each.version}" for each in distributions()})
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def sources_digest(root: Path) -> str:
    """sha256 of what agent and tuning are made of, the first 12 hex digits."""
    digest = hashlib.sha256()
    for path in sorted(path for room in _ROOMS for path in (root / room).rglob("*.py")):
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        digest.update(f"{path.relative_to(root).as_posix()} {content}\n".encode())
    return digest.hexdigest()[:_DIGITS]


def commit_of(git: Path) -> str:
    """The commit that is checked out; empty where this is no plain checkout."""
    head = git / "HEAD"
    said = head.read_text("utf-8").strip() if head.is_file() else ""
    name = said.removeprefix("ref: ")
    if name == said:
        return said[:_DIGITS]
    branch, packed = git / name, git / "packed-refs"
    if branch.is_file():
        return branch.read_text("utf-8").strip()[:_DIGITS]
    lines = packed.read_text("utf-8").splitlines() if packed.is_file() else []
    return next((line[:_DIGITS] for line in lines if line.endswith(f" {name}")), "")
