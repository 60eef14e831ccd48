"""Statistics that stay valid however often one looks: has a rate of success dropped below its baseline?

A scheduler looks at feedback every day, and an ordinary test looked at every day cries wolf: on healthy votes
the 95 % interval of the last 50 gave a false alarm in 77 of 100 streams. Both tests here are mixtures of
likelihood ratios over lower rates, so that their bounds hold at every look and for every true rate at or
above the baseline, not only for the baseline itself.

* `DropProof` asks whether *these* votes can come from a rate as good as the baseline. Its e-value exceeds 1 /
  alpha with probability alpha at most, ever (Ville's inequality; mixture e-process, see Ramdas et al. 2023,
  "Game-theoretic statistics and safe anytime-valid inference"). It is what an audit line quotes.
* `DropAlarm` asks whether the rate has dropped *at some time*, without knowing when: the Shiryaev-Roberts
  e-detector (Shin, Ramdas and Rinaldo 2024, "E-detectors"). Healthy votes between two false alarms number at
  least its bound on average. It is what notices a change after a long good time.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_ALTERNATIVES = 7
_LOWEST, _NEAREST = 0.5, 0.875
"""The mixture's rates, as shares of the baseline: from half of it to an eighth below."""


@dataclass(frozen=True, slots=True)
class Interval:
    low: float
    high: float


def wilson(successes: int, total: int, z: float = 1.96) -> Interval:
    """The score interval of a share (Wilson 1927), (0, 1) when nothing was counted."""
    if not total:
        return Interval(0.0, 1.0)
    share, spread = successes / total, z * z / total
    centre = share + spread / 2
    half = z * math.sqrt(share * (1 - share) / total + spread / (4 * total))
    return Interval(max(0.0, (centre - half) / (1 + spread)), min(1.0, (centre + half) / (1 + spread)))


class DropProof:
    """The evidence of all votes seen that the rate is below `baseline` (0 to 1, exclusive)."""

    def __init__(self, baseline: float) -> None:
        self._gains = _gains(baseline)
        self._logs = np.full(_ALTERNATIVES, -math.log(_ALTERNATIVES))

    def see(self, success: bool) -> float:
        """Count one vote and return log e; a drop is proven at level alpha from -log(alpha) on."""
        self._logs = self._logs + self._gains[int(success)]
        return self.log_e

    @property
    def log_e(self) -> float:
        return float(np.logaddexp.reduce(self._logs))


class DropAlarm:
    """Whether the rate has dropped below `baseline` (0 to 1, exclusive) at an unknown time.

    At least `between` healthy votes pass on average before a false alarm.
    """

    def __init__(self, baseline: float, between: float) -> None:
        self._gains = _gains(baseline)
        self._between = math.log(between)
        self._logs = np.full(_ALTERNATIVES, -np.inf)

    def see(self, success: bool) -> bool:
        """Count one vote and return whether the alarm is up. It stays up until the rate is good for long."""
        # log(1 + W) starts a new test at every vote, beside those that run: the drop may begin now.
        self._logs = np.logaddexp(0.0, self._logs) + self._gains[int(success)]
        return self.log_statistic >= self._between

    @property
    def log_statistic(self) -> float:
        return float(np.logaddexp.reduce(self._logs)) - math.log(_ALTERNATIVES)


def proofs(votes: NDArray[np.bool_], baseline: float | NDArray[np.float64]) -> NDArray[np.float64]:
    """Return log e of a `DropProof` after each of these votes, all at once. `baseline` is one for all
    votes or one for each: that they are all as good as their baselines is what is disproved.
    """
    logs = np.cumsum(_gains_of(votes, baseline), axis=0) - math.log(_ALTERNATIVES)
    return np.asarray(np.logaddexp.reduce(logs, axis=1))


def alarms(votes: NDArray[np.bool_], baseline: float) -> NDArray[np.float64]:
    """Return the `log_statistic` of a `DropAlarm` after each of these votes, all at once."""
    sums = np.cumsum(_gains_of(votes, baseline), axis=0)
    before = np.vstack([np.zeros((1, _ALTERNATIVES)), sums])[:-1]
    logs = sums + np.logaddexp.accumulate(-before, axis=0)
    return np.asarray(np.logaddexp.reduce(logs, axis=1)) - math.log(_ALTERNATIVES)


def _gains_of(votes: NDArray[np.bool_], baseline: float | NDArray[np.float64]) -> NDArray[np.float64]:
    failure, success = _gains(np.broadcast_to(baseline, votes.shape)[:, None])
    return np.where(votes[:, None], success, failure)


def _gains(baseline: float | NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """What a failure and a success add to the log likelihood ratio of each lower rate; of a column of
    baselines, a row for each.
    """
    rates = baseline * np.linspace(_LOWEST, _NEAREST, _ALTERNATIVES)
    return np.log((1 - rates) / (1 - baseline)), np.log(rates / baseline)
