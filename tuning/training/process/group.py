"""The processes that train one model together: one alone, unless `accelerate launch` started several.

Each has a whole copy of the model and goes through its share of a step's rows; gradients are then added up,
which gives what one process alone would have come to, but for rounding. PyTorch's own wrapper for this wants
one forward pass a backward pass, which a start that is read once and a step in parts are not. Only the main
process writes files.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeVar

import torch
from accelerate import PartialState
from accelerate.utils import broadcast_object_list, reduce

_Said = TypeVar("_Said")


class Group:
    def __init__(self) -> None:
        self._state = PartialState(cpu=not torch.cuda.is_available())

    @property
    def device(self) -> torch.device:
        """A card of its own for each process, else the processor."""
        return torch.device(self._state.device)

    @property
    def size(self) -> int:
        return int(self._state.num_processes)

    @property
    def number(self) -> int:
        """Of this process, from 0."""
        return int(self._state.process_index)

    @property
    def main(self) -> bool:
        return self.number == 0

    def share(self, rows: Sequence[int]) -> Sequence[int]:
        """This process's rows. Of rows in the order of their lengths, each process gets like ones."""
        return rows[self.number :: self.size]

    def added(self, values: torch.Tensor) -> torch.Tensor:
        """The sum over all processes, the same in each."""
        return values if self.size == 1 else reduce(values, "sum")

    def total(self, value: float) -> float:
        return float(self.added(torch.tensor(value, dtype=torch.float64, device=self.device)))

    def any(self, flag: bool) -> bool:
        return flag if self.size == 1 else self.total(float(flag)) > 0

    def add_gradients(self, weights: Iterable[torch.nn.Parameter]) -> None:
        """Give every process the sum of all gradients; a process that had no rows of a step has none yet."""
        if self.size == 1:
            return
        learning = list(weights)
        parts = [torch.zeros_like(each) if each.grad is None else each.grad for each in learning]
        whole = self.added(torch.cat([part.flatten() for part in parts]))
        for each, part in zip(learning, whole.split([each.numel() for each in learning]), strict=True):
            each.grad = part.view_as(each)

    def agreed(self, said: _Said) -> _Said:
        """What the main process says, for all."""
        if self.size == 1:
            return said
        (agreed,) = broadcast_object_list([said])
        return agreed  # type: ignore[no-any-return]

    def leave(self) -> None:
        """Wait for the others; nothing can be added up afterwards."""
        self._state.wait_for_everyone()
        self._state.destroy_process_group()
