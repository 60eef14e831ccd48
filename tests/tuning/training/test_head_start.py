"""What the base knows of the letters is in the adapter before the first step, or nothing is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from agent.models.protocol import ChatMessage
from tuning.recipes import Layers, Method, Objective, Recipe
from tuning.training.rows import Row

pytestmark = pytest.mark.usefixtures("training")

RECIPE = Recipe(rank=4, max_tokens=512)


def _encoded(tokenizer: Any, rows: Sequence[Row]) -> list[Any]:
    from tuning.training.process.encoding import Encoder

    return Encoder(tokenizer).rows(rows, 512)[0]


def _scorer(model: Any) -> tuple[Any, Any]:
    from tuning.training.process.group import Group
    from tuning.training.process.scoring import Scorer

    group = Group()
    return Scorer(model, [], 0, 2048, group), group


@pytest.mark.parametrize("layers", Layers)
def test_before_the_first_step_most_rows_are_told_right(loaded: Any, rows: list[Row], layers: Layers) -> None:
    from tuning.training.process.adapting import adapted
    from tuning.training.process.head_start import start_ahead

    model, tokenizer = loaded("llama")
    model = adapted(model, replace(RECIPE, layers=layers))
    encoded = _encoded(tokenizer, rows)
    scorer, group = _scorer(model)
    letters = sorted({each.ids[each.prompt] for each in encoded})

    def held_out() -> float:
        return float(scorer.all_nats(encoded[-12:]).sum())

    before = held_out()
    assert start_ahead(model, scorer, group, encoded[:-12], held_out)
    assert held_out() < before
    assert _right(model, encoded[:-12], letters) > 0.6  # of four letters


def _right(model: Any, encoded: Sequence[Any], letters: Sequence[int]) -> float:
    import torch

    with torch.no_grad():
        said = [
            model(input_ids=torch.tensor([each.ids[: each.prompt]])).logits[0, -1, list(letters)].argmax()
            for each in encoded
        ]
    right = [letters[int(at)] == each.ids[each.prompt] for at, each in zip(said, encoded, strict=True)]
    return float(sum(right)) / len(right)


def test_what_makes_the_held_out_rows_no_likelier_is_taken_back(loaded: Any, rows: list[Row]) -> None:
    import torch

    from tuning.training.process.adapting import adapted, trained
    from tuning.training.process.head_start import start_ahead

    model, tokenizer = loaded("llama")
    model = adapted(model, RECIPE)
    before = {name: each.detach().clone() for name, each in trained(model).items()}
    losses = iter([1.0, 1.0])
    scorer, group = _scorer(model)
    assert not start_ahead(model, scorer, group, _encoded(tokenizer, rows), lambda: next(losses))
    assert all(torch.equal(each, before[name]) for name, each in trained(model).items())


def test_one_letter_alone_teaches_nothing(loaded: Any, rows: list[Row]) -> None:
    from tuning.training.process.adapting import adapted
    from tuning.training.process.head_start import start_ahead

    model, tokenizer = loaded("llama")
    model = adapted(model, RECIPE)
    scorer, group = _scorer(model)
    same = [row for row in rows if row.completion == rows[0].completion]
    assert not start_ahead(model, scorer, group, _encoded(tokenizer, same), lambda: 0.0)


OTHER_TOPICS = (ChatMessage(role="system", content="Other topics."),)


@pytest.mark.parametrize(
    ("recipe", "change", "may"),
    [
        (RECIPE, {}, True),
        (replace(RECIPE, method=Method.RSLORA), {}, True),
        (replace(RECIPE, method=Method.QLORA), {}, True),
        (replace(RECIPE, method=Method.DORA), {}, False),
        (replace(RECIPE, method=Method.IA3), {}, False),
        (replace(RECIPE, method=Method.FULL), {}, False),
        (replace(RECIPE, objective=Objective.KTO), {}, False),
        (RECIPE, {"labels": ()}, False),
        (RECIPE, {"messages": OTHER_TOPICS}, False),
        (RECIPE, {"completion": "A), I think"}, False),
    ],
)
def test_only_rows_that_choose_among_the_same_letters_start_ahead(
    loaded: Any, rows: list[Row], recipe: Recipe, change: dict[str, Any], may: bool
) -> None:
    from tuning.training.process.head_start import may_start_ahead

    _, tokenizer = loaded("llama")
    some = [replace(rows[0], **change), *rows[1:6]]
    assert may_start_ahead(recipe, some, _encoded(tokenizer, some)) is may
