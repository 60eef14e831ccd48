"""Changed weights written back into a GGUF file of the base's family say what PyTorch says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gguf
import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from agent.errors import ModelBrokenError
from agent.models.llama import LlamaChatModel, LlamaConfig
from tuning.export.base import read_base
from tuning.export.merged import write_merged_gguf
from tuning.recipes import Layers, Method, Recipe
from tuning.training.job import ADAPTER, CHANGED_WEIGHTS
from tuning.training.rows import Row

pytestmark = pytest.mark.usefixtures("training")

TOLERANCE = 0.02
"""Nats."""


def _changed(base: tuple[Any, Any], method: Method, rows: list[Row], folder: Path) -> list[list[float]]:
    """Save weights moved at random, far enough to be seen; return what PyTorch says then, row by row."""
    import torch

    from tuning.training.process.adapting import adapted, save, save_merged, trained
    from tuning.training.process.encoding import Encoder
    from tuning.training.process.proof import label_nats

    model, tokenizer = base
    torch.manual_seed(1)
    before = [label_nats(model, Encoder(tokenizer), row) for row in rows]
    model = adapted(model, Recipe(method=method, layers=Layers.ALL, rank=4, top_layers=1)).eval()
    with torch.no_grad():
        for weights in trained(model).values():
            weights.add_(torch.randn_like(weights) * 0.05)
    said = [label_nats(model, Encoder(tokenizer), row) for row in rows]
    assert np.abs(np.array(said) - before).max() > 2 * TOLERANCE
    save(model, folder)
    if method in (Method.DORA, Method.IA3):
        save_merged(model, folder)
    return said


async def _served(path: Path, rows: list[Row]) -> list[Any]:
    config = LlamaConfig(path=path, name="tiny", digest="", threads=2, context_tokens=1024)
    model = await LlamaChatModel.open(config)
    try:
        return [await model.likelihoods(row.messages, row.labels) for row in rows]
    finally:
        await model.close()


@pytest.mark.parametrize(
    ("architecture", "method"),
    [
        ("llama", Method.FULL),
        ("qwen2", Method.FULL),
        ("gemma2", Method.FULL),
        ("qwen2", Method.DORA),
        ("gemma2", Method.IA3),
    ],
)
async def test_a_merged_model_says_what_pytorch_says_in_every_family(
    tiny: Any, loaded: Any, rows: list[Row], tmp_path: Path, architecture: str, method: Method
) -> None:
    asked = rows[:3]
    expected = np.array(_changed(loaded(architecture), method, asked, tmp_path))
    target = tmp_path / "merged.gguf"
    changed = write_merged_gguf(tmp_path / ADAPTER, read_base(tiny(architecture)), target)
    assert len(changed) == len(load_file(tmp_path / ADAPTER / CHANGED_WEIGHTS))
    assert np.abs(np.array(await _served(target, asked)) - expected).max() < TOLERANCE


@pytest.fixture(scope="module")
def partial(loaded: Any, rows: list[Row], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with changed weights of the top layer of a tiny llama."""
    folder = tmp_path_factory.mktemp("partial")
    _changed(loaded("llama"), Method.PARTIAL, rows[:1], folder)
    return folder / ADAPTER


def _tensors(path: Path) -> dict[str, gguf.ReaderTensor]:
    return {tensor.name: tensor for tensor in gguf.GGUFReader(path).tensors}


def test_what_did_not_change_stays_bit_for_bit(tiny: Any, partial: Path, tmp_path: Path) -> None:
    target = tmp_path / "merged.gguf"
    changed = write_merged_gguf(partial, read_base(tiny("llama")), target)
    before, after = _tensors(tiny("llama")), _tensors(target)
    assert before.keys() == after.keys()
    assert {name for name in before if not np.array_equal(before[name].data, after[name].data)} == set(
        changed
    )
    assert all(name.startswith("blk.1.") for name in changed)
    one, other = gguf.GGUFReader(tiny("llama")), gguf.GGUFReader(target)
    fields = [
        {name: field.contents() for name, field in reader.fields.items() if not name.startswith("GGUF.")}
        for reader in (one, other)
    ]
    assert fields[0] == fields[1]


