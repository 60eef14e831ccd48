"""What became of an ingest, a refresh or a question that failed, for people and for scripts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from agent.answering.display import one_line
from agent.errors import ConfigurationError, LorekeeperError, UsageError
from agent.language.counts import Count
from bot.output import note, print_json

if TYPE_CHECKING:
    from agent.contracts import Failed
    from agent.ingest.report import IngestReport, TargetReport


FAILED, WRONG_USE = 1, 2
"""Exit codes."""


def exit_code(error: LorekeeperError) -> int:
    return WRONG_USE if isinstance(error, UsageError | ConfigurationError) else FAILED


def failure_code(failed: Failed) -> int:
    """Return the exit code of a question that got no answer."""
    return WRONG_USE if failed.misuse else FAILED


def print_error(error: LorekeeperError) -> None:
    _explain(str(error), error.hint)


def print_failure(failed: Failed) -> None:
    _explain(failed.message, failed.hint)


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
            _explain(f"stopped: {report.stopped}", report.hint)
    if not report.ok:
        raise typer.Exit(FAILED)


def _line(target: TargetReport) -> str:
    uri = one_line(target.uri)
    name = target.title or uri
    if target.reason:
        return f"{target.outcome.value:<9} {uri}: {target.reason} {target.hint}".rstrip()
    line = f"{target.outcome.value:<9} {name} ({Count(target.added):# passage|# passages}"
    line += f", {target.kept} kept" if target.kept else ""
    line += f", {target.removed} removed)" if target.removed else ")"
    if target.choice is not None and target.choice.category is not None:
        line += f" in {target.choice.category}"
        if target.choice.probability < 1:
            line += f" ({target.choice.probability:.0%} sure)"
    return line


def _explain(message: str, hint: str) -> None:
    note(f"lorekeeper: {message}")
    if hint:
        note(f"  {hint}")
