"""Whether a run fits this machine, said before it begins.

What it needs is estimated from the size of its base and its recipe. The figures below were measured with
SmolLM2-135M and err on the side of refusing: a run that ends for want of memory after an hour is worse than
one that was not begun.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from agent.files import write_error
from tuning.recipes import Layers, Method, Recipe
from tuning.runs.errors import NoRoomError
from tuning.runs.machine import cards, free_memory
from tuning.runs.size import Size, size_of
from tuning.training.job import Job

GB: Final = 10**9
_FLOAT: Final = 4
_HALF: Final = 2
_QUANTIZED: Final = 0.6
"""Bytes a weight of 4 bits, with its scales."""

PROCESS_BYTES: Final = int(0.9 * GB)
"""torch, transformers and the rows, before any weight."""
LOADING: Final = 1.5
"""Times the weights: while a GGUF file is turned into them, some exist twice."""
KEPT_HIDDEN: Final = 16
KEPT_FEED_FORWARD: Final = 7
"""Vectors of the two widths that a layer keeps of each token until the gradients are through, attention's
scores of rows of a thousand tokens included. With them, answers of SmolLM2 are said to need 6.9 GB; 6.4 were
measured.
"""
LEARNT_SHARE: Final = 0.25
"""Of the tokens of a part that are learnt, at most, so that they have logits."""
LOGIT_COPIES: Final = 3
LEARNING_COPIES: Final = 5
"""Of what learns: itself, its gradient, two moments and the best until now; all but the gradient are kept."""
SPARE_BYTES: Final = int(0.2 * GB)
"""Of disk, for metrics, reports and what else the bot writes meanwhile."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    disk: int
    """Bytes."""
    memory: int
    """Bytes."""
    card: int = 0
    """Bytes of a graphics card; 0 when the processor trains."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    disk: int
    """Bytes that are free."""
    memory: int
    card: int | None = None
    """Of the graphics card that has the least; None where there is none."""


def require_room(job: Job, folder: Path, room: Room | None = None) -> Need:
    """Return what the run needs. Raises `NoRoomError` when there is less, with one line that says what.

    Of a base that is not on this machine yet only the room for a process is asked. Blocks for seconds.
    """
    room = room or room_of(folder)
    size = size_of(job.base)
    if size:
        need = need_of(size, job.recipe, on_card=room.card is not None, merged=job.merged)
    else:
        need = Need(disk=SPARE_BYTES, memory=PROCESS_BYTES)
    line, hint = refusal(need, room)
    if line:
        raise NoRoomError(line, hint)
    return need


def need_of(size: Size, recipe: Recipe, *, on_card: bool = False, merged: bool = False) -> Need:
    """Estimate what a run takes at most, its export and proof included.

    A card computes in half precision, and keeps weights that do not learn in it. What was learnt there is
    proven on the processor, in whole precision.
    """
    learns = _FLOAT * learnt(size, recipe)
    loading = PROCESS_BYTES + LOADING * _FLOAT * size.parameters
    token = size.layers * (KEPT_HIDDEN * size.hidden + KEPT_FEED_FORWARD * size.feed_forward)
    numbers = recipe.micro_tokens * (token + LEARNT_SHARE * size.vocabulary * LOGIT_COPIES)
    passing = numbers * (_HALF if on_card else _FLOAT)
    training = PROCESS_BYTES + _weights(size, recipe, on_card) + (LEARNING_COPIES - 1) * learns + passing
    # A checkpoint is written beside the one before it; the copy for the proof is in whole precision, and so
    # are the weights to be merged and what they make of that copy.
    checkpoints = 2 * (LEARNING_COPIES - 1) * learns
    copies = (3 if merged else 1) * _FLOAT * size.parameters
    return Need(
        disk=round(checkpoints + 2 * learns + copies + SPARE_BYTES),
        memory=round(loading if on_card else max(loading, training)),
        card=round(training) if on_card else 0,
    )


def _weights(size: Size, recipe: Recipe, on_card: bool) -> float:
    """Bytes of the base's weights and of what learns beside them."""
    beside = _FLOAT * learnt(size, recipe) if recipe.adapts else 0
    if recipe.method is Method.QLORA:
        return _QUANTIZED * size.parameters + beside
    return (_HALF if on_card and recipe.adapts else _FLOAT) * size.parameters + beside


def learnt(size: Size, recipe: Recipe) -> int:
    """How many numbers learn, about."""
    if recipe.method is Method.FULL:
        return size.parameters
    if recipe.method is Method.PARTIAL:
        return min(recipe.top_layers, size.layers) * size.layer
    if recipe.method is Method.PREFIX:
        return recipe.prefix_tokens * size.layers * 2 * size.hidden
    if recipe.method is Method.IA3:
        return size.layers * (2 * size.hidden + size.feed_forward)
    beside = 3 * (size.hidden + size.feed_forward)
    if recipe.layers is Layers.ALL:
        beside += 4 * 2 * size.hidden
    return size.layers * recipe.rank * beside


def refusal(need: Need, room: Room) -> tuple[str, str]:
    """Why it does not fit, and what to do; two empty texts when it does."""
    if need.disk > room.disk:
        return (
            f"This run needs {_gb(need.disk)} of disk and {_gb(room.disk)} are free.",
            "Free some, or move LOREKEEPER_DATA_DIR to another disk.",
        )
    if need.card > (room.card or 0):
        return (
            f"This run needs {_gb(need.card)} of graphics memory and {_gb(room.card or 0)} are free.",
            "Lower the recipe's micro_tokens or max_tokens, use qlora, or choose a smaller base.",
        )
    if need.memory > room.memory:
        return (
            f"This run needs {_gb(need.memory)} of memory and {_gb(room.memory)} are free.",
            "Lower the recipe's micro_tokens or max_tokens, or choose a smaller base.",
        )
    return "", ""


def room_of(folder: Path) -> Room:
    """What is free now. Raises `StoreError`."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        disk = shutil.disk_usage(folder).free
    except OSError as error:
        raise write_error(folder, error) from error
    return Room(disk=disk, memory=free_memory(), card=min(cards(), default=None))


def _gb(size: int) -> str:
    return f"{size / GB:.1f} GB"
