"""Faults by script: what goes wrong between the bot and Discord, on chosen routes, so many times."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["status", "delay", "drop"]


@dataclass(slots=True, kw_only=True)
class Fault:
    """One fault on the requests whose `METHOD /path` matches.

    `after` lets the request take effect first, so that only its answer is lost: what a client repeats then
    must not happen twice. `drop` cuts the connection; `delay` waits `seconds` and then goes on.
    """

    pattern: re.Pattern[str]
    kind: Kind
    times: int
    status: int = 500
    seconds: float = 0.0
    after: bool = False


@dataclass(slots=True)
class Faults:
    """What the script asked for and has not happened yet."""

    waiting: list[Fault] = field(default_factory=list)

    def fail(self, pattern: str, status: int = 500, *, times: int = 1, after: bool = False) -> None:
        """Answer with `status` and no JSON, as a proxy in trouble does."""
        self._add(Fault(pattern=re.compile(pattern), kind="status", times=times, status=status, after=after))

    def delay(self, pattern: str, seconds: float, *, times: int = 1) -> None:
        self._add(Fault(pattern=re.compile(pattern), kind="delay", times=times, seconds=seconds))

    def drop(self, pattern: str, *, times: int = 1, after: bool = False) -> None:
        self._add(Fault(pattern=re.compile(pattern), kind="drop", times=times, after=after))

    def clear(self) -> None:
        self.waiting.clear()

    def take(self, request: str) -> Fault | None:
        """The first fault that fits this request, used up by one."""
        for fault in self.waiting:
            if fault.pattern.search(request):
                fault.times -= 1
                if fault.times == 0:
                    self.waiting.remove(fault)
                return fault
        return None

    def _add(self, fault: Fault) -> None:
        self.waiting.append(fault)
