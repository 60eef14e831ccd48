"""What a model gives the completions of rows, in parts that fit the memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch

from tuning.training.batching import Micro, parts
from tuning.training.process.encoding import Encoded
from tuning.training.process.forward import Start, collated, completion_logits, cross_entropy
from tuning.training.process.group import Group
from tuning.training.process.precision import computing_in


class Scorer:
    """`start` is what all rows begin with; `pad` is any token."""

    def __init__(self, model: Any, start: Sequence[int], pad: int, micro_tokens: int, group: Group) -> None:
        self.model = model
        self.start = start
        self.precision = torch.float32
        self._pad, self._micro_tokens, self._group = pad, micro_tokens, group
        self._read: Start | None = None

    def parts(self, rows: Sequence[Encoded], chosen: Sequence[int]) -> Iterator[Micro]:
        """Cut this process's share of the chosen rows into what goes through the model at once."""
        return parts(self._group.share(chosen), self.lengths(rows), self._micro_tokens, len(self.start))

    def lengths(self, rows: Sequence[Encoded]) -> list[int]:
        """Tokens of each after the start."""
        return [len(row.ids) - len(self.start) for row in rows]

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Read the start, for all `nats` until the end; their gradients go through it then."""
        device = self._group.device
        with computing_in(self.precision, device):
            self._read = Start(self.model, self.start, device) if self.start else None
        try:
            yield
            if self._read:
                self._read.finish()
        finally:
            self._read = None

    def nats(self, rows: Sequence[Encoded]) -> torch.Tensor:
        """Return (rows,) the summed nats of each completion, with gradients where they are wanted.

        Only while `reading`.
        """
        batch = collated(rows, len(self.start), self._pad, self._group.device)
        with computing_in(self.precision, self._group.device):
            return cross_entropy(completion_logits(self.model, self._read, batch), batch)

    def all_nats(self, rows: Sequence[Encoded], chosen: Sequence[int] | None = None) -> torch.Tensor:
        """Return (rows,) the same without gradients, worked out by all processes together; 0 for the rows
        that are not chosen.
        """
        nats = torch.zeros(len(rows), device=self._group.device)
        with torch.no_grad(), self.reading():
            for part in self.parts(rows, range(len(rows)) if chosen is None else chosen):
                nats[list(part)] = self.nats([rows[row] for row in part])
        return self._group.added(nats)
