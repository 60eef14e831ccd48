"""An exported adapter says in the engine what it said in PyTorch, whatever the family of its base."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from agent.errors import ModelBrokenError, ModelMissingError, UsageError
from agent.models.llama import AdapterFile, LlamaChatModel, LlamaConfig
from tests.tuning.training.tiny import HIDDEN
from tuning.export.base import Base, read_base, write_f32_copy
from tuning.export.gguf_lora import WEIGHTS, read_pairs, write_gguf_lora
from tuning.export.layout import permuted
from tuning.recipes import Layers, Method, Recipe
from tuning.training.rows import Row

TOLERANCE = 0.02
"""Nats."""


def _trained(base: tuple[Any, Any], recipe: Recipe, rows: list[Row], folder: Path) -> list[list[float]]:
    """Save an adapter of random weights; return what PyTorch says with it, row by row."""
    import torch

    from tuning.training.process.adapting import adapted, save, trained
    from tuning.training.process.encoding import Encoder
    from tuning.training.process.proof import label_nats

    model, tokenizer = base
    torch.manual_seed(1)
    model = adapted(model, recipe).eval()
    for weights in trained(model).values():
        torch.nn.init.normal_(weights, std=0.15)
    save(model, folder)
    return [label_nats(model, Encoder(tokenizer), row) for row in rows]


async def _served(base: Path, adapter: Path, rows: list[Row]) -> tuple[list[Any], list[Any], list[Any]]:
    """What the engine says with the adapter, without it, and with it again."""
    loaded = AdapterFile(name="tuned", path=adapter, digest="d")
    config = LlamaConfig(
        path=base, name="tiny", digest="", threads=2, context_tokens=1024, adapters=(loaded,)
    )
    model = await LlamaChatModel.open(config)
    tuned = model.using("tuned")
    try:
        assert (tuned.info.adapter, tuned.info.adapter_digest) == ("tuned", "d")
        with pytest.raises(UsageError, match="without the adapter other"):
            model.using("other")
        told = [
            [await each.likelihoods(row.messages, row.labels) for row in rows]
            for each in (tuned, model, tuned)
        ]
    finally:
        await model.close()
    return told[0], told[1], told[2]


@pytest.mark.usefixtures("training")
@pytest.mark.parametrize("architecture", ["llama", "qwen2", "gemma2"])
@pytest.mark.parametrize("method", [Method.LORA, Method.RSLORA])
def test_the_engine_says_what_pytorch_says(
    tiny: Any, loaded: Any, rows: list[Row], tmp_path: Path, architecture: str, method: Method
) -> None:
    recipe = Recipe(method=method, layers=Layers.ALL, rank=4, alpha=8.0)
    base = tiny(architecture)
    asked = rows[:4]
    expected = np.array(_trained(loaded(architecture), recipe, asked, tmp_path))
    target = tmp_path / "tuned.gguf"
    changed = write_gguf_lora(
        tmp_path / "adapter", read_base(base), target, alpha=recipe.served_alpha, name="tuned"
    )
    assert len(changed) == 14
    tuned, plain, again = asyncio.run(_served(base, target, asked))
    assert np.abs(np.array(tuned) - expected).max() < TOLERANCE
    assert np.abs(np.array(plain) - expected).max() > 10 * TOLERANCE
    assert np.allclose(tuned, again, atol=1e-6)


@pytest.fixture(scope="module")
def llama(tiny: Any) -> Base:
    return read_base(tiny("llama"))


@pytest.fixture(scope="module")
def adapter(loaded: Any, rows: list[Row], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("adapter")
    _trained(loaded("llama"), Recipe(rank=4, layers=Layers.ALL), rows[:1], folder)
    return folder / "adapter"


def _spoilt(adapter: Path, folder: Path, spoil: Any) -> Path:
    tensors = load_file(adapter / WEIGHTS)
    spoil(tensors)
    folder.mkdir()
    save_file(tensors, folder / WEIGHTS)
    return folder


def _half(tensors: dict[str, Any]) -> None:
    tensors.pop(next(key for key in tensors if "lora_A" in key))


def _magnitude(tensors: dict[str, Any]) -> None:
    key = next(iter(tensors)).replace("lora_A.weight", "lora_magnitude_vector")
    tensors[key] = np.ones(4, dtype=np.float32)


def _not_a_number(tensors: dict[str, Any]) -> None:
    tensors[next(iter(tensors))][0, 0] = np.nan


def _another_size(tensors: dict[str, Any]) -> None:
    key = next(key for key in tensors if "lora_A" in key)
    tensors[key] = np.zeros((4, HIDDEN + 1), dtype=np.float32)


def _another_layer(tensors: dict[str, Any]) -> None:
    for key in [key for key in tensors if "layers.0.mlp.up_proj" in key]:
        tensors[key.replace("layers.0", "layers.77")] = tensors.pop(key)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (_half, "only half"),
        (_magnitude, "cannot hold"),
        (_not_a_number, "no numbers"),
        (_another_size, "another base"),
        (_another_layer, "does not have"),
        (dict.clear, "empty"),
    ],
)
def test_a_broken_adapter_is_refused_before_anything_is_written(
    adapter: Path, llama: Base, tmp_path: Path, spoil: Any, said: str
) -> None:
    broken = _spoilt(adapter, tmp_path / "broken", spoil)
    target = tmp_path / "tuned.gguf"
    with pytest.raises(ModelBrokenError, match=said):
        write_gguf_lora(broken, llama, target, alpha=1.0, name="tuned")
    assert not list(tmp_path.glob("*tuned*"))


def test_a_cut_or_absent_adapter_is_refused(adapter: Path, llama: Base, tmp_path: Path) -> None:
    with pytest.raises(ModelMissingError, match="no adapter"):
        list(read_pairs(tmp_path, llama))
    (tmp_path / WEIGHTS).write_bytes((adapter / WEIGHTS).read_bytes()[:-100])
    with pytest.raises(ModelBrokenError, match="cannot be read"):
        list(read_pairs(tmp_path, llama))


def test_permuting_moves_halves_of_each_head_beside_each_other() -> None:
    rows = np.arange(8, dtype=np.float32).reshape(8, 1)
    assert permuted(rows, 2)[:, 0].tolist() == [0, 2, 1, 3, 4, 6, 5, 7]


def test_a_copy_in_whole_precision_keeps_all_but_the_numbers(llama: Base, tmp_path: Path) -> None:
    write_f32_copy(llama.path, tmp_path / "copy.gguf")
    one, other = llama, read_base(tmp_path / "copy.gguf")
    assert (one.shapes, one.heads, one.kv_heads, one.blocks) == (
        other.shapes,
        other.heads,
        other.kv_heads,
        other.blocks,
    )


def test_a_family_that_is_not_known_is_refused(tmp_path: Path) -> None:
    import gguf

    strange = tmp_path / "strange.gguf"
    writer = gguf.GGUFWriter(strange, "mamba")
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()
    with pytest.raises(UsageError, match="mamba"):
        read_base(strange)
