"""What serves a guild: the adapter in service, and the one that is tried on a share of its questions.

The agent knows no more of an adapter than this; where it comes from, and why it is trusted, is tuning's
affair. Promotion and rollback change one row and load nothing that is not loaded: both are instant.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Task(StrEnum):
    """What a model is asked for. Its values are kept, so none is ever renamed."""

    ROUTE = "route"
    """The category of a question."""
    ANSWER = "answer"
    """An answer that quotes evidence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """How far the fusion believes a tuned router, fitted on questions that it was not trained on."""

    scale: float
    """What the weights of all other parts are multiplied with."""
    model: float
    """The weight of the model's log-likelihoods."""
    span: float
    """Nats between its best and its worst category that 95 % of questions do not exceed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedAdapter:
    id: str
    digest: str
    """sha256 of the GGUF adapter, hex; it lies at `adapter_file` in the data folder."""
    base_digest: str
    """sha256 of the GGUF file that it was trained on; it serves on no other."""
    trust: Trust | None = None
    """Of a ROUTE adapter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """Who serves one task of one guild. None is the model as it is."""

    champion: ServedAdapter | None = None
    challenger: ServedAdapter | None = None
    """Tried on `share` of the questions."""
    share: float = 0.0
    """0 to 1."""

    def chosen(self, key: str) -> ServedAdapter | None:
        """The adapter for a question; the same for the same key, which is the question's id."""
        if self.share <= 0:
            return self.champion
        drawn = int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "big") / 2**64
        return self.challenger if drawn < self.share else self.champion


ADAPTERS_FOLDER: Final = "adapters"
"""In the data folder."""


def adapter_file(digest: str) -> str:
    """The file's path in the data folder."""
    return f"{ADAPTERS_FOLDER}/{digest}.gguf"
