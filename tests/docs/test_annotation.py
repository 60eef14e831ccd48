"""docs/annotation.md says of the queue, the rules and the version what the code does."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pytest

from agent.serving.served import Task
from agent.settings import Settings
from tuning.annotation.agreement import RELIABLE
from tuning.annotation.guideline import GUIDELINE
from tuning.annotation.item import Kind
from tuning.annotation.queue import UNSURE, WEIGHTS
from tuning.annotation.schemas import file_name
from tuning.annotation.validation import Rule

TEXT: Final = (Path(__file__).parents[2] / "docs" / "annotation.md").read_text("utf-8")


def first_cells(heading: str) -> list[str]:
    table = TEXT[TEXT.index(f"| {heading} |") :].partition("\n\n")[0]
    return [line.split("|")[1].strip(" `") for line in table.splitlines()[2:]]


def test_the_version_is_told() -> None:
    assert re.findall(r"\*\*version (\d+)\*\*", TEXT) == [str(GUIDELINE)]


def test_every_kind_that_waits_is_told_in_the_order_of_its_weight() -> None:
    told = [Kind(cell) for cell in first_cells("kind")]
    assert set(told) == set(Kind) - {Kind.BROUGHT}
    assert [WEIGHTS[kind] for kind in told] == [4, 4, 4, 3, 3, 2, 1]


def test_every_rule_is_told() -> None:
    assert first_cells("rule") == list(Rule)


@pytest.mark.parametrize("task", Task)
def test_every_schema_is_linked(task: Task) -> None:
    assert f"(schemas/{file_name(task)})" in TEXT


def test_the_figures_are_those_of_the_code() -> None:
    assert f"less than {UNSURE:.0%}".replace("%", " %") in TEXT
    assert f"below {RELIABLE}" in TEXT
    assert (Settings().review_double_share, "A tenth of the queue" in TEXT) == (0.1, True)
