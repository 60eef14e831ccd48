"""Tiny models with random weights and a part of SmolLM2's vocabulary, as GGUF of the supported families."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import gguf
import numpy as np

from tuning.export.base import ARCHITECTURES

TOKENS: Final = 8192
"""The commonest of 49,152: whoever opens a model reads them all, at more cost than the model itself."""
HIDDEN: Final = 64
FEED_FORWARD: Final = 96
BLOCKS: Final = 2
HEADS: Final = 4
KV_HEADS: Final = 2
HEAD: Final = {"gemma2": 256}
"""Rows a head. Gemma scales its scores by 256, which its GGUF does not say: no other size would agree."""


def write_tiny(vocabulary: Path, target: Path, architecture: str) -> None:
    """Write a model whose tokenizer is that of the GGUF file `vocabulary`."""
    reader = gguf.GGUFReader(vocabulary)
    writer = gguf.GGUFWriter(target, architecture)
    _describe(writer, _head(architecture))
    for name, field in reader.fields.items():
        if name.startswith("tokenizer."):
            kind = field.types[0]
            item = field.types[-1] if kind == gguf.GGUFValueType.ARRAY else None
            writer.add_key_value(name, _cut(reader, name), kind, sub_type=item)
    source = np.random.default_rng(0)
    for name, shape in _shapes(architecture, TOKENS):
        writer.add_tensor(name, _weights(source, shape))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _cut(reader: gguf.GGUFReader, name: str) -> Any:
    """A field of the tokenizer, for the first tokens alone: merges into others are left out."""
    value = reader.fields[name].contents()
    if name == "tokenizer.ggml.merges":
        known = set(reader.fields["tokenizer.ggml.tokens"].contents()[:TOKENS])
        return [merge for merge in value if {*merge.split(" "), merge.replace(" ", "")} <= known]
    return value[:TOKENS] if isinstance(value, list) else value


def _head(architecture: str) -> int:
    return HEAD.get(architecture, HIDDEN // HEADS)


def _describe(writer: Any, head: int) -> None:
    writer.add_name("tiny")
    writer.add_block_count(BLOCKS)
    writer.add_context_length(2048)
    writer.add_embedding_length(HIDDEN)
    writer.add_feed_forward_length(FEED_FORWARD)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KV_HEADS)
    writer.add_key_length(head)
    writer.add_value_length(head)
    writer.add_rope_dimension_count(head)
    writer.add_rope_freq_base(10000.0)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_sliding_window(4096)
    writer.add_attn_logit_softcapping(50.0)
    writer.add_final_logit_softcapping(30.0)
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_F16)


def _shapes(architecture: str, tokens: int) -> list[tuple[str, tuple[int, ...]]]:
    head = _head(architecture)
    matrices = {
        "attn_q": (HEADS * head, HIDDEN),
        "attn_k": (KV_HEADS * head, HIDDEN),
        "attn_v": (KV_HEADS * head, HIDDEN),
        "attn_output": (HIDDEN, HEADS * head),
        "ffn_gate": (FEED_FORWARD, HIDDEN),
        "ffn_up": (FEED_FORWARD, HIDDEN),
        "ffn_down": (HIDDEN, FEED_FORWARD),
    }
    shapes: list[tuple[str, tuple[int, ...]]] = [("token_embd.weight", (tokens, HIDDEN))]
    for block in range(BLOCKS):
        names = gguf.MODEL_TENSORS[ARCHITECTURES[architecture]]
        of_block = [gguf.TENSOR_NAMES[name].format(bid=block) for name in names]
        for name in (each for each in of_block if each.startswith(f"blk.{block}.")):
            kind = name.split(".")[2]
            if kind in matrices:
                shapes.append((f"{name}.weight", matrices[kind]))
            elif kind.endswith("norm") and not kind.endswith(("q_norm", "k_norm")):
                shapes.append((f"{name}.weight", (HIDDEN,)))
        if architecture == "qwen2":
            shapes += [(f"blk.{block}.attn_{kind}.bias", matrices[f"attn_{kind}"][:1]) for kind in "qkv"]
    return [*shapes, ("output_norm.weight", (HIDDEN,))]


def _weights(source: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray[Any, Any]:
    if len(shape) == 1:
        return source.normal(1.0, 0.1, shape).astype(np.float32)
    return source.normal(0.0, shape[1] ** -0.5, shape).astype(np.float16)
