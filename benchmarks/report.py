"""The common end of every benchmark: a table for people, JSON for docs/benchmarks.md.

A benchmark prints its table, then writes benchmarks/results/NAME.json with the command, the machine and
the date. `python -m benchmarks.publish` makes docs/benchmarks.md of those files, so that the page cannot say
anything that was not measured.
"""

from __future__ import annotations

import json
import os
import platform
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

RESULTS = Path(__file__).parent / "results"
DATA = Path(os.environ.get("BENCHMARK_DATA", "../shared/data"))
"""Where banking77/ and squad2/ lie; benchmarks/README.md says where to get them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """What was to be reached, and whether it was. A miss says why."""

    text: str
    reached: bool
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """One table: every row has the keys of `columns`, numbers already rounded for people."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Mapping[str, Any]]
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    name: str
    title: str
    sections: Sequence[Section]
    goals: Sequence[Goal] = ()
    pictures: Sequence[str] = ()
    """File names under docs/pictures/."""
    figures: Mapping[str, Any] = field(default_factory=dict)
    """Raw figures, unrounded, for later comparison."""


def machine() -> str:
    """Describe this machine in a few words: processor, cores, memory, Python."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{_processor()}, {os.cpu_count()} cores, {memory:.0f} GiB, Python {platform.python_version()}"


def publish(report: Report) -> None:
    """Print the report and write benchmarks/results/NAME.json."""
    console = Console(width=140)
    for section in report.sections:
        table = Table(title=section.title, title_justify="left")
        for column in section.columns:
            table.add_column(column)
        for row in section.rows:
            table.add_row(*(str(row[column]) for column in section.columns))
        console.print(table)
        if section.note:
            console.print(section.note)
    for goal in report.goals:
        console.print(f"{'reached' if goal.reached else 'MISSED '}  {goal.text}  {goal.note}")
    RESULTS.mkdir(exist_ok=True)
    command = " ".join(["python -m", "benchmarks." + Path(sys.argv[0]).stem, *sys.argv[1:]])
    provenance = {
        "command": command,
        "machine": machine(),
        "date": datetime.now(UTC).date().isoformat(),
    }
    path = RESULTS / f"{report.name}.json"
    path.write_text(json.dumps(asdict(report) | provenance, indent=1, ensure_ascii=False) + "\n", "utf-8")
    console.print(f"written: {path}")


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text("utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()
