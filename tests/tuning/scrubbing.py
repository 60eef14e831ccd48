"""The test set of the scrubber, and what is found of it.

In scrubbing.jsonl personal data stands as `⟦kind:text⟧`; every name and number in it is invented or reserved
for examples. The patterns were written with the development lines in view, and never changed for the held out
ones: theirs is the recall to expect of a new guild.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from tuning.scrubbing.finds import Find, Kind
from tuning.scrubbing.scrubber import Scrubber

AUTHORS = (
    "Ana García",
    "Ben Whitfield",
    "Grace Liu",
    "Jo",
    "José Luis",
    "Marisol",
    "Mark",
    "pool_fan99",
    "The Pool Guy",
    "Tomás Ortega",
)
TOPICS = ("Pool & spa", "car")
_MARK = re.compile(r"⟦(\w+):(.*?)⟧")


@dataclass(frozen=True)
class Line:
    text: str
    personal: tuple[Find, ...]


def line_of(marked: str) -> Line:
    text, at = "", 0
    personal: list[Find] = []
    for match in _MARK.finditer(marked):
        text += marked[at : match.start()]
        personal.append(Find(Kind(match[1]), len(text), len(text) + len(match[2])))
        text, at = text + match[2], match.end()
    return Line(text + marked[at:], tuple(personal))


ROWS = [
    json.loads(row)
    for row in (Path(__file__).parent / "scrubbing.jsonl").read_text(encoding="utf-8").splitlines()
]


@dataclass(frozen=True)
class Measured:
    total: Counter[Kind]
    found: Counter[Kind]
    missed: list[str]
    wrong: list[str]
    """Finds where nothing personal stands."""

    @property
    def recall(self) -> float:
        return self.found.total() / self.total.total()


def measure(of: str) -> Measured:
    """Scrub the lines of one set. What is found in part only is missed."""
    scrubber = Scrubber(AUTHORS, keep=TOPICS)
    measured = Measured(Counter(), Counter(), [], [])
    for line in (line_of(row["text"]) for row in ROWS if row["set"] == of):
        finds = scrubber.find(line.text)
        for truth in line.personal:
            whole = any(find.start <= truth.start and truth.end <= find.end for find in finds)
            measured.total[truth.kind] += 1
            measured.found[truth.kind] += whole
            if not whole:
                measured.missed.append(f"{truth.kind}: {line.text[truth.start : truth.end]} in: {line.text}")
        measured.wrong.extend(
            f"{find.kind}: {line.text[find.start : find.end]} in: {line.text}"
            for find in finds
            if not any(find.start < truth.end and truth.start < find.end for truth in line.personal)
        )
    return measured
