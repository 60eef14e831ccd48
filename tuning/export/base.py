"""A GGUF file as the base of an adapter: what must be known of it, and a copy of it in whole precision.

The copy is what an adapter is proven on. Quantized kernels round activations to 8 bits: log-probabilities are
then up to half a nat from PyTorch's whatever the adapter is, and in F16 up to 0.03 once it has learnt well.
In F32, keys and values too, they agree to four digits.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import gguf
import numpy as np

from agent.errors import ModelBrokenError, UsageError
from agent.files import made_atomically, write_error
from agent.models.gguf_file import open_gguf
from tuning.export.copying import Data, Tensor, write_copy

ARCHITECTURES: Final[Mapping[str, gguf.MODEL_ARCH]] = {
    "llama": gguf.MODEL_ARCH.LLAMA,
    "qwen2": gguf.MODEL_ARCH.QWEN2,
    "qwen3": gguf.MODEL_ARCH.QWEN3,
    "gemma": gguf.MODEL_ARCH.GEMMA,
    "gemma2": gguf.MODEL_ARCH.GEMMA2,
    "gemma3": gguf.MODEL_ARCH.GEMMA3,
}
"""Whose tensors' names are known on both sides, and whose rows are permuted for llama only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    path: Path
    architecture: str
    blocks: int
    heads: int
    kv_heads: int
    shapes: Mapping[str, tuple[int, int]]
    """(rows, columns) of each matrix, as numpy has it: the reverse of GGUF's order."""


def read_base(path: Path) -> Base:
    """Read the header. Raises `ModelMissingError`, `ModelBrokenError`, `UsageError` for an unknown family."""
    reader, summary = open_gguf(path)
    architecture = summary.architecture
    if architecture not in ARCHITECTURES:
        known = ", ".join(sorted(ARCHITECTURES))
        raise UsageError(
            f"Adapters cannot be written for the architecture {architecture!r} of {path.name}.",
            f"Choose a base of one of these: {known}.",
        )
    heads = _number(reader, path, f"{architecture}.attention.head_count")
    kv_heads = reader.get_field(f"{architecture}.attention.head_count_kv")
    return Base(
        path=path,
        architecture=architecture,
        blocks=_number(reader, path, f"{architecture}.block_count"),
        heads=heads,
        kv_heads=int(kv_heads.contents()) if kv_heads else heads,
        shapes={
            tensor.name: (int(tensor.shape[1]), int(tensor.shape[0]))
            for tensor in reader.tensors
            if len(tensor.shape) == 2
        },
    )


def write_f32_copy(source: Path, target: Path) -> None:
    """Write a copy whose matrices are F32; nothing else changes. Raises `StoreError`.

    Takes four times the number of weights in bytes on the disk, and one tensor's in memory.
    """
    reader, summary = open_gguf(source)
    try:
        with made_atomically(target) as part:
            tensors = [_in_f32(tensor) for tensor in reader.tensors]
            write_copy(reader, summary.architecture, tensors, part, gguf.LlamaFileType.ALL_F32)
    except OSError as error:
        raise write_error(target, error) from error


def _in_f32(tensor: gguf.ReaderTensor) -> Tensor:
    shape = tuple(int(size) for size in reversed(tensor.shape))

    def data() -> Data:
        weights = gguf.dequantize(tensor.data, tensor.tensor_type).reshape(shape)
        return weights.astype(np.float32)

    return Tensor(name=tensor.name, kind=gguf.GGMLQuantizationType.F32, shape=shape, data=data)


def _number(reader: gguf.GGUFReader, path: Path, key: str) -> int:
    field = reader.get_field(key)
    value = field.contents() if field else None
    if not isinstance(value, int):
        raise ModelBrokenError(f"{path.name} does not say its {key} as one number.")
    return value
