"""Which numbers a machine computes and keeps weights in: some processors compute bf16, on others it is many
times slower; graphics cards have the room for whole models in nothing else.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Final

import torch

from tuning.recipes import Method
from tuning.training.job import Job

_SECONDS: Final = 0.5
"""For each of the two, after the first pass, which pays for kernels being chosen."""
_GAIN: Final = 0.8
"""bf16 must take at most this share of float32's time to be worth its rounding."""


def faster_precision(model: Any, tokens: int, device: torch.device) -> torch.dtype:
    """Return bfloat16 or float32, whichever takes so many tokens sooner through the model's largest matrix.

    Nearly all time of a step is spent in such products. They are tried alone, because a whole step in both
    would need more memory than the training then does.
    """
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float32
    head = model.get_output_embeddings()
    inner = [each for each in model.modules() if isinstance(each, torch.nn.Linear) and each is not head]
    weight = max((each.weight for each in inner), key=torch.numel).detach()
    took = {dtype: _best(_passes(weight, tokens, dtype)) for dtype in (torch.float32, torch.bfloat16)}
    return torch.bfloat16 if took[torch.bfloat16] < _GAIN * took[torch.float32] else torch.float32


def resting_precision(job: Job, device: torch.device) -> torch.dtype:
    """In which precision the base is loaded. What is trained is float32 always."""
    if job.recipe.method is Method.QLORA:
        return torch.bfloat16
    if not job.recipe.adapts:
        return torch.float32
    if job.weights != "auto":
        return torch.bfloat16 if job.weights == "bfloat16" else torch.float32
    computed = device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
    return torch.bfloat16 if computed else torch.float32


def computing_in(dtype: torch.dtype, device: torch.device) -> AbstractContextManager[object]:
    return nullcontext() if dtype is torch.float32 else torch.autocast(device.type, dtype=dtype)


def rest_rounded(model: Any) -> None:
    """Keep in bfloat16 what autocast would round to it at every pass: the linear layers that do not learn.

    What is computed stays the same, to the bit, but for embeddings that are also the output layer: they are
    looked up rounded. All else stays in float32.
    """
    linear = {id(each.weight) for each in model.modules() if isinstance(each, torch.nn.Linear)}
    for each in model.parameters():
        if not each.requires_grad:
            # Copied even when it stays as it is: a view of the base's file would keep all of it in memory.
            each.data = each.data.to(torch.bfloat16) if id(each) in linear else each.data.clone()
    # What follows adds to what was looked up, layer by layer, and must not do so in bfloat16.
    model.get_input_embeddings().register_forward_hook(lambda *passed: passed[2].float())


def _passes(weight: torch.Tensor, tokens: int, dtype: torch.dtype) -> Callable[[], None]:
    """What a layer that does not learn costs: once through it, and the gradient back."""
    weight = weight.to(dtype)
    incoming = torch.ones(tokens, weight.shape[1], dtype=dtype)
    gradient = torch.ones(tokens, weight.shape[0], dtype=dtype)

    def both() -> None:
        torch.nn.functional.linear(incoming, weight)
        gradient.mm(weight)

    return both


def _best(work: Callable[[], None]) -> float:
    work()
    best, until = float("inf"), time.monotonic() + _SECONDS
    while time.monotonic() < until or best == float("inf"):
        started = time.monotonic()
        work()
        best = min(best, time.monotonic() - started)
    return best
