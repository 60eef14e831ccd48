"""A GGUF file written anew with other tensors and all else as it was, one tensor in memory at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import gguf
import numpy as np
from numpy.typing import NDArray

from tuning.export.whole import close_whole

Data: TypeAlias = NDArray[Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tensor:
    name: str
    kind: gguf.GGMLQuantizationType
    shape: tuple[int, ...]
    """As numpy has it: the reverse of GGUF's order."""
    data: Callable[[], Data]
    """The values as `kind` stores them."""


def kept(tensor: gguf.ReaderTensor) -> Tensor:
    """A tensor that is copied bit for bit."""
    shape = tuple(int(size) for size in reversed(tensor.shape))
    return Tensor(name=tensor.name, kind=tensor.tensor_type, shape=shape, data=lambda: tensor.data)


def write_copy(
    reader: gguf.GGUFReader,
    architecture: str,
    tensors: Sequence[Tensor],
    target: Path,
    file_type: gguf.LlamaFileType | None = None,
) -> None:
    """Write the file that `reader` reads, with these tensors. Raises `OSError`.

    `file_type` is what it says of itself; None leaves what it said.
    """
    with closing(gguf.GGUFWriter(target, architecture)) as writer:
        for key, value, kind, item in _fields(reader, keep_type=file_type is None):
            writer.add_key_value(key, value, kind, sub_type=item)
        if file_type is not None:
            writer.add_file_type(file_type)
        for tensor in tensors:
            # The type of the numbers is read of `raw_dtype`; any but uint8 says that the shape counts
            # weights.
            writer.add_tensor_info(
                tensor.name, tensor.shape, np.dtype(np.float32), _bytes(tensor), raw_dtype=tensor.kind
            )
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_ti_data_to_file()
        for tensor in tensors:
            writer.write_tensor_data(tensor.data())
        close_whole(writer, target)


def _bytes(tensor: Tensor) -> int:
    block, size = gguf.GGML_QUANT_SIZES[tensor.kind]
    return int(np.prod(tensor.shape)) // block * size


def _fields(reader: gguf.GGUFReader, *, keep_type: bool) -> Iterator[tuple[str, Any, Any, Any]]:
    for name, field in reader.fields.items():
        if name.startswith("GGUF.") or name == "general.architecture":
            continue  # the writer makes these itself
        if name == "general.file_type" and not keep_type:
            continue
        kind = field.types[0]
        item = field.types[-1] if kind == gguf.GGUFValueType.ARRAY else None
        yield name, field.contents(), kind, item
