"""What every command has in common: results on standard output, everything else on standard error."""

from __future__ import annotations

import asyncio
import json
import sys
from abc import ABC, abstractmethod
from collections.abc import Coroutine, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, is_dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING, Annotated, Any, Protocol, TypeVar

import typer

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress as Bars

    from agent.ingest.report import Progress as IngestProgress

T = TypeVar("T")

GuildOption = Annotated[str, typer.Option("--guild", help="Whose knowledge; the terminal's is `local`.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, for scripts.")]


class Progress(Protocol):
    """Something long that tells how far it is."""

    def __call__(self, done: int, total: int, what: str) -> None:
        """Say how much is done, of how much, and what is being done."""
        ...

    def ingest(self, at: IngestProgress) -> None:
        """The same, as an ingest says it."""
        ...


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run one command's work; Ctrl-C cancels it, so that it can clean up, and exits with 1."""
    try:
        return asyncio.run(work)
    except KeyboardInterrupt:
        print("\nStopped. Nothing is broken; the same command goes on where it was.", file=sys.stderr)
        raise typer.Exit(1) from None


def print_json(value: Any, *, indent: int | None = 2) -> None:
    """Print a dataclass, or anything made of such, as one JSON value."""
    print(json.dumps(value, ensure_ascii=False, indent=indent, default=_plain), flush=True)


def print_table(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Print rows with a header; columns are as wide as they need to be."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(*columns, box=SIMPLE_HEAD, pad_edge=False)
    for row in rows:
        table.add_row(*("" if cell is None else str(cell) for cell in row))
    console().print(table)


def console(*, errors: bool = False) -> Console:
    """Return a console for results, or for what is said beside them; markup in data stays text."""
    from rich.console import Console

    return Console(stderr=errors, markup=False, highlight=False, soft_wrap=not sys.stdout.isatty())


def note(text: str) -> None:
    """Say something that is not the result."""
    print(text, file=sys.stderr, flush=True)


@contextmanager
def progress(title: str) -> Iterator[Progress]:
    """Show a bar on a terminal, and a line every tenth part elsewhere."""
    if not sys.stderr.isatty():
        yield _Lines(title)
        return
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bars

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn())
    with Bars(*columns, TimeElapsedColumn(), console=console(errors=True), transient=True) as bars:
        yield _Bar(bars, title)


class _Told(ABC):
    """Says an ingest's progress in targets, and in passages while a large target is embedded."""

    @abstractmethod
    def __call__(self, done: int, total: int, what: str) -> None: ...

    def ingest(self, at: IngestProgress) -> None:
        name = PurePath(at.uri).name
        part = f" ({at.passages}/{at.passages_total})" if at.passages_total else ""
        self(at.done, at.total, f"{name}{part}")


class _Bar(_Told):
    """Progress for people."""

    def __init__(self, bars: Bars, title: str) -> None:
        self._bars = bars
        self._title = title
        self._task = bars.add_task(title, total=None)

    def __call__(self, done: int, total: int, what: str) -> None:
        self._bars.update(self._task, completed=done, total=total, description=f"{self._title} {what}"[:60])


class _Lines(_Told):
    """Progress for logs."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._tenths = 0

    def __call__(self, done: int, total: int, what: str) -> None:
        tenths = done * 10 // max(total, 1)
        if tenths > self._tenths:
            self._tenths = tenths
            note(f"{self._title} {done}/{total}")


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    if isinstance(value, frozenset | set):
        return sorted(value)
    return str(value)
