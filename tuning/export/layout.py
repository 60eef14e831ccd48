"""What GGUF lays out otherwise than PyTorch: rows of rotated heads, and how Gemma's norms are counted.

* GGUF files of the llama family have the rows of their query and key matrices permuted, because llama.cpp
  rotates pairs that lie beside each other and PyTorch halves that lie apart. No other family has it.
* PyTorch multiplies by 1 + w in the norms of the Gemma families; GGUF files hold that sum.
"""

from __future__ import annotations

from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from tuning.export.base import Base

Weights: TypeAlias = NDArray[np.float32]

_PERMUTED: Final = frozenset({"llama"})
_NORMS_FROM_ONE: Final = frozenset({"gemma", "gemma2", "gemma3"})


def in_gguf_rows(rows: Weights, stem: str, base: Base) -> Weights:
    """Reorder what has one row an output of the base's tensor `stem`, in GGUF's words without the suffix."""
    if base.architecture in _PERMUTED and stem.endswith("attn_q"):
        return permuted(rows, base.heads)
    if base.architecture in _PERMUTED and stem.endswith("attn_k"):
        return permuted(rows, base.kv_heads)
    return rows


def as_gguf(weights: Weights, stem: str, base: Base) -> Weights:
    """Return a whole tensor of PyTorch's, a matrix or a vector, as GGUF has it."""
    if weights.ndim == 1 and base.architecture in _NORMS_FROM_ONE and stem.endswith("norm"):
        return weights + 1
    if weights.ndim == 1:
        return in_gguf_rows(weights[:, None], stem, base)[:, 0]
    return in_gguf_rows(weights, stem, base)


def permuted(rows: Weights, heads: int) -> Weights:
    """Reorder rows of `heads` heads from PyTorch's halves to llama.cpp's neighbours. Shape is kept."""
    outputs, columns = rows.shape
    halves = rows.reshape(heads, 2, outputs // heads // 2, columns)
    return np.ascontiguousarray(halves.swapaxes(1, 2).reshape(outputs, columns))
