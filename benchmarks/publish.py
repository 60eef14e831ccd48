"""Make docs/benchmarks.md of benchmarks/results/*.json: `python -m benchmarks.publish`.

The page holds nothing that was not measured: a test makes it anew and compares.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.report import RESULTS

PAGE = Path(__file__).parents[1] / "docs" / "benchmarks.md"
_ORDER = (
    "squad",
    "routing",
    "household-test",
    "pairs",
    "store",
    "stores",
    "cost",
    "load",
    "discord_latency",
    "discord_thousand",
    "discord_peer",
    "simulator",
    "tuned_router",
    "tuned_answers",
)
_HEAD = """# Benchmarks

Every figure here was measured by the command above its table, on the machine and day named there; none is
typed by hand (`python -m benchmarks.publish` makes this page of `benchmarks/results/`). Quality figures run
on fixed seeds. Quantized models round differently on different processors, which may move a share by a few
tenths of a percent. A goal that is missed says so.
Where the data come from: [benchmarks/README.md](../benchmarks/README.md).
"""


def page() -> str:
    """Return the page as it must be."""
    reports = {path.stem: json.loads(path.read_text("utf-8")) for path in sorted(RESULTS.glob("*.json"))}
    names = [name for name in _ORDER if name in reports]
    names += [name for name in reports if name not in _ORDER]
    return "\n".join([_HEAD, *("\n".join(_report(reports[name])) for name in names)])


def _report(report: dict[str, Any]) -> Iterator[str]:
    yield f"## {report['title']}\n"
    yield f"`{report['command']}`, {report['date']}, {report['machine']}\n"
    for goal in report["goals"]:
        yield f"- **{'reached' if goal['reached'] else 'missed'}**: {goal['text']}. {goal['note']}".rstrip()
    if report["goals"]:
        yield ""
    for section in report["sections"]:
        yield from _section(section)
    for picture in report["pictures"]:
        yield f"![{report['title']}](pictures/{picture})\n"


def _section(section: dict[str, Any]) -> Iterator[str]:
    columns = section["columns"]
    yield f"### {section['title']}\n"
    yield "| " + " | ".join(columns) + " |"
    yield "|" + "---|" * len(columns)
    for row in section["rows"]:
        yield "| " + " | ".join(str(row[column]) for column in columns) + " |"
    yield ""
    if section["note"]:
        yield section["note"] + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
    print(f"written: {PAGE}")
