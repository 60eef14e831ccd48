"""docs/labels.md says of the rules and of scrubbing what the code does."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tests.tuning.scrubbing import ROWS, measure
from tuning.labels.grouping import ALIKE
from tuning.labels.label import Doubt
from tuning.labels.rules import RULES
from tuning.scrubbing.finds import Kind

TEXT: Final = (Path(__file__).parents[2] / "docs" / "labels.md").read_text("utf-8")


def rows(first_heading: str) -> Iterator[list[str]]:
    """The cells of the table whose first column has this heading."""
    table = TEXT[TEXT.index(f"| {first_heading} |") :].partition("\n\n")[0]
    for line in table.splitlines()[2:]:
        yield [cell.strip(" `") for cell in line.strip("|").split("|")]


def test_every_rule_is_told_with_its_version() -> None:
    told = [tuple(cells[:5]) for cells in rows("rule")]
    assert told == [
        (rule.name, str(rule.version), rule.task, rule.polarity, str(rule.weight)) for rule in RULES
    ]


def test_every_doubt_is_told() -> None:
    assert [cells[0] for cells in rows("doubt")] == list(Doubt)


def test_every_placeholder_is_told() -> None:
    assert [cells[0] for cells in rows("placeholder")] == [f"[{kind}]" for kind in Kind]


def test_the_figures_are_those_of_the_test_set() -> None:
    seen, held_out = measure("development"), measure("held out")
    for told in (
        f"on {len(ROWS)} sentences",
        f"of the {seen.total.total()} pieces",
        f"{seen.found.total()} are found ({seen.recall:.1%})".replace("%", " %"),
        f"of {held_out.total.total()} in sentences",
        f"{held_out.found.total()} ({held_out.recall:.1%}), with {len(held_out.wrong)}".replace("%", " %"),
        f"cosine of {ALIKE}",
    ):
        assert told in " ".join(TEXT.split())
