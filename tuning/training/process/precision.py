"""Which numbers a machine computes and keeps weights in: some processors compute bf16, on others it is many
times slower; graphics cards have the room for whole models in nothing else.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Final

import torch

from tuning.recipes import Method
from tuning.training.job import Job

_SECONDS: Final = 1.0
"""For each of the two."""
_GAIN: Final = 0.9
"""bf16 must take at most this share of float32's time to be worth its rounding."""


def faster_precision(work: Callable[[], None], device: torch.device) -> torch.dtype:
    """Return bfloat16 or float32, whichever does `work` (a forward and backward pass) sooner."""
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float32
    took = {dtype: _best(work, dtype, device) for dtype in (torch.float32, torch.bfloat16)}
    return torch.bfloat16 if took[torch.bfloat16] < _GAIN * took[torch.float32] else torch.float32


def resting_precision(job: Job, device: torch.device) -> torch.dtype:
    """In which precision the base lies in memory. What is trained is float32 always."""
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


def _best(work: Callable[[], None], dtype: torch.dtype, device: torch.device) -> float:
    best, until = float("inf"), time.monotonic() + _SECONDS
    with computing_in(dtype, device):
        work()  # the first pass pays for kernels being chosen
        while time.monotonic() < until or best == float("inf"):
            started = time.monotonic()
            work()
            best = min(best, time.monotonic() - started)
    return best
