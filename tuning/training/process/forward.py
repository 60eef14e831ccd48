"""Rows through a model, and no more of it than the loss needs.

Three savings, none of which changes a number but for rounding (a test compares with the plain way): logits
are computed where something is learnt and nowhere else; rows are padded to the longest beside them; and what
all rows begin with (the instructions, the list of categories) is read once a step, its keys and values then
serving every row, gradients included.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from tuning.training.process.encoding import Encoded

IGNORED = -100


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Rows after what they all begin with, padded on the left, so that what is learnt ends all of them."""

    ids: torch.Tensor
    """(rows, length)"""
    mask: torch.Tensor
    """(rows, shared + length), 0 where padded."""
    positions: torch.Tensor
    """(rows, length)"""
    labels: torch.Tensor
    """(rows, learnt): the last tokens of each row, IGNORED where they are prompt."""

    @property
    def learnt(self) -> int:
        return int(self.labels.shape[1])


def collated(rows: Sequence[Encoded], shared: int, pad: int, device: torch.device) -> Batch:
    """`shared` tokens at the start of each row are left out; at least one of its prompt stays."""
    length = max(len(row.ids) for row in rows) - shared
    learnt = max(len(row.ids) - row.prompt for row in rows)
    ids = torch.full((len(rows), length), pad)
    mask = torch.zeros((len(rows), shared + length), dtype=torch.long)
    labels = torch.full((len(rows), learnt), IGNORED)
    mask[:, :shared] = 1
    for at, row in enumerate(rows):
        own, completion = row.ids[shared:], row.ids[row.prompt :]
        ids[at, length - len(own) :] = torch.tensor(own)
        mask[at, shared + length - len(own) :] = 1
        labels[at, learnt - len(completion) :] = torch.tensor(completion)
    return Batch(
        ids=ids.to(device),
        mask=mask.to(device),
        positions=(mask.cumsum(1) - 1).clamp(min=0)[:, shared:].to(device),
        labels=labels.to(device),
    )


class Start:
    """What all rows begin with, read once for as many parts of them as there are.

    Parts compute with copies that gather what comes back to them; `finish` then takes all of it through the
    reading, once. So a part may be small without the start being read again.
    """

    def __init__(self, model: Any, ids: Sequence[int], device: torch.device) -> None:
        read = torch.tensor([list(ids)], device=device)
        self._cache = model(input_ids=read, use_cache=True, logits_to_keep=1).past_key_values
        self._gathered: list[tuple[torch.Tensor, torch.Tensor]] = []
        for layer in self._cache.layers:
            layer.keys, layer.values = self._apart(layer.keys), self._apart(layer.values)

    def past(self, rows: int) -> Any:
        """The keys and values, for so many rows."""
        cache = copy.copy(self._cache)
        cache.layers = [copy.copy(layer) for layer in self._cache.layers]
        cache.batch_repeat_interleave(rows)
        return cache

    def finish(self) -> None:
        """Add the gradients of all parts to the weights that read the start."""
        came = [(read, apart.grad) for read, apart in self._gathered if apart.grad is not None]
        if came:
            torch.autograd.backward([read for read, _ in came], [gradient for _, gradient in came])

    def _apart(self, read: torch.Tensor) -> torch.Tensor:
        if not read.requires_grad:
            return read
        apart = read.detach().requires_grad_()
        self._gathered.append((read, apart))
        return apart


def may_share(model: Any, longest: int) -> bool:
    """Whether the start may be read once for rows of at most so many tokens: a layer with a sliding window
    keeps no more of it than the window, and rows of other lengths would have needed other parts of it.
    """
    window = getattr(model.config.get_text_config(), "sliding_window", None)
    return window is None or longest <= window


def completion_logits(model: Any, start: Start | None, batch: Batch) -> torch.Tensor:
    """Return (rows, learnt, vocabulary) logits in float32 that predict `batch.labels`."""
    given: dict[str, Any] = {"use_cache": False}
    if start:
        given = {"use_cache": True, "past_key_values": start.past(batch.ids.shape[0])}
    logits: torch.Tensor = model(
        input_ids=batch.ids,
        attention_mask=batch.mask,
        position_ids=batch.positions,
        logits_to_keep=batch.learnt + 1,
        **given,
    ).logits
    return logits[:, :-1].float()


def cross_entropy(logits: torch.Tensor, batch: Batch) -> torch.Tensor:
    """Return (rows,) the summed nats of each row's completion."""
    nats = torch.nn.functional.cross_entropy(
        logits.flatten(0, 1), batch.labels.flatten(), ignore_index=IGNORED, reduction="none"
    )
    return nats.view_as(batch.labels).sum(1)
