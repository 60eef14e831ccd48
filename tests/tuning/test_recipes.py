from __future__ import annotations

from typing import Any

import pytest

from agent.errors import UsageError
from tuning.recipes import Method, Recipe, Serving, read_recipe


def test_a_recipe_comes_back_as_it_was_written() -> None:
    recipe = Recipe(method=Method.RSLORA, rank=8, learning_rate=3e-4)
    assert read_recipe(recipe.to_json()) == recipe
    assert read_recipe(recipe.to_json()).digest == recipe.digest
    assert recipe.changed(rank=4).digest != recipe.digest


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"rank": 0}', "rank is 1 to 256"),
        ('{"rank": "much"}', "rank is wrong"),
        ('{"rang": 8}', "knows no rang"),
        ('{"method": "magic"}', "method is wrong"),
        ('{"learning_rate": 2}', "learning_rate"),
        ('{"max_tokens": 4096}', "micro_tokens must hold"),
        ('{"method": "full", "objective": "kto"}', "does not leave whole"),
        ("[]", "wrong"),
        ("{", "no recipe"),
    ],
)
def test_what_cannot_work_is_refused_by_name(text: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        read_recipe(text)


@pytest.mark.parametrize(
    ("method", "serving"),
    [
        (Method.LORA, Serving.ADAPTER),
        (Method.RSLORA, Serving.ADAPTER),
        (Method.QLORA, Serving.ADAPTER),
        (Method.DORA, Serving.MERGED),
        (Method.IA3, Serving.MERGED),
        (Method.PREFIX, Serving.REFUSED),
        (Method.FULL, Serving.MERGED),
        (Method.PARTIAL, Serving.MERGED),
    ],
)
def test_each_method_says_how_it_is_served_and_why_not(method: Method, serving: Serving) -> None:
    recipe = Recipe(method=method)
    assert recipe.serving is serving
    assert bool(recipe.why_not_served) == (serving is not Serving.ADAPTER)


@pytest.mark.parametrize(
    ("values", "alpha"),
    [({"rank": 16, "alpha": 32.0}, 32.0), ({"method": Method.RSLORA, "rank": 16, "alpha": 32.0}, 128.0)],
)
def test_the_scale_of_rslora_is_folded_into_what_is_served(values: dict[str, Any], alpha: float) -> None:
    assert Recipe(**values).served_alpha == alpha
