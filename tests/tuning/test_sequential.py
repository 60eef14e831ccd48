"""Looked at after every vote, they rarely cry wolf and notice a real drop in time. Streams are seeded."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tuning.sequential import DropAlarm, DropProof, Interval, alarms, proofs, wilson

_BASELINE = 0.8
_RUNS = 200


def _streams(rate: float, votes: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).random((_RUNS, votes)) < rate


def _proven_at(votes: np.ndarray, alpha: float = 0.05) -> int | None:
    proof = DropProof(_BASELINE)
    return next((at for at, vote in enumerate(votes, 1) if proof.see(bool(vote)) >= -math.log(alpha)), None)


def _alarmed_at(votes: np.ndarray, between: float = 12_000) -> int | None:
    alarm = DropAlarm(_BASELINE, between)
    return next((at for at, vote in enumerate(votes, 1) if alarm.see(bool(vote))), None)


@pytest.mark.parametrize("rate", [_BASELINE, 0.9, 0.99])
def test_a_healthy_rate_is_rarely_proven_low(rate: float) -> None:
    false = [_proven_at(votes) for votes in _streams(rate, 600, seed=1)]
    assert sum(at is not None for at in false) <= 0.05 * _RUNS


@pytest.mark.parametrize("rate", [_BASELINE, 0.9])
def test_a_healthy_rate_rarely_raises_the_alarm(rate: float) -> None:
    false = [_alarmed_at(votes) for votes in _streams(rate, 600, seed=2)]
    assert sum(at is not None for at in false) <= 0.05 * _RUNS


def test_a_drop_from_the_start_is_proven() -> None:
    proven = [_proven_at(votes) for votes in _streams(0.6, 300, seed=3)]
    assert sum(at is not None for at in proven) >= 0.98 * _RUNS


def test_a_drop_after_a_good_time_raises_the_alarm_within_sixty_votes() -> None:
    good, bad = _streams(_BASELINE, 100, seed=4), _streams(0.6, 300, seed=5)
    alarmed = [_alarmed_at(np.concatenate(both)) for both in zip(good, bad, strict=True)]
    delays = [at - 100 for at in alarmed if at is not None and at > 100]
    assert len(delays) >= 0.98 * _RUNS
    assert np.median(delays) <= 60


def test_votes_may_each_have_a_baseline_of_their_own() -> None:
    votes = _streams(0.6, 60, seed=6)[0]
    same = proofs(votes, np.full(60, _BASELINE))
    np.testing.assert_allclose(same, proofs(votes, _BASELINE))
    lower_from_here = np.where(np.arange(60) < 40, _BASELINE, 0.4)
    both = proofs(votes, lower_from_here)
    np.testing.assert_allclose(both[:40], same[:40])
    assert both[-1] < same[-1]
    assert proofs(votes[:0], _BASELINE).shape == (0,)


def test_the_alarm_goes_down_when_the_rate_is_good_again() -> None:
    alarm = DropAlarm(_BASELINE, between=1_000)
    assert any(alarm.see(False) for _ in range(50))
    assert not all(alarm.see(True) for _ in range(200))


@pytest.mark.parametrize(
    ("successes", "total", "expected"),
    [
        (0, 0, Interval(0.0, 1.0)),
        # Newcombe 1998, Statistics in Medicine 17, table I.
        (81, 263, Interval(0.2553, 0.3662)),
        (15, 148, Interval(0.0624, 0.1605)),
        (0, 20, Interval(0.0, 0.1611)),
        (1, 29, Interval(0.0061, 0.1718)),
    ],
)
def test_wilson_agrees_with_published_intervals(successes: int, total: int, expected: Interval) -> None:
    found = wilson(successes, total)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=1e-4)


@pytest.mark.parametrize("count", [0, 1, 200])
def test_all_votes_at_once_say_what_they_say_one_by_one(count: int) -> None:
    votes = _streams(0.7, count, seed=5)[0]
    proof, alarm = DropProof(_BASELINE), DropAlarm(_BASELINE, between=1000)
    statistics = []
    for vote in votes:
        alarm.see(bool(vote))
        statistics.append(alarm.log_statistic)

    np.testing.assert_allclose(proofs(votes, _BASELINE), [proof.see(bool(vote)) for vote in votes])
    np.testing.assert_allclose(alarms(votes, _BASELINE), statistics)
