"""A recipe's method put on a model: which weights learn, and how they are saved."""

from __future__ import annotations

import errno
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import torch
from peft import IA3Config, LoraConfig, PeftModel, PrefixTuningConfig, TaskType, get_peft_model
from safetensors import SafetensorError
from safetensors.torch import save_file

from agent.files import write_error
from tuning.recipes import Layers, Method, Recipe
from tuning.training.job import ADAPTER, CHANGED_WEIGHTS

_MLP: Final = ("gate_proj", "up_proj", "down_proj")
_ATTENTION: Final = ("q_proj", "k_proj", "v_proj", "o_proj")


def adapted(model: Any, recipe: Recipe) -> Any:
    """Return the model with what the recipe trains made trainable and nothing else."""
    if recipe.adapts:
        model.requires_grad_(False)
        return get_peft_model(model, _config(recipe))
    model.requires_grad_(recipe.method is Method.FULL)
    if recipe.method is Method.PARTIAL:
        for layer in model.model.layers[-recipe.top_layers :]:
            layer.requires_grad_(True)
    return model


def trained(model: Any) -> dict[str, torch.nn.Parameter]:
    """What learns, by name."""
    return {name: weights for name, weights in model.named_parameters() if weights.requires_grad}


def save(model: Any, folder: Path) -> None:
    """Write what was learnt: what PEFT put beside the weights, or the weights that changed.

    Raises `StoreError`.
    """
    if isinstance(model, PeftModel):
        with _writing(folder / ADAPTER):
            model.save_pretrained(str(folder / ADAPTER))
    else:
        _save_weights(trained(model), folder)


def save_merged(model: PeftModel, folder: Path) -> Any:
    """Work an adapter into the weights that it changes and write those; return the model, now without it.

    The base must be in float32: merging into rounded weights would lose what was learnt (PEFT issue 2321).
    Raises `StoreError`.
    """
    changed = {f"{module}.weight" for module in model.base_model.targeted_module_names}
    merged = model.merge_and_unload()
    _save_weights({name: each for name, each in merged.named_parameters() if name in changed}, folder)
    return merged


def readapted(model: Any, folder: Path) -> Any:
    """Return another copy of the base with the adapter that `save` wrote."""
    return PeftModel.from_pretrained(model, str(folder / ADAPTER))


def _save_weights(weights: Mapping[str, torch.Tensor], folder: Path) -> None:
    path = folder / ADAPTER / CHANGED_WEIGHTS
    whole = {name: each.detach().float().cpu().contiguous() for name, each in weights.items()}
    with _writing(path):
        path.parent.mkdir(exist_ok=True)
        save_file(whole, str(path))


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise write_error(path, error) from error
    except SafetensorError as error:  # what its writer makes of anything that the system says
        raise write_error(path, OSError(errno.EIO, str(error))) from error


def _config(recipe: Recipe) -> Any:
    if recipe.method is Method.IA3:
        return IA3Config(
            task_type=TaskType.CAUSAL_LM,
            target_modules=["k_proj", "v_proj", "down_proj"],
            feedforward_modules=["down_proj"],
        )
    if recipe.method is Method.PREFIX:
        return PrefixTuningConfig(task_type=TaskType.CAUSAL_LM, num_virtual_tokens=recipe.prefix_tokens)
    return LoraConfig(
        task_type=TaskType.CAUSAL_LM,
        r=recipe.rank,
        lora_alpha=recipe.alpha,
        lora_dropout=recipe.dropout,
        target_modules=[*_MLP, *(_ATTENTION if recipe.layers is Layers.ALL else ())],
        use_rslora=recipe.method is Method.RSLORA,
        use_dora=recipe.method is Method.DORA,
    )
