"""Labels as lines of JSON, in one form: equal labels are equal bytes."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict

from tuning.labels.label import Label, Review


def line(record: Label | Review) -> str:
    """Return one line without its end: keys sorted, no spaces, nothing escaped that need not be."""
    return json.dumps(asdict(record), ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def lines(records: Iterable[Label | Review]) -> str:
    return "".join(f"{line(record)}\n" for record in records)
