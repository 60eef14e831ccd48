"""Which copy of the base an adapter is laid on, where an engine knows a model by the file of its base.

Ollama does: two models of one base file throw each other out of memory at every switch. So each adapter in
service has a slot, which is a copy of the base that says its slot's name and is another file for it. A copy
costs the disk and the memory of a whole base; so there are few, and they are used again. Two for each task
let the champion and its challenger serve side by side, or the champion and the one to roll back to.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator, Mapping
from itertools import count
from pathlib import Path
from typing import Final

from pydantic import TypeAdapter, ValidationError

from agent.files import write_atomically
from agent.models.gguf_file import write_marked_copy
from agent.models.weights import sha256_of
from agent.serving.served import Task

_log = logging.getLogger(__name__)

_LEAST: Final = 2
"""Slots of a task that are used before one that still holds an adapter is."""
_KEY: Final = "lorekeeper.slot"
_KNOWN: Final = TypeAdapter(dict[str, str])


def slot_for(digest: str, task: Task, taken: Mapping[str, str], serving: Collection[str]) -> str:
    """Choose the slot of an adapter: its own, else an empty one, else one whose adapter serves no longer.

    `taken` has the digest of the adapter on each slot. Where all of a task's adapters serve, a slot is added.
    """
    for slot, held in taken.items():
        if held == digest:
            return slot
    empty = (slot for slot in _slots(task) if slot not in taken)
    of_task = sorted(slot for slot in taken if slot.startswith(f"{task}-"))
    idle = [slot for slot in of_task if taken[slot] not in serving]
    return idle[0] if idle and len(of_task) >= _LEAST else next(empty)


def _slots(task: Task) -> Iterator[str]:
    for number in count():
        yield f"{task}-{chr(ord('a') + number)}" if number < 26 else f"{task}-{number}"


class SlotCopies:
    """Copies of one base. Blocks. Raises `ModelError`, `StoreError`.

    Their digests are remembered in the data folder: making a copy to learn its digest takes the time and the
    disk of a base.
    """

    def __init__(self, base: Path, base_digest: str, data_dir: Path, owner: str) -> None:
        self._base = base
        self._base_digest = base_digest
        self._owner = owner
        self._folder = data_dir / "models" / "slots"

    def slot_of(self, weights: str) -> str | None:
        """The slot whose copy has this sha256, if one is known."""
        mine = self._named("")
        known = ((key, digest) for key, digest in self._known().items() if key.startswith(mine))
        return next((key.removeprefix(mine) for key, digest in known if digest == weights), None)

    def digest(self, slot: str) -> str:
        """sha256 of the slot's copy, hex. The first time the copy is made for that."""
        known = self._known().get(self._named(slot))
        if known is None:
            known = sha256_of(self.file(slot))
            remembered = _KNOWN.dump_json(self._known() | {self._named(slot): known}, indent=1)
            write_atomically(self._memory, remembered)
        return known

    def file(self, slot: str) -> Path:
        """The copy, made unless it is there."""
        path = self._path(slot)
        if not path.is_file():
            write_marked_copy(self._base, path, _KEY, f"{self._owner}/{slot}")
        return path

    def discard(self, slot: str) -> None:
        """Delete the copy; its digest stays known."""
        self._path(slot).unlink(missing_ok=True)

    def _path(self, slot: str) -> Path:
        return self._folder / f"{self._owner}-{slot}-{self._base_digest[:12]}.gguf"

    @property
    def _memory(self) -> Path:
        return self._folder / "digests.json"

    def _named(self, slot: str) -> str:
        return f"{self._base_digest}/{self._owner}/{slot}"

    def _known(self) -> dict[str, str]:
        try:
            return _KNOWN.validate_json(self._memory.read_bytes())
        except FileNotFoundError:
            return {}
        except (OSError, ValidationError) as error:
            _log.warning("%s cannot be read and is made anew: %s", self._memory, error)
            return {}
