"""From what a person names to what is read: files, the files of folders, and URLs.

A folder is walked in sorted order. Hidden files and folders are left out, a folder is entered once however
many links lead to it, and a link that leads out of the folder is not followed.
"""

from __future__ import annotations

import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from agent.errors import IngestError
from agent.ingest.cleaning import clean_title
from agent.ingest.formats import is_supported
from agent.ingest.report import Outcome, TargetReport, failed


@dataclass(frozen=True, slots=True, kw_only=True)
class FileTarget:
    path: Path
    """Absolute, without links."""

    @property
    def uri(self) -> str:
        return str(self.path)


@dataclass(frozen=True, slots=True, kw_only=True)
class UrlTarget:
    uri: str


def expand(targets: Sequence[str | Path]) -> Iterator[FileTarget | UrlTarget | TargetReport]:
    """What to read, each once and in order; a report for what cannot be."""
    seen: set[str] = set()
    for target in targets:
        for found in _expand_one(target):
            if found.uri not in seen:
                seen.add(found.uri)
                yield found


def read_file(path: Path, limit_mb: float) -> bytes:
    """The bytes of a regular file of at most `limit_mb`; nothing is read of a larger one."""
    limit = int(limit_mb * 1024 * 1024)
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            raise IngestError(f"{clean_title(path.name)} is not a file that can be read.")
        if found.st_size > limit:
            raise _too_large(path, found.st_size, limit_mb)
        with path.open("rb") as file:
            data = file.read(limit + 1)
    except OSError as error:
        raise _unreadable(path, error) from error
    if len(data) > limit:
        raise _too_large(path, len(data), limit_mb)
    return data


def has_vanished(path: Path) -> bool:
    """Whether the file is gone while its folder is there; a folder that is away may be a disk that is."""
    return not path.exists() and path.parent.is_dir()


def _expand_one(target: str | Path) -> Iterator[FileTarget | UrlTarget | TargetReport]:
    if isinstance(target, str) and "://" in target:
        yield UrlTarget(uri=target.strip())
        return
    try:
        path = Path(target).expanduser().resolve(strict=True)
    except (OSError, RuntimeError, ValueError) as error:
        yield failed(clean_title(str(target)), _unreadable(Path(str(target).replace("\0", "")), error))
        return
    if path.is_dir():
        yield from _walk(path, path, set())
    else:
        yield _file(path)


def _walk(folder: Path, root: Path, entered: set[tuple[int, int]]) -> Iterator[FileTarget | TargetReport]:
    try:
        about = folder.stat()
        paths = sorted(folder.iterdir())
    except OSError as error:
        yield failed(clean_title(str(folder)), _unreadable(folder, error))
        return
    if (about.st_dev, about.st_ino) in entered:
        return
    entered.add((about.st_dev, about.st_ino))
    for path in paths:
        if not path.name.startswith("."):
            yield from _walk_one(path, root, entered)


def _walk_one(path: Path, root: Path, entered: set[tuple[int, int]]) -> Iterator[FileTarget | TargetReport]:
    try:
        real = path.resolve(strict=True)
    except (OSError, RuntimeError) as error:
        yield failed(clean_title(str(path)), _unreadable(path, error))
        return
    if not real.is_relative_to(root):
        outside = f"{clean_title(path.name)} is a link that leads out of the folder: not followed."
        yield failed(clean_title(str(path)), IngestError(outside))
    elif real.is_dir():
        yield from _walk(real, root, entered)
    elif is_supported(real.name):
        yield _file(real)
    else:
        yield TargetReport(
            uri=clean_title(str(real)), outcome=Outcome.SKIPPED, reason="a format that is not read here"
        )


def _file(path: Path) -> FileTarget | TargetReport:
    try:
        str(path).encode()
    except UnicodeEncodeError:
        return failed(clean_title(str(path)), IngestError("Its name is not valid UTF-8.", "Rename it."))
    return FileTarget(path=path)


def _too_large(path: Path, size: int, limit_mb: float) -> IngestError:
    return IngestError(
        f"{clean_title(path.name)} is {size / 1024**2:.0f} MB, larger than {limit_mb:g} MB.",
        "Split it, or raise LOREKEEPER_INGEST_FILE_MB.",
    )


def _unreadable(path: Path, error: Exception) -> IngestError:
    name = clean_title(path.name or str(path))
    if isinstance(error, FileNotFoundError):
        return IngestError(f"{name}: no such file or folder.")
    if isinstance(error, PermissionError):
        return IngestError(f"{name} may not be read: permission denied.")
    reason = error.strerror if isinstance(error, OSError) else "a circle of links, or a bad name"
    return IngestError(f"{name} cannot be read: {reason}.")
