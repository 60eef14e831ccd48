"""A LoRA adapter as PEFT saves it, written as the GGUF adapter that llama.cpp and Ollama load.

Format (llama.cpp, llama-adapter.cpp): `general.type` adapter, `general.architecture` as the base's,
`adapter.type` lora, `adapter.lora.alpha` as float; of each matrix `NAME.lora_a` (rank, inputs) and
`NAME.lora_b` (outputs, rank), just as PEFT has them; the engine scales by alpha / rank, which is read from
each pair. Facts that are not obvious:

* The permutation of rows that the llama family has (`tuning.export.layout`) acts on outputs, so on `lora_b`:
  P(BA) = (PB)A.
* Anything but pairs makes the engine refuse the file, so what DoRA or `modules_to_save` add is refused here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import gguf
import numpy as np
from safetensors import SafetensorError, safe_open

from agent.errors import ModelBrokenError, ModelMissingError
from agent.files import made_atomically, write_error
from tuning.export.base import ARCHITECTURES, Base
from tuning.export.layout import Weights, in_gguf_rows
from tuning.export.whole import close_whole

WEIGHTS: Final = "adapter_model.safetensors"
_KEY: Final = re.compile(r"base_model\.model\.(?P<module>.+)\.lora_(?P<factor>[AB])(?:\.default)?\.weight")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """What is added to one matrix: B A, times a scale."""

    name: str
    """The base's matrix, in GGUF's words."""
    a: Weights
    """(rank, inputs)"""
    b: Weights
    """(outputs, rank), in GGUF's order of rows."""


def write_gguf_lora(adapter: Path, base: Base, target: Path, *, alpha: float, name: str) -> tuple[str, ...]:
    """Write the adapter in the folder `adapter` to `target`; return the names of the matrices it changes.

    `alpha` is the one to serve (`Recipe.served_alpha`). Everything is checked before anything is written.
    Raises `ModelMissingError`, `ModelBrokenError`, `StoreError`.
    """
    pairs = tuple(read_pairs(adapter, base))
    try:
        with made_atomically(target) as part:
            _write(pairs, base.architecture, part, alpha, name)
    except OSError as error:
        raise write_error(target, error) from error
    return tuple(pair.name for pair in pairs)


def read_pairs(adapter: Path, base: Base) -> Iterator[Pair]:
    """Yield the pairs of a PEFT adapter in the base's words and order of rows, each checked against the base.

    Raises `ModelMissingError`, `ModelBrokenError`.
    """
    names = gguf.get_tensor_name_map(ARCHITECTURES[base.architecture], base.blocks)
    for module, factors in sorted(_factors(_tensors(adapter / WEIGHTS)).items()):
        stem = names.get_name(module)
        found = f"{stem}.weight"
        if stem is None or found not in base.shapes:
            raise ModelBrokenError(f"The adapter changes {module}, which {base.path.name} does not have.")
        if set(factors) != {"A", "B"}:
            raise ModelBrokenError(f"The adapter has only half of what it adds to {module}.")
        a, b = factors["A"], factors["B"]
        if (b.shape[0], a.shape[1]) != base.shapes[found] or a.shape[0] != b.shape[1]:
            raise ModelBrokenError(
                f"The adapter adds {b.shape} times {a.shape} to {module}, "
                f"which has the shape {base.shapes[found]}: it was trained on another base."
            )
        yield Pair(name=found, a=a, b=in_gguf_rows(b, stem, base))


def _tensors(path: Path) -> Mapping[str, Weights]:
    if not path.is_file():
        raise ModelMissingError(f"There is no adapter {path}.")
    try:
        with safe_open(path, framework="numpy") as file:
            return {key: np.asarray(file.get_tensor(key), dtype=np.float32) for key in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise ModelBrokenError(f"The adapter {path} cannot be read: {error}.", "Train it again.") from error


def _factors(tensors: Mapping[str, Weights]) -> dict[str, dict[str, Weights]]:
    factors: dict[str, dict[str, Weights]] = {}
    for key, values in tensors.items():
        found = _KEY.fullmatch(key)
        if found is None:
            raise ModelBrokenError(f"A GGUF adapter cannot hold {key}: it knows pairs of LoRA matrices only.")
        if not np.isfinite(values).all():
            raise ModelBrokenError(
                f"The adapter's {key} holds values that are no numbers.", "Train it again."
            )
        factors.setdefault(found["module"], {})[found["factor"]] = values
    if not factors:
        raise ModelBrokenError("The adapter is empty.", "Train it again.")
    return factors


def _write(pairs: tuple[Pair, ...], architecture: str, target: Path, alpha: float, name: str) -> None:
    writer: Any = gguf.GGUFWriter(target, architecture)
    writer.add_type("adapter")
    writer.add_name(name)
    writer.add_string("adapter.type", "lora")
    writer.add_float32("adapter.lora.alpha", alpha)
    for pair in pairs:
        writer.add_tensor(f"{pair.name}.lora_a", pair.a)
        writer.add_tensor(f"{pair.name}.lora_b", pair.b)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    close_whole(writer, target)
