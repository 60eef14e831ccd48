"""What each trainer of `benchmarks.training` is told, so that all learn the same in their own ways.

Everything that decides what is learnt is the same: weights, rows, LoRA, rows a step, epochs, learning rate
and its fall, clipping, seed. How it is computed is left to each: TRL and LLaMA-Factory read eight rows at
once, recompute activations, and pad as they find rows; TRL computes in bf16.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from tuning.recipes import Recipe
from tuning.training.rows import Row

_AT_ONCE: Final = 8
"""Hugging Face's default."""
_MLP: Final = ("gate_proj", "up_proj", "down_proj")


def trl_job(base: Path, rows: Path, folder: Path, recipe: Recipe, *, ours: bool) -> dict[str, Any]:
    """At TRL's defaults, or with `ours` as close to our way as its options go."""
    how: dict[str, Any] = {
        "per_device_train_batch_size": _AT_ONCE,
        "gradient_accumulation_steps": recipe.batch // _AT_ONCE,
    }
    if ours:
        how = {
            "per_device_train_batch_size": recipe.batch,
            "gradient_checkpointing": False,
            "train_sampling_strategy": "group_by_length",
        }
    return {
        "base": str(base),
        "rows": str(rows),
        "output": str(folder / "out"),
        "settings": how | _schedule(recipe) | {"use_cpu": True, "disable_tqdm": True},
        "lora": _lora(recipe),
    }


def factory_config(base: Path, data: Path, folder: Path, recipe: Recipe) -> dict[str, Any]:
    """At LLaMA-Factory's defaults; `data` is a folder that `write_factory_data` filled."""
    return _schedule(recipe) | {
        "model_name_or_path": str(base),
        "stage": "sft",
        "do_train": True,
        "finetuning_type": "lora",
        "lora_rank": recipe.rank,
        "lora_alpha": int(recipe.alpha),
        "lora_dropout": recipe.dropout,
        "lora_target": ",".join(_MLP),
        "dataset_dir": str(data),
        "dataset": "router",
        "template": "smollm",
        "cutoff_len": recipe.max_tokens,
        "output_dir": str(folder / "out"),
        "per_device_train_batch_size": _AT_ONCE,
        "gradient_accumulation_steps": recipe.batch // _AT_ONCE,
        "save_strategy": "no",
        "report_to": "none",
        "use_cpu": True,
    }


def write_factory_data(rows: Sequence[Row], data: Path) -> None:
    """LLaMA-Factory renders by its own template, which cannot begin an answer: the bracket is learnt too."""
    data.mkdir()
    told = [
        {
            "system": row.messages[0].content,
            "instruction": row.messages[-1].content,
            "output": row.begun + row.completion,
        }
        for row in rows
    ]
    columns = {"prompt": "instruction", "response": "output", "system": "system"}
    (data / "router.json").write_text(json.dumps(told, ensure_ascii=False), "utf-8")
    (data / "dataset_info.json").write_text(
        json.dumps({"router": {"file_name": "router.json", "columns": columns}}), "utf-8"
    )


def _lora(recipe: Recipe) -> Mapping[str, Any]:
    return {
        "r": recipe.rank,
        "lora_alpha": recipe.alpha,
        "lora_dropout": recipe.dropout,
        "target_modules": list(_MLP),
        "task_type": "CAUSAL_LM",
    }


def _schedule(recipe: Recipe) -> dict[str, Any]:
    return {
        "num_train_epochs": recipe.epochs,
        "learning_rate": recipe.learning_rate,
        "lr_scheduler_type": "cosine_with_min_lr",
        "lr_scheduler_kwargs": {"min_lr_rate": 0.1},
        "warmup_steps": recipe.warmup,  # below 1 it is a share
        "weight_decay": recipe.weight_decay,
        "max_grad_norm": recipe.clip,
        "seed": recipe.seed,
    }
