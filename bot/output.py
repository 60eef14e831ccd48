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
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from agent.answering.display import one_line

if TYPE_CHECKING:
    from rich.progress import Progress as Bars

    from agent.ingest.report import Progress as IngestProgress

T = TypeVar("T")

GuildOption = Annotated[str, typer.Option("--guild", help="Whose knowledge; the terminal's is `local`.")]
IdArgument = Annotated[str, typer.Argument(metavar="ID", help="The first characters of its id do.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, for scripts.")]


class Progress(ABC):
    """Something long that tells how far it is."""

    @abstractmethod
    def __call__(self, done: int, total: int, what: str) -> None:
        """Say how much is done, of how much, and what is being done."""

    def ingest(self, at: IngestProgress) -> None:
        """The same, as an ingest says it: targets, and passages while a large target is embedded."""
        name = one_line(PurePath(at.uri).name)
        part = f" ({at.passages}/{at.passages_total})" if at.passages_total else ""
        self(at.done, at.total, f"{name}{part}")


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run one command's work; Ctrl-C cancels it, so that it can clean up, and exits with 1."""
    try:
        return asyncio.run(work)
    except KeyboardInterrupt:
        note("\nStopped. Nothing is broken: run it again to go on.")
        raise typer.Exit(1) from None


def print_json(value: Any, *, indent: int | None = 2) -> None:
    """Print a dataclass, or anything made of such, as one JSON value."""
    print(json.dumps(value, ensure_ascii=False, indent=indent, default=_plain), flush=True)


def print_table(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Print rows with a header on a terminal; elsewhere one row a line, its cells parted by tabs."""
    cells = [[one_line("" if cell is None else str(cell)) for cell in row] for row in rows]
    if not sys.stdout.isatty():
        for row in cells:
            print("\t".join(row))
        return
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in cells:
        table.add_row(*(Text(cell) for cell in row))
    Console().print(table)


def note(text: str) -> None:
    """Say something that is not the result."""
    print(text, file=sys.stderr, flush=True)


@contextmanager
def waiting(what: str) -> Iterator[None]:
    """Say on a terminal what takes a moment; nothing of it stays."""
    if not sys.stderr.isatty():
        yield
        return
    from rich.console import Console

    with Console(stderr=True).status(f"{what} …"):
        yield


@contextmanager
def progress(title: str) -> Iterator[Progress]:
    """Show a bar on a terminal, and a line every tenth part elsewhere."""
    if not sys.stderr.isatty():
        yield _Lines(title)
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bars

    with Bars(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        transient=True,
        # Results that go into a file or a pipe must not be drawn above the bar instead.
        redirect_stdout=sys.stdout.isatty(),
    ) as bars:
        yield _Bar(bars, title)


class _Bar(Progress):
    """Progress for people."""

    def __init__(self, bars: Bars, title: str) -> None:
        self._bars = bars
        self._title = title
        self._task = bars.add_task(title, total=None)

    def __call__(self, done: int, total: int, what: str) -> None:
        told = f"{self._title} {what}"[:60]
        self._bars.update(self._task, completed=done, total=total, description=told)


class _Lines(Progress):
    """Progress for logs."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._tenths = 0

    def __call__(self, done: int, total: int, what: str) -> None:
        tenths = done * 10 // max(total, 1)
        if tenths > self._tenths and total > 1:
            self._tenths = tenths
            note(f"{self._title} {done}/{total}")


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    if isinstance(value, frozenset | set):
        return sorted(value)
    return str(value)
