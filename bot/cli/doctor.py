"""`lorekeeper doctor`: what works, what does not, and what to do."""

from __future__ import annotations

import typer

from bot.output import JsonOption, print_json, run


def doctor(as_json: JsonOption = False) -> None:
    """Check configuration, stores, models and disk; exits with 1 when there is a problem."""
    run(_doctor(as_json))


async def _doctor(as_json: bool) -> None:
    from bot.doctor import examine

    findings = await examine()
    if as_json:
        print_json(findings)
    else:
        for finding in findings:
            print(f"{'ok     ' if finding.ok else 'PROBLEM'}  {finding.part:<14} {finding.said}")
            if finding.todo:
                print(f"         {'':<14} {finding.todo}")
    if not all(finding.ok for finding in findings):
        raise typer.Exit(1)
