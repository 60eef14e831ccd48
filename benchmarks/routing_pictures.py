"""The pictures of the routing benchmark, into docs/pictures/."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib import pyplot as plt

from benchmarks.routing_figures import BINS, Flags, Floats

_FOLDER = Path("docs/pictures")


def draw_reliability(confidence: Floats, right: Flags, name: str) -> str:
    """Draw how often the route was right against how sure it was; the area of a dot is its questions."""
    bins = np.minimum((confidence * BINS).astype(np.int64), BINS - 1)
    used = np.unique(bins)
    sure = [confidence[bins == k].mean() for k in used]
    was_right = [right[bins == k].mean() for k in used]
    sizes = [20 + 600 * (bins == k).mean() for k in used]
    figure, axes = _figure()
    axes.plot([0, 1], [0, 1], color="0.7", linewidth=1)
    axes.scatter(sure, was_right, s=sizes, alpha=0.8)
    axes.set(xlabel="probability of the route", ylabel="share that was right", xlim=(0, 1.03), ylim=(0, 1.03))
    axes.set_title("BANKING77, 10 labels per category: probabilities mean what they say", fontsize=10)
    return _save(figure, name)


def draw_scope(curves: Mapping[str, tuple[Floats, Flags]], name: str) -> str:
    """Draw the share of questions out of scope that is refused against the share in scope that is kept."""
    figure, axes = _figure()
    for label, (strangeness, outside) in curves.items():
        thresholds = np.quantile(strangeness, np.linspace(0, 1, 200))
        kept = [(strangeness[~outside] <= t).mean() for t in thresholds]
        refused = [(strangeness[outside] > t).mean() for t in thresholds]
        axes.plot(kept, refused, label=label)
    axes.set(xlabel="in scope: kept", ylabel="out of scope: refused", xlim=(0.4, 1.0), ylim=(0, 1))
    axes.set_title("BANKING77 with 20 of 77 categories held out", fontsize=10)
    axes.legend(loc="lower left", frameon=False)
    return _save(figure, name)


def _figure() -> tuple[mpl.figure.Figure, mpl.axes.Axes]:
    figure, axes = plt.subplots(figsize=(6, 4.2), dpi=120)
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _save(figure: mpl.figure.Figure, name: str) -> str:
    _FOLDER.mkdir(parents=True, exist_ok=True)
    figure.tight_layout()
    figure.savefig(_FOLDER / name, metadata={"Software": None})
    plt.close(figure)
    return name
