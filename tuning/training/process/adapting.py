"""A recipe's method put on a model: which weights learn."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import torch
from peft import IA3Config, LoraConfig, PeftModel, PrefixTuningConfig, TaskType, get_peft_model
from safetensors.torch import save_file

from agent.errors import UsageError
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
    """Write what was learnt. Raises `OSError`."""
    if isinstance(model, PeftModel):
        model.save_pretrained(str(folder / ADAPTER))
    else:
        weights: Mapping[str, torch.Tensor] = {
            name: each.detach().cpu().contiguous() for name, each in trained(model).items()
        }
        (folder / ADAPTER).mkdir(exist_ok=True)
        save_file(dict(weights), str(folder / ADAPTER / CHANGED_WEIGHTS))


def _config(recipe: Recipe) -> Any:
    modules = [*_MLP, *(_ATTENTION if recipe.layers is Layers.ALL else ())]
    if recipe.method in (Method.LORA, Method.RSLORA, Method.DORA):
        return LoraConfig(
            task_type=TaskType.CAUSAL_LM,
            r=recipe.rank,
            lora_alpha=recipe.alpha,
            lora_dropout=recipe.dropout,
            target_modules=modules,
            use_rslora=recipe.method is Method.RSLORA,
            use_dora=recipe.method is Method.DORA,
        )
    if recipe.method is Method.IA3:
        return IA3Config(
            task_type=TaskType.CAUSAL_LM,
            target_modules=["k_proj", "v_proj", "down_proj"],
            feedforward_modules=["down_proj"],
        )
    if recipe.method is Method.PREFIX:
        return PrefixTuningConfig(task_type=TaskType.CAUSAL_LM, num_virtual_tokens=recipe.prefix_tokens)
    raise UsageError(f"{recipe.method} needs a graphics card, which this machine does not have.")
