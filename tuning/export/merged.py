"""Weights that training changed, put into a copy of the base: a model of its own, which any engine serves.

It is for the methods that a GGUF adapter cannot hold (`Recipe.why_not_served`). What did not change stays
bit for bit as the base has it. A step of a quantized type may be larger than what was learnt: so changed
matrices are F16 unless the base's own type is asked for, and F32 where the base has them so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import gguf
import numpy as np
from gguf import GGMLQuantizationType as Kind
from safetensors import SafetensorError, safe_open

from agent.errors import ModelBrokenError, ModelMissingError
from agent.files import made_atomically, write_error
from agent.models.gguf_file import open_gguf
from tuning.export.base import ARCHITECTURES, Base
from tuning.export.copying import Data, Tensor, kept, write_copy
from tuning.export.layout import as_gguf
from tuning.training.job import CHANGED_WEIGHTS

_WRITABLE: Final = frozenset(
    {Kind.F32, Kind.F16, Kind.BF16, Kind.Q8_0, Kind.Q4_0, Kind.Q4_1, Kind.Q5_0, Kind.Q5_1}
)
"""Which the gguf package can write; it reads the K-quants but cannot make them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Changed:
    module: str
    """PyTorch's name of the weights."""
    stem: str
    """GGUF's name of the tensor, without its suffix."""


def write_merged_gguf(adapter: Path, base: Base, target: Path, *, quantized: bool = False) -> tuple[str, ...]:
    """Write the base with the changed weights in the folder `adapter`; return the names of what changed.

    With `quantized` a changed matrix has the type that it has in the base, or Q8_0 where that one cannot be
    written. Takes as much of the disk as the base does, more where F16 takes the place of a smaller type.
    Raises `ModelMissingError`, `ModelBrokenError`, `StoreError`.
    """
    path = adapter / CHANGED_WEIGHTS
    if not path.is_file():
        raise ModelMissingError(f"There are no changed weights {path}.", "Train it again.")
    reader, _ = open_gguf(base.path)
    try:
        with safe_open(path, framework="numpy") as weights:
            changed = _changed(weights, reader, base)
            tensors = [
                _replaced(tensor, changed[tensor.name], weights, base, quantized)
                if tensor.name in changed
                else kept(tensor)
                for tensor in reader.tensors
            ]
            with made_atomically(target) as part:
                write_copy(reader, base.architecture, tensors, part)
    except SafetensorError as error:
        raise ModelBrokenError(f"The weights {path} cannot be read: {error}.", "Train it again.") from error
    except OSError as error:
        raise write_error(target, error) from error
    return tuple(changed)


def _changed(weights: Any, reader: gguf.GGUFReader, base: Base) -> Mapping[str, _Changed]:
    """What is changed, by the base's names, each checked against the base."""
    names = gguf.get_tensor_name_map(ARCHITECTURES[base.architecture], base.blocks)
    shapes = {tensor.name: tuple(int(size) for size in reversed(tensor.shape)) for tensor in reader.tensors}
    changed = {}
    for module in sorted(weights.keys()):
        owner, _, suffix = module.rpartition(".")
        stem = names.get_name(owner)
        found = f"{stem}.{suffix}"
        if stem is None or found not in shapes:
            raise ModelBrokenError(f"The training changed {module}, which {base.path.name} does not have.")
        shape = tuple(weights.get_slice(module).get_shape())
        if shape != shapes[found]:
            raise ModelBrokenError(
                f"{module} has the shape {shape} and not {shapes[found]}: it was trained on another base."
            )
        changed[found] = _Changed(module=module, stem=stem)
    if not changed:
        raise ModelBrokenError("The training changed nothing.", "Train it again.")
    return changed


def _replaced(
    tensor: gguf.ReaderTensor, changed: _Changed, weights: Any, base: Base, quantized: bool
) -> Tensor:
    shape = tuple(int(size) for size in reversed(tensor.shape))
    kind = _kind(tensor.tensor_type, shape, quantized)
    return Tensor(
        name=tensor.name, kind=kind, shape=shape, data=partial(_values, weights, changed, base, kind)
    )


def _kind(of_base: Kind, shape: tuple[int, ...], quantized: bool) -> Kind:
    """In which type a changed tensor is written. Vectors (norms, biases) are kept whole, as everywhere."""
    if len(shape) == 1:
        return Kind.F32
    if not quantized:
        return Kind.F32 if of_base is Kind.F32 else Kind.F16
    if of_base in _WRITABLE:
        return of_base
    block, _ = gguf.GGML_QUANT_SIZES[Kind.Q8_0]
    return Kind.Q8_0 if shape[-1] % block == 0 else Kind.F16


def _values(weights: Any, changed: _Changed, base: Base, kind: Kind) -> Data:
    values = np.asarray(weights.get_tensor(changed.module), dtype=np.float32)
    if not np.isfinite(values).all():
        raise ModelBrokenError(f"{changed.module} holds values that are no numbers.", "Train it again.")
    written: Data = gguf.quantize(as_gguf(values, changed.stem, base), kind)
    return written
