"""Real GGUF adapters of random numbers: through them the model says something else than as it is."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, Final

import gguf
import numpy as np

from agent.models.weights import find_weights, sha256_of
from agent.serving.served import ServedAdapter, Trust, adapter_file

RANK: Final = 4
_CHANGED: Final = ("blk.0.ffn_down.weight", "blk.29.ffn_down.weight")


@cache
def _shapes(base: Path) -> dict[str, tuple[int, int]]:
    tensors = gguf.GGUFReader(base).tensors
    return {each.name: (int(each.shape[1]), int(each.shape[0])) for each in tensors if len(each.shape) == 2}


def write_adapter(base: Path, target: Path, seed: int, strength: float = 0.3) -> None:
    """Write what llama.cpp loads: pairs of matrices for two layers of the base."""
    source = np.random.default_rng(seed)
    writer: Any = gguf.GGUFWriter(target, "llama")
    writer.add_type("adapter")
    writer.add_string("adapter.type", "lora")
    writer.add_float32("adapter.lora.alpha", float(RANK))
    for name in _CHANGED:
        rows, columns = _shapes(base)[name]
        writer.add_tensor(f"{name}.lora_a", source.normal(0, strength, (RANK, columns)).astype(np.float32))
        writer.add_tensor(f"{name}.lora_b", source.normal(0, strength, (rows, RANK)).astype(np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def put_adapter(data_dir: Path, seed: int, *, trust: Trust | None = None) -> ServedAdapter:
    """Put an adapter of SmolLM2 where adapters in service lie."""
    (base,) = find_weights("smollm2-135m", data_dir)
    made = data_dir / "adapters" / f"{seed}.part"
    made.parent.mkdir(parents=True, exist_ok=True)
    write_adapter(base, made, seed)
    adapter = ServedAdapter(
        id=f"adapter-{seed}", digest=sha256_of(made), base_digest=sha256_of(base), trust=trust
    )
    made.rename(data_dir / adapter_file(adapter.digest))
    return adapter


def damaged(data_dir: Path, adapter: ServedAdapter) -> ServedAdapter:
    """A copy of the adapter whose file is cut short after its digest was taken."""
    file = data_dir / adapter_file(adapter.digest)
    other = replace(adapter, id="damaged", digest="d" * 64)
    (data_dir / adapter_file(other.digest)).write_bytes(file.read_bytes()[:-1000])
    return other


def refused_by_engines(data_dir: Path) -> ServedAdapter:
    """An adapter whose file is the one that was registered, and that no engine can load."""
    (base,) = find_weights("smollm2-135m", data_dir)
    made = data_dir / "adapters" / "refused.part"
    made.parent.mkdir(parents=True, exist_ok=True)
    writer: Any = gguf.GGUFWriter(made, "llama")
    writer.add_type("adapter")
    writer.add_string("adapter.type", "lora")
    writer.add_float32("adapter.lora.alpha", 1.0)
    writer.add_tensor("blk.0.ffn_down.weight.lora_a", np.ones((RANK, 7), dtype=np.float32))
    writer.add_tensor("blk.0.ffn_down.weight.lora_b", np.ones((7, RANK), dtype=np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    adapter = ServedAdapter(id="refused", digest=sha256_of(made), base_digest=sha256_of(base))
    made.rename(data_dir / adapter_file(adapter.digest))
    return adapter
