"""`lorekeeper doctor`: what works, what does not, and what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from bot.output import JsonOption, print_json, run

if TYPE_CHECKING:
    from bot.doctor import Finding


def doctor(as_json: JsonOption = False) -> None:
    """Check configuration, stores, models and disk; exits with 1 when there is a problem."""
    run(_doctor(as_json))


async def _doctor(as_json: bool) -> None:
    from bot.doctor import examine

    findings: list[Finding] = []
    async for finding in examine():
        findings.append(finding)
        if not as_json:
            _print(finding)
    if as_json:
        print_json(findings)
    if not all(finding.ok for finding in findings):
        raise typer.Exit(1)


def _print(finding: Finding) -> None:
    print(f"{'ok     ' if finding.ok else 'PROBLEM'}  {finding.part:<14} {finding.said}", flush=True)
    if finding.todo:
        print(f"         {'':<14} {finding.todo}")
