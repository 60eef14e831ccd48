"""docs/tuning.md says of recipes, plans, the gate and large models what the code does."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Final

import pytest

from agent.errors import UsageError
from tuning.datasets.splitting import SHARES
from tuning.evaluation.gate import DEFAULT_RULES
from tuning.loop.canary import WATCHED
from tuning.loop.making import LEAST_OF_EACH
from tuning.loop.plan import Plan
from tuning.recipes import Method, Recipe, Serving
from tuning.runs.proving import EXACT_NATS, SERVED_NATS
from tuning.runs.room import GB, need_of
from tuning.runs.size import Size

TEXT: Final = (Path(__file__).parents[2] / "docs" / "tuning.md").read_text("utf-8")
LARGE: Final = Size(parameters=8_030_261_248, layers=32, hidden=4096, feed_forward=14_336, vocabulary=128_256)
"""Llama 3.1 8B, by its published configuration."""


def rows(heading: str) -> Iterator[list[str]]:
    """The cells of the table whose heading begins so."""
    table = TEXT[TEXT.index(f"| {heading} |") :].partition("\n\n")[0]
    for line in table.splitlines()[2:]:
        yield [cell.strip() for cell in line.strip("|").split("|")]


def code(cell: str) -> str:
    return cell.strip("`")


RECIPE: Final = {code(cells[0]): cells[1:4] for cells in rows("value | default | from")}


def test_every_value_of_a_recipe_is_told_with_its_default() -> None:
    assert list(RECIPE) == [field.name for field in fields(Recipe)]
    for name, (default, _, _) in RECIPE.items():
        value = getattr(Recipe(), name)
        assert default == (f"{value:g}" if isinstance(value, float) else str(value)), name


@pytest.mark.parametrize("name", [name for name, (_, low, _) in RECIPE.items() if low])
def test_the_limits_of_a_recipe_are_those_of_the_code(name: str) -> None:
    kind = type(getattr(Recipe(), name))
    low, high = (kind(float(limit)) for limit in RECIPE[name][1:])
    room = {"micro_tokens": 200_000} if name == "max_tokens" else {}
    for value in (low, high):
        assert getattr(Recipe().changed(**room, **{name: value}), name) == value
    for value in (low - kind(1), high + kind(1)):
        with pytest.raises(UsageError):
            Recipe().changed(**room, **{name: value})


def test_every_method_is_told_with_how_it_serves() -> None:
    told = {code(cells[0]): cells[1:] for cells in rows("method | serves as")}
    assert list(told) == list(Method)
    words = {
        Serving.ADAPTER: "an adapter",
        Serving.MERGED: "not as an adapter",
        Serving.REFUSED: "not at all",
    }
    for name, (serves, remark) in told.items():
        recipe = Recipe(method=Method(name))
        assert serves == words[recipe.serving]
        assert recipe.why_not_served in remark


def test_every_value_of_a_plan_is_told_with_its_default() -> None:
    told = [
        (code(name), cells[1])
        for cells in rows("value | default | what it does")
        for name in cells[0].split(", ")
    ]
    assert [name for name, _ in told] == [field.name for field in fields(Plan)]
    plan = Plan()
    for name, default in told:
        value = getattr(plan, name)
        if isinstance(value, bool):
            assert default == ("yes" if value else "no")
        elif isinstance(value, int | float) and "," not in default:
            assert float(default) == value
    assert f"{plan.quiet_from}, {plan.quiet_to}" in dict(told).values()


def test_what_a_large_model_needs_is_what_is_asked_for() -> None:
    for cells in rows("recipe | graphics memory"):
        method, *values = (code(part) for part in cells[0].split(", "))
        given = {
            name: int(value) for name, _, value in (part.replace("`", "").partition(" ") for part in values)
        }
        need = need_of(LARGE, Recipe().changed(method=method, **given), on_card=True)
        assert cells[1:] == [f"{each / GB:.1f} GB" for each in (need.card, need.memory, need.disk)]


def test_the_figures_are_those_of_the_code() -> None:
    text = " ".join(TEXT.split())
    for told in (
        f"within {EXACT_NATS} nats",
        f"within {SERVED_NATS} nats",
        f"there are {DEFAULT_RULES.least} test questions or more",
        f"more than {DEFAULT_RULES.category_share:.0%}".replace("%", " %"),
        f"at most {DEFAULT_RULES.hallucination} lower",
        f"{DEFAULT_RULES.route_ms / 1000:g} s (topics) or {DEFAULT_RULES.answer_ms / 1000:g} s (answers)",
        f"for {WATCHED.days} days",
        f"{LEAST_OF_EACH} liked and {LEAST_OF_EACH} disliked answers",
    ):
        assert told in text
    assert [round(10 * share) for share in SHARES.values()] == [6, 1, 2, 1]