@pytest.mark.parametrize(
    ("of_base", "written"),
    [
        (gguf.GGMLQuantizationType.Q4_1, gguf.GGMLQuantizationType.Q4_1),
        (gguf.GGMLQuantizationType.Q8_0, gguf.GGMLQuantizationType.Q8_0),
        (gguf.GGMLQuantizationType.Q6_K, gguf.GGMLQuantizationType.Q8_0),
    ],
)
def test_a_changed_matrix_is_written_in_the_bases_type_where_that_can_be_written(
    of_base: gguf.GGMLQuantizationType, written: gguf.GGMLQuantizationType
) -> None:
    from tuning.export.merged import _kind

    assert _kind(of_base, (96, 64), quantized=True) is written
    assert _kind(of_base, (96, 64), quantized=False) is gguf.GGMLQuantizationType.F16
    assert _kind(of_base, (96, 40), quantized=True) in (of_base, gguf.GGMLQuantizationType.F16)
    for shape in ((64,), (96, 64)):
        kind = _kind(gguf.GGMLQuantizationType.F32, shape, quantized=False)
        assert kind is gguf.GGMLQuantizationType.F32, "never less precise than the base"


async def test_a_quantized_base_stays_quantized_when_asked(
    tiny: Any, partial: Path, rows: list[Row], tmp_path: Path
) -> None:
    from tuning.export.copying import Tensor, write_copy

    kind = gguf.GGMLQuantizationType.Q8_0
    reader = gguf.GGUFReader(tiny("llama"))
    small = tmp_path / "small.gguf"
    tensors = []
    for each in reader.tensors:
        shape = tuple(int(size) for size in reversed(each.shape))
        of = kind if len(shape) == 2 else each.tensor_type
        data = gguf.quantize(np.array(each.data, dtype=np.float32), of)
        tensors.append(Tensor(name=each.name, kind=of, shape=shape, data=lambda data=data: data))
    write_copy(reader, "llama", tensors, small, gguf.LlamaFileType.MOSTLY_Q8_0)
    whole, quantized = tmp_path / "whole.gguf", tmp_path / "quantized.gguf"
    changed = write_merged_gguf(partial, read_base(small), whole)
    assert write_merged_gguf(partial, read_base(small), quantized, quantized=True) == changed
    matrices = [name for name in changed if not name.endswith("norm.weight")]
    assert {_tensors(quantized)[name].tensor_type for name in matrices} == {kind}
    assert {_tensors(whole)[name].tensor_type for name in matrices} == {gguf.GGMLQuantizationType.F16}
    assert quantized.stat().st_size < whole.stat().st_size
    one, other = await _served(whole, rows[:3]), await _served(quantized, rows[:3])
    assert np.abs(np.array(one) - np.array(other)).max() < 0.2


def _spoilt(adapter: Path, folder: Path, spoil: Any) -> Path:
    tensors = load_file(adapter / CHANGED_WEIGHTS)
    spoil(tensors)
    folder.mkdir()
    save_file(tensors, folder / CHANGED_WEIGHTS)
    return folder


def _not_a_number(tensors: dict[str, Any]) -> None:
    tensors["model.layers.1.mlp.up_proj.weight"][0, 0] = np.nan


def _another_size(tensors: dict[str, Any]) -> None:
    tensors["model.layers.1.mlp.up_proj.weight"] = np.zeros((4, 4), dtype=np.float32)


def _another_layer(tensors: dict[str, Any]) -> None:
    tensors["model.layers.77.mlp.up_proj.weight"] = tensors.pop("model.layers.1.mlp.up_proj.weight")


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (_not_a_number, "no numbers"),
        (_another_size, "another base"),
        (_another_layer, "does not have"),
        (dict.clear, "changed nothing"),
    ],
)
def test_broken_weights_are_refused_and_leave_nothing(
    tiny: Any, partial: Path, tmp_path: Path, spoil: Any, said: str
) -> None:
    broken = _spoilt(partial, tmp_path / "broken", spoil)
    with pytest.raises(ModelBrokenError, match=said):
        write_merged_gguf(broken, read_base(tiny("llama")), tmp_path / "merged.gguf")
    assert not list(tmp_path.glob("*merged*"))


def test_cut_weights_are_refused(tiny: Any, partial: Path, tmp_path: Path) -> None:
    (tmp_path / CHANGED_WEIGHTS).write_bytes((partial / CHANGED_WEIGHTS).read_bytes()[:-100])
    with pytest.raises(ModelBrokenError, match="cannot be read"):
        write_merged_gguf(tmp_path, read_base(tiny("llama")), tmp_path / "merged.gguf")
