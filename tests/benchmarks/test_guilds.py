"""The simulated guilds are the same for the same seed, and what is put into them is what it says."""

from __future__ import annotations

import pytest

from agent.contracts import FeedbackKind
from benchmarks.guilds.attacks import ATTACKS, DAY
from benchmarks.guilds.guild import Months, Shift, Town, end_of
from benchmarks.guilds.unusual import troubled
from tuning.anomalies.anomaly import Kind


def liked(months: Months, category: str, since: int) -> float:
    """The share of votes and corrections on a category that are in favour of its answers."""
    asked = {
        each.id
        for each in months.episodes
        if each.route and each.route.categories == (category,) and each.asked_at >= end_of(since - 1)
    }
    said = [int(each.value.get("vote", -1)) > 0 for each in months.events if each.episode in asked]
    return sum(said) / len(said)


def test_a_seed_makes_the_same_guild_again() -> None:
    one, other = (Town(3, days=30, people=8).live() for _ in range(2))
    assert one.episodes == other.episodes
    assert one.events == other.events
    assert Town(4, days=30, people=8).live().events != one.events


def test_a_shift_takes_a_category_from_four_in_five_to_three_in_five() -> None:
    shift = Shift(day=0, searched="car", right="pool", share=0.22)
    healthy = [liked(Town(seed, days=90, people=30).live(), "car", 0) for seed in range(4)]
    shifted = [liked(Town(seed, days=90, people=30, shift=shift).live(), "car", 0) for seed in range(4)]
    assert sum(healthy) / 4 == pytest.approx(0.79, abs=0.04)
    assert sum(shifted) / 4 == pytest.approx(0.59, abs=0.06)


@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_says_much_and_nothing_before_its_day(name: str) -> None:
    town = Town(5, days=80, people=10)
    town.live()
    before = list(town.months.events)
    ATTACKS[name](town)
    added = town.months.events[len(before) :]
    assert len(added) >= 20
    assert min(each.at for each in added) > end_of(DAY - 1)
    assert {each.kind for each in added} <= {FeedbackKind.VOTE, FeedbackKind.CORRECTION}


def test_a_burst_is_seen_on_its_day() -> None:
    assert troubled(Kind.BURST, 0).days == 1
