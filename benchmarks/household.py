"""The household questions through the whole agent: routed, quoted and declined right, by language.

    python -m benchmarks.household [--split test] [--data-dir DIR]

Questions are asked as on 2026-11-22, the day the sample was written for. The *test* split is reported; the
*tune* split gave the router its examples and the judge part of its coefficients, and must not be.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from agent.contracts import Answered, Question
from agent.runtime import Installation, open_installation
from agent.settings import load_settings
from benchmarks.report import Report, Section, publish
from bot.sample import HOUSEHOLD, load_sample

ASKED = datetime(2026, 11, 22, 12, tzinfo=ZoneInfo("UTC"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    row: dict[str, Any]
    answered: Answered

    @property
    def in_scope(self) -> bool:
        return self.row["category"] is not None

    @property
    def routed(self) -> bool:
        """The most probable category is the right one."""
        route = self.answered.route
        return bool(route and route.scores and route.scores[0].category == self.row["category"])

    @property
    def quoted(self) -> bool:
        """A quote holds the answer, verbatim but for case and white space."""
        wanted = _plain(self.row["answer"] or "")
        return any(wanted in _plain(quote.text) for quote in self.answered.answer.quotes)

    @property
    def declined(self) -> bool:
        return self.answered.answer.declined


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--split", choices=("test", "tune"), default="test")
    parser.add_argument("--data-dir", type=Path, help="Kept between runs; a temporary folder when absent.")
    parser.add_argument("--show", action="store_true", help="Print every question that went wrong.")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        settings = load_settings(None, data_dir=arguments.data_dir or Path(folder))
        async with open_installation(settings) as installation:
            await load_sample(installation)
            outcomes = await ask_all(installation, read(arguments.split))
    if arguments.show:
        show_mistakes(outcomes)
    publish(report(outcomes, arguments.split))


def read(split: str) -> list[dict[str, Any]]:
    """Return the rows of one split of the sample's questions."""
    lines = (HOUSEHOLD / "questions" / f"{split}.jsonl").read_text("utf-8").splitlines()
    return [json.loads(line) for line in lines]


async def ask_all(installation: Installation, rows: Sequence[dict[str, Any]]) -> list[Outcome]:
    outcomes: list[Outcome] = []
    for row in rows:
        question = Question(text=row["question"], asked_at=ASKED)
        async for event in installation.agent.ask(question):
            if isinstance(event, Answered):
                outcomes.append(Outcome(row=row, answered=event))
    if len(outcomes) != len(rows):
        raise RuntimeError(f"{len(rows) - len(outcomes)} questions failed; see the log.")
    return outcomes


def report(outcomes: Sequence[Outcome], split: str) -> Report:
    groups = {
        "English": [each for each in outcomes if each.row["language"] == "en"],
        "Spanish": [each for each in outcomes if each.row["language"] == "es"],
        "cross-lingual": [each for each in outcomes if each.row["kind"] == "cross-lingual"],
        "all": list(outcomes),
    }
    rows = [_row(name, group) for name, group in groups.items()]
    times = [each.answered.episode.timings["total"] for each in outcomes]
    own = [each.answered.episode.timings["own"] for each in outcomes]
    note = (
        f"median {np.median(times):.0f} ms a question, of it the agent's own {np.median(own):.0f} ms; "
        f"model asked for {sum(bool(e.answered.route and e.answered.route.model_asked) for e in outcomes)} "
        f"of {len(outcomes)} routes"
    )
    return Report(
        name=f"household-{split}",
        title=f"The household sample, {split} split",
        sections=[Section(title=f"household, {split} split", columns=list(rows[0]), rows=rows, note=note)],
        figures={"by_kind": [_row(kind, _of_kind(outcomes, kind)) for kind in _kinds(outcomes)]},
    )


def show_mistakes(outcomes: Sequence[Outcome]) -> None:
    for each in outcomes:
        row, answer = each.row, each.answered.answer
        if (row["answerable"] and not each.quoted) or (not row["answerable"] and not each.declined):
            top = each.answered.route.scores[0].category if each.answered.route else None
            print(f"{row['id']} [{row['kind']}] {row['question']} -> {top} (want {row['category']})")
            print(f"    want {row['answer']!r}; {answer.kind.value}: {answer.text[:160]!r} {answer.reason}")


def _row(name: str, group: Sequence[Outcome]) -> dict[str, Any]:
    in_scope = [each for each in group if each.in_scope]
    answerable = [each for each in group if each.row["answerable"]]
    unanswerable = [each for each in in_scope if not each.row["answerable"]]
    out_of_scope = [each for each in group if not each.in_scope]
    return {
        "questions": f"{name} ({len(group)})",
        "routed right": _share([each.routed for each in in_scope]),
        "quoted right": _share([each.quoted for each in answerable]),
        "wrongly declined": _share([each.declined for each in answerable]),
        "unanswerable declined": _share([each.declined for each in unanswerable]),
        "out of scope declined": _share([each.declined for each in out_of_scope]),
    }


def _share(values: Sequence[bool]) -> str:
    return f"{100 * sum(values) / len(values):.1f} % of {len(values)}" if values else "-"


def _kinds(outcomes: Sequence[Outcome]) -> list[str]:
    return sorted({each.row["kind"] for each in outcomes})


def _of_kind(outcomes: Sequence[Outcome], kind: str) -> list[Outcome]:
    return [each for each in outcomes if each.row["kind"] == kind]


def _plain(text: str) -> str:
    return " ".join(text.split()).casefold()


if __name__ == "__main__":
    asyncio.run(main())
