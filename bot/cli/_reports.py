"""What an ingest or a refresh did, for people and for scripts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from bot.cli._output import note, print_json

if TYPE_CHECKING:
    from agent.ingest.report import IngestReport, TargetReport


def print_report(report: IngestReport, *, as_json: bool) -> None:
    """Print it and exit with 1 when anything failed."""
    from agent.ingest.report import Outcome

    if as_json:
        print_json({"targets": report.targets, "stopped": report.stopped, "ok": report.ok})
    else:
        for target in report.targets:
            if target.outcome is not Outcome.UNCHANGED:
                print(_line(target))
        counts = [f"{report.count(outcome)} {outcome.value}" for outcome in Outcome if report.count(outcome)]
        note(", ".join(counts) or "There was nothing to read.")
        if report.stopped:
            note(f"lorekeeper: stopped: {report.stopped}\n  {report.hint}".rstrip())
    if not report.ok:
        raise typer.Exit(1)


def _line(target: TargetReport) -> str:
    name = target.title or target.uri
    if target.reason:
        return f"{target.outcome.value:<9} {target.uri}: {target.reason} {target.hint}".rstrip()
    line = f"{target.outcome.value:<9} {name} ({target.added} passages"
    line += f", {target.kept} kept" if target.kept else ""
    line += f", {target.removed} removed)" if target.removed else ")"
    if target.choice is not None and target.choice.category is not None:
        line += f" in {target.choice.category}"
        if target.choice.probability < 1:
            line += f" ({target.choice.probability:.0%} sure)"
    return line
