"""Rate limits: buckets per route and major parameter, announced in headers and enforced with real 429s.

The numbers are not Discord's promise: it tells a client only by headers. Those below are what its users
observe. Windows run on real time, because the client really sleeps; tests shorten them by `scaled`.
"""

from __future__ import annotations

import hashlib
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final


@dataclass(frozen=True, slots=True)
class Rule:
    """At most `limit` requests in `window` seconds."""

    limit: int
    window: float


DISCORD: Final[Mapping[str, Rule]] = {
    "send": Rule(5, 5.0),
    "edit": Rule(5, 5.0),
    "delete": Rule(5, 1.0),
    "react": Rule(1, 0.25),
    "typing": Rule(5, 5.0),
    "history": Rule(50, 1.0),
    "direct": Rule(10, 10.0),
    "thread": Rule(10, 10.0),
    "commands": Rule(2, 20.0),
    "webhook": Rule(5, 2.0),
    "other": Rule(50, 1.0),
}
GLOBAL: Final = Rule(50, 1.0)


@dataclass(slots=True)
class _Bucket:
    opened: float = 0.0
    used: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Whether a request passes, with the headers that tell the client either way."""

    allowed: bool
    headers: Mapping[str, str]
    retry_after: float = 0.0
    is_global: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """One 429 that the bot ran into."""

    bucket: str
    major: str
    is_global: bool


@dataclass(slots=True)
class Limits:
    """`enabled` False still announces the buckets, and never refuses."""

    rules: dict[str, Rule] = field(default_factory=lambda: dict(DISCORD))
    overall: Rule = GLOBAL
    enabled: bool = True
    hits: list[Hit] = field(default_factory=list)
    _buckets: dict[tuple[str, str], _Bucket] = field(default_factory=dict)
    _recent: deque[float] = field(default_factory=deque)

    def scaled(self, factor: float) -> None:
        """Shorten every window; the counts stay."""
        self.rules = {name: Rule(rule.limit, rule.window * factor) for name, rule in self.rules.items()}
        self.overall = Rule(self.overall.limit, self.overall.window * factor)

    def take(self, bucket: str, major: str, *, counts_globally: bool) -> Verdict:
        """Use one request of the bucket, if it has one left."""
        now = time.monotonic()
        if counts_globally and (wait := self._global_wait(now)):
            return self._refuse(bucket, major, wait, is_global=True)
        rule = self.rules[bucket]
        state = self._buckets.setdefault((bucket, major), _Bucket())
        if now - state.opened >= rule.window:
            state.opened, state.used = now, 0
        reset_after = state.opened + rule.window - now
        if self.enabled and state.used >= rule.limit:
            return self._refuse(bucket, major, reset_after, is_global=False)
        state.used += 1
        if counts_globally:
            self._recent.append(now)
        return Verdict(allowed=True, headers=self._headers(bucket, rule, state, reset_after))

    def _global_wait(self, now: float) -> float:
        while self._recent and now - self._recent[0] >= self.overall.window:
            self._recent.popleft()
        if not self.enabled or len(self._recent) < self.overall.limit:
            return 0.0
        return self._recent[0] + self.overall.window - now

    def _refuse(self, bucket: str, major: str, wait: float, *, is_global: bool) -> Verdict:
        self.hits.append(Hit(bucket=bucket, major=major, is_global=is_global))
        headers = {"Retry-After": f"{wait:.3f}", "X-RateLimit-Scope": "global" if is_global else "user"}
        if is_global:
            headers["X-RateLimit-Global"] = "true"
        else:
            rule = self.rules[bucket]
            headers |= self._headers(bucket, rule, _Bucket(used=rule.limit), wait)
        return Verdict(allowed=False, headers=headers, retry_after=round(wait, 3), is_global=is_global)

    def _headers(self, bucket: str, rule: Rule, state: _Bucket, reset_after: float) -> dict[str, str]:
        """The hash names the bucket's rule, not its channel: the client adds the major parameter itself."""
        return {
            "X-RateLimit-Limit": str(rule.limit),
            "X-RateLimit-Remaining": str(rule.limit - state.used),
            "X-RateLimit-Reset": f"{time.time() + reset_after:.3f}",
            "X-RateLimit-Reset-After": f"{reset_after:.3f}",
            "X-RateLimit-Bucket": hashlib.sha256(bucket.encode()).hexdigest()[:32],
        }
