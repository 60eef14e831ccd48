"""Weights with which a guild starts, and how far its own labels may move them.

`BARE_*` are for guilds with less than one labelled question per category, `TAUGHT_*` for the others: medians
and standard deviations over small guilds drawn from training data, one and two embedders mixed. Fitted by
`python -m benchmarks.routing --fit-prior` on 2026-11-22, to be run again when an embedder, the kernel or the
features change. Order: regression, nearest, description; and constant, familiarity, nearest.
"""

from __future__ import annotations

from agent.routing.fusion import Prior

BARE_PARTS = Prior(mean=(1.85, 5.5, 5.5), sd=(1.83, 3.97, 3.97))
BARE_SCOPE = Prior(mean=(0.24, 2.04, 5.92), sd=(4.76, 1.69, 5.25))
TAUGHT_PARTS = Prior(mean=(2.41, 2.23, 5.54), sd=(1.96, 5.0, 4.88))
TAUGHT_SCOPE = Prior(mean=(-0.69, 3.42, 5.62), sd=(4.22, 1.68, 4.34))

MODEL = Prior(mean=(1.0, 0.0), sd=(0.2, 0.3))
"""Scale of all other parts, and weight of the language model's log-likelihood: not fitted but chosen, so that
a model has no say until labels prove that it adds something."""

OUTSIDE_SHARE = 0.2
"""How many questions are assumed to be out of scope; labels cannot tell. The labelled strangers on which the
scope is fitted are of a neighbouring topic, which are the hard ones."""
