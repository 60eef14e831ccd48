"""The picture of the simulator, into docs/pictures/."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib import pyplot as plt

from benchmarks.guilds.naive import NAIVE
from benchmarks.guilds.runs import OURS, PROVEN, Healthy, Shifted

_FOLDER = Path("docs/pictures")
_MOST = 200


def draw(shifts: Sequence[Shifted], calm: Sequence[Healthy], name: str) -> None:
    """Draw how soon each rule notices a real drop, and how often it cries wolf."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4.2), dpi=120, width_ratios=(3, 2))
    for rule in (PROVEN, OURS, *NAIVE):
        votes = [each.votes[rule] for each in shifts]
        counts = np.arange(_MOST + 1)
        noticed = [sum(vote is not None and vote <= count for vote in votes) / len(votes) for count in counts]
        left.plot(counts, noticed, label=rule)
    left.axvline(60, color="0.7", linewidth=1)
    left.set(xlabel="votes since the drop", ylabel="share of guilds in which it was noticed", ylim=(0, 1.02))
    left.set_title("A drop from 0.80 to 0.60 satisfied", fontsize=10)
    left.legend(frameon=False, fontsize=8)
    rules = (OURS, *NAIVE)
    months = sum(each.months for each in calm)
    alarms = [sum(each.trainings[rule] for each in calm) / months for rule in rules]
    right.barh(rules, alarms)
    right.bar_label(right.containers[0], fmt="%.2f", padding=3, fontsize=8)
    right.set(xlabel="false alarms a month")
    right.set_title("Nothing is wrong", fontsize=10)
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
    _FOLDER.mkdir(parents=True, exist_ok=True)
    figure.tight_layout()
    figure.savefig(_FOLDER / name, metadata={"Software": None})
    plt.close(figure)
