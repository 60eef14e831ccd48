"""Each method of a recipe really trained, and served as the recipe says: as an adapter, merged, or not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from agent.errors import ModelBrokenError, ModelMissingError, UsageError
from tests.tuning.training.runs import apart, job, losses, proof, train
from tuning.export.base import read_base
from tuning.export.gguf_lora import write_gguf_lora
from tuning.export.merged import write_merged_gguf
from tuning.recipes import Layers, Method, Recipe, Serving
from tuning.training.job import ADAPTER, CHANGED_WEIGHTS, metrics
from tuning.training.rows import Row

pytestmark = pytest.mark.usefixtures("training")

TOLERANCE = 0.02
"""Nats."""

_SHORT = Recipe(rank=4, batch=8, epochs=2, learning_rate=0.02, max_tokens=512, evaluations=1, seed=3)
_RECIPES = {
    "lora-all": _SHORT.changed(layers=Layers.ALL),
    "lora-mlp": _SHORT,
    "rslora": _SHORT.changed(method=Method.RSLORA),
    "dora": _SHORT.changed(method=Method.DORA, layers=Layers.ALL),
    "ia3": _SHORT.changed(method=Method.IA3, learning_rate=0.05),
    "prefix": _SHORT.changed(method=Method.PREFIX, prefix_tokens=4, learning_rate=0.05),
    "full": _SHORT.changed(method=Method.FULL, learning_rate=0.003),
    "partial": _SHORT.changed(method=Method.PARTIAL, top_layers=1, learning_rate=0.003),
}


def test_no_method_is_forgotten() -> None:
    assert {recipe.method for recipe in _RECIPES.values()} == set(Method) - {Method.QLORA}


@pytest.fixture(scope="module", params=_RECIPES)
def trained(
    request: pytest.FixtureRequest, tiny_folder: Path, rows: list[Row], tmp_path_factory: Any
) -> tuple[Recipe, Path]:
    recipe = _RECIPES[request.param]
    folder = tmp_path_factory.mktemp(request.param)
    assert train(folder, job(folder, tiny_folder, rows, recipe))
    return recipe, folder


async def test_every_method_learns_and_is_served_as_its_recipe_says(
    trained: tuple[Recipe, Path], tiny: Any, tmp_path: Path
) -> None:
    recipe, folder = trained
    before, *_, after = losses(folder)
    assert after < 0.97 * before
    base, target = read_base(tiny("llama")), tmp_path / "tuned.gguf"
    if recipe.serving is Serving.ADAPTER:
        write_gguf_lora(folder / ADAPTER, base, target, alpha=recipe.served_alpha, name="tuned")
        assert await apart(folder, base.path, target) < TOLERANCE
    elif recipe.serving is Serving.MERGED:
        write_merged_gguf(folder / ADAPTER, base, target)
        assert await apart(folder, target) < TOLERANCE
    else:
        assert "prefix" in recipe.why_not_served
        with pytest.raises(ModelBrokenError, match="cannot hold"):
            write_gguf_lora(folder / ADAPTER, base, target, alpha=1.0, name="tuned")
        with pytest.raises(ModelMissingError, match="no changed weights"):
            write_merged_gguf(folder / ADAPTER, base, target)


def test_only_what_is_served_merged_leaves_whole_weights(trained: tuple[Recipe, Path]) -> None:
    recipe, folder = trained
    assert (folder / ADAPTER / CHANGED_WEIGHTS).exists() == (recipe.serving is Serving.MERGED)


@pytest.mark.parametrize("rounded", ["weights", "precision"])
async def test_an_adapter_trained_on_a_rounded_base_is_proven_on_the_whole_one(
    tiny: Any, tiny_folder: Path, rows: list[Row], tmp_path: Path, rounded: str
) -> None:
    recipe = _SHORT.changed(epochs=1)
    assert train(tmp_path, job(tmp_path, tiny_folder, rows, recipe, **{rounded: "bfloat16"}))
    assert next(metrics(tmp_path))["resting"] == "bfloat16"
    target = tmp_path / "tuned.gguf"
    write_gguf_lora(tmp_path / ADAPTER, read_base(tiny("llama")), target, alpha=recipe.alpha, name="tuned")
    assert len(proof(tmp_path)) == 12
    assert await apart(tmp_path, tiny("llama"), target) < TOLERANCE


def test_qlora_without_a_card_says_so_in_one_line(
    tiny_folder: Path, rows: list[Row], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    run = job(tmp_path, tiny_folder, rows, _SHORT.changed(method=Method.QLORA))
    with pytest.raises(UsageError, match="QLoRA needs a graphics card"):
        train(tmp_path, run)


def test_qlora_without_bitsandbytes_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    from tuning.training.process import base

    monkeypatch.setattr(base.importlib.util, "find_spec", lambda _: None)
    with pytest.raises(UsageError, match="needs bitsandbytes") as raised:
        base.require_qlora(torch.device("cuda"))
    assert "pip install" in raised.value.hint


def test_a_gguf_file_is_known_by_how_it_begins(tiny: Any, loaded: Any, tmp_path: Path) -> None:
    from tuning.training.process.base import is_gguf

    assert loaded("llama")[0].config.name_or_path == str(tiny("llama").parent)
    assert is_gguf(tiny("llama").with_suffix(""))
    assert is_gguf(tmp_path / "absent.gguf")
    (tmp_path / "other").write_bytes(b"GGML and more")
    assert not is_gguf(tmp_path / "other")
    assert not is_gguf(tmp_path)
