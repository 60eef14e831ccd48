"""Time-sortable ids."""

from __future__ import annotations

import uuid_utils


def new_id() -> str:
    """Return a UUID version 7: 36 characters that sort by the millisecond in which they were made."""
    return str(uuid_utils.uuid7())
