"""The weights to start from: a GGUF file, dequantized by transformers, or a model of Hugging Face's."""

from __future__ import annotations

import importlib.util
import os
import tempfile
from pathlib import Path
from typing import Any, Final

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, BitsAndBytesConfig, GgufConfig

from agent.errors import ModelBrokenError, ModelMissingError, UsageError
from agent.files import write_error
from agent.models.gguf_file import check_gguf

_GGUF: Final = b"GGUF"


def load_base(name: str, device: torch.device, weights: torch.dtype = torch.float32) -> tuple[Any, Any]:
    """Return (model, tokenizer). Raises `ModelMissingError`, `ModelBrokenError`.

    A GGUF file is known by how it begins, as Ollama's blobs have no suffix. Nothing is asked of the network
    unless `name` is neither a file nor a folder.
    """
    path = Path(name)
    if is_gguf(path):
        check_gguf(path)
        where = {"pretrained_model_name_or_path": str(path.parent), "gguf_file": path.name}
        # Where its kernels are installed, transformers would keep the blocks, which cannot be trained.
        return _load(name, where, {"quantization_config": GgufConfig(dequantize=True)}, weights, device)
    return _load(name, {"pretrained_model_name_or_path": name}, {}, weights, device)


def load_quantized(name: str, device: torch.device, scratch: Path) -> tuple[Any, Any]:
    """Return (model in 4-bit NormalFloat, tokenizer): QLoRA (Dettmers et al. 2023, arXiv 2305.14314).

    bitsandbytes quantizes it anew: a GGUF file is first written to `scratch` in bfloat16, 2 bytes a weight,
    and removed. Raises `ModelMissingError`, `ModelBrokenError`, `StoreError`.
    """
    four_bits = BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=torch.bfloat16,
    )
    more = {"quantization_config": four_bits, "device_map": {"": device}}
    if not is_gguf(Path(name)):
        return _load(name, {"pretrained_model_name_or_path": name}, more, torch.bfloat16, device)
    with tempfile.TemporaryDirectory(dir=scratch, prefix="base-") as folder:
        model, tokenizer = load_base(name, torch.device("cpu"), torch.bfloat16)
        write_folder(model, tokenizer, Path(folder))
        del model
        return _load(name, {"pretrained_model_name_or_path": folder}, more, torch.bfloat16, device)


def require_qlora(device: torch.device) -> None:
    """Raises `UsageError` where a base cannot stay quantized while it is trained on."""
    if device.type != "cuda":
        raise UsageError(
            "QLoRA needs a graphics card, which this machine does not have.",
            "Use lora: on a processor the base is read in full anyway.",
        )
    if importlib.util.find_spec("bitsandbytes") is None:
        raise UsageError(
            "QLoRA needs bitsandbytes, which is not installed.", "Run: pip install 'bitsandbytes>=0.46'"
        )


def write_folder(model: Any, tokenizer: Any, folder: Path) -> None:
    """Write what was read from a GGUF file as a folder of Hugging Face's. Raises `StoreError`."""
    # What was read from a GGUF file counts as quantized, which transformers does not save.
    model.hf_quantizer = None
    if hasattr(model.config, "quantization_config"):
        del model.config.quantization_config
    try:
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
    except OSError as error:
        raise write_error(folder, error) from error


def is_gguf(path: Path) -> bool:
    """Whether it is, or by its name should be, a GGUF file."""
    if path.suffix == ".gguf" or not path.is_file():
        return path.suffix == ".gguf"
    with path.open("rb") as file:
        return file.read(len(_GGUF)) == _GGUF


def _load(
    name: str, where: dict[str, str], more: dict[str, Any], weights: torch.dtype, device: torch.device
) -> tuple[Any, Any]:
    if Path(where["pretrained_model_name_or_path"]).exists():
        os.environ["HF_HUB_OFFLINE"] = "1"
    try:
        tokenizer = AutoTokenizer.from_pretrained(**where)
        model = AutoModelForCausalLM.from_pretrained(**where, **more, dtype=weights)
    except OSError as error:
        first = str(error).strip().splitlines()[0]
        raise ModelMissingError(f"The base {name} cannot be loaded: {first}") from error
    except (ValueError, KeyError, RuntimeError) as error:
        raise ModelBrokenError(f"transformers cannot read the base {name}: {error}.") from error
    return (model if "device_map" in more else model.to(device)), tokenizer
