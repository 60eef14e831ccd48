"""A tiny base and real GGUF adapters of random numbers: through them it says something else than as it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import gguf
import numpy as np

from agent.models.labels import LABELS
from agent.models.weights import sha256_of
from agent.serving.served import ServedAdapter, Trust, adapter_file
from tests.tuning.training.tiny import FEED_FORWARD, HIDDEN

_RANK: Final = 4
_CHANGED: Final = ("blk.0.ffn_down.weight", "blk.1.ffn_down.weight")


def raise_labels(base: Path) -> None:
    """Let the tiny base, which knows nothing, like some labels: Ollama tells the likeliest tokens only."""
    reader = gguf.GGUFReader(base, "r+")
    field = reader.get_field("tokenizer.ggml.tokens")
    assert field is not None
    tokens = field.contents()
    embeddings = next(tensor for tensor in reader.tensors if tensor.name == "token_embd.weight")
    for label in LABELS:
        embeddings.data[tokens.index(label)] *= 8
    reader.data.flush()


def put_adapter(data_dir: Path, base: Path, seed: int, *, trust: Trust | None = None) -> ServedAdapter:
    """Put an adapter of the tiny base where adapters in service lie."""
    return _put(data_dir, base, f"adapter-{seed}", _pairs(seed, FEED_FORWARD, HIDDEN), trust)


def refused_by_engines(data_dir: Path, base: Path) -> ServedAdapter:
    """An adapter whose file is the one that was registered, and that no engine can load."""
    return _put(data_dir, base, "refused", _pairs(0, FEED_FORWARD + 1, HIDDEN + 1), None)


def damaged(data_dir: Path, adapter: ServedAdapter) -> ServedAdapter:
    """A copy of the adapter whose file is cut short since its digest was taken."""
    file = data_dir / adapter_file(adapter.digest)
    other = replace(adapter, id="damaged", digest="d" * 64)
    (data_dir / adapter_file(other.digest)).write_bytes(file.read_bytes()[:-1000])
    return other


def _pairs(seed: int, columns: int, rows: int) -> Mapping[str, Any]:
    source = np.random.default_rng(seed)
    shapes = {"lora_a": (_RANK, columns), "lora_b": (rows, _RANK)}
    return {
        f"{name}.{factor}": source.normal(0, 0.5, shape).astype(np.float32)
        for name in _CHANGED
        for factor, shape in shapes.items()
    }


def _put(
    data_dir: Path, base: Path, name: str, tensors: Mapping[str, Any], trust: Trust | None
) -> ServedAdapter:
    made = data_dir / "adapters" / f"{name}.part"
    made.parent.mkdir(parents=True, exist_ok=True)
    writer: Any = gguf.GGUFWriter(made, "llama")
    writer.add_type("adapter")
    writer.add_string("adapter.type", "lora")
    writer.add_float32("adapter.lora.alpha", float(_RANK))
    for tensor, values in tensors.items():
        writer.add_tensor(tensor, values)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    adapter = ServedAdapter(id=name, digest=sha256_of(made), base_digest=sha256_of(base), trust=trust)
    made.rename(data_dir / adapter_file(adapter.digest))
    return adapter
