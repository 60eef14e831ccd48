"""The weights to start from: a GGUF file, dequantized by transformers, or a model of Hugging Face's."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from agent.errors import ModelBrokenError, ModelMissingError
from agent.models.gguf_file import check_gguf


def load_base(name: str, device: torch.device) -> tuple[Any, Any]:
    """Return (model in float32, tokenizer). Raises `ModelMissingError`, `ModelBrokenError`.

    Nothing is asked of the network unless `name` is neither a file nor a folder.
    """
    path = Path(name)
    where: dict[str, Any] = {"pretrained_model_name_or_path": name}
    if path.suffix == ".gguf":
        check_gguf(path)
        where = {"pretrained_model_name_or_path": str(path.parent), "gguf_file": path.name}
    if path.exists():
        os.environ["HF_HUB_OFFLINE"] = "1"
    try:
        tokenizer = AutoTokenizer.from_pretrained(**where)
        model = AutoModelForCausalLM.from_pretrained(**where, dtype=torch.float32)
    except OSError as error:
        first = str(error).strip().splitlines()[0]
        raise ModelMissingError(f"The base {name} cannot be loaded: {first}") from error
    except (ValueError, KeyError, RuntimeError) as error:
        raise ModelBrokenError(f"transformers cannot read the base {name}: {error}.") from error
    return model.to(device), tokenizer
