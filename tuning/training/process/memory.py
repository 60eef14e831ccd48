"""Memory that was freed, handed back to the system.

glibc keeps it for later. What a run asks for later is of other sizes, so that a base that is read at the end
would come on top of all that training ever took.
"""

from __future__ import annotations

import ctypes
import gc


def hand_back() -> None:
    """Free what only refers to itself, and hand back; elsewhere than on glibc the system has it already."""
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim:
        trim(0)
