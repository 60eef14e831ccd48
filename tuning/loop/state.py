"""Which states a run can be in, and which follows which."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final


class State(StrEnum):
    """In the order in which they are reached. Kept, so never renamed."""

    ASKED = "asked"
    DATASET = "dataset"
    TRAINING = "training"
    EXPORTING = "exporting"
    EVALUATING = "evaluating"
    GATED = "gated"
    APPROVAL = "approval"
    CANARY = "canary"
    CHAMPION = "champion"
    REFUSED = "refused"
    FAILED = "failed"
    CANCELLED = "cancelled"
    ROLLED_BACK = "rolled back"


WORKING: Final = (
    State.ASKED,
    State.DATASET,
    State.TRAINING,
    State.EXPORTING,
    State.EVALUATING,
    State.GATED,
)
"""In which the machine is at work, so that at most one run of a guild is in one of them."""
WAITING: Final = (State.APPROVAL, State.CANARY)
"""In which people, or time, decide."""
OPEN: Final = frozenset({*WORKING, *WAITING})
_ENDS: Final = frozenset({State.REFUSED, State.FAILED, State.CANCELLED})

NEXT: Final[Mapping[State, frozenset[State]]] = {
    State.ASKED: _ENDS | {State.DATASET},
    State.DATASET: _ENDS | {State.TRAINING},
    State.TRAINING: _ENDS | {State.EXPORTING},
    State.EXPORTING: _ENDS | {State.EVALUATING},
    State.EVALUATING: _ENDS | {State.GATED},
    State.GATED: _ENDS | {State.APPROVAL, State.CANARY, State.CHAMPION},
    State.APPROVAL: _ENDS | {State.CANARY, State.CHAMPION},
    State.CANARY: frozenset({State.CHAMPION, State.ROLLED_BACK}),
    State.CHAMPION: frozenset({State.ROLLED_BACK}),
    **{state: frozenset() for state in (*_ENDS, State.ROLLED_BACK)},
}
