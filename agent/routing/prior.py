"""Weights with which a guild starts, and how far its own labels may move them.

`BARE_*` are for guilds with less than one labelled question per category, `TAUGHT_*` for the others. They lie
between what suits small guilds drawn from a bank's questions, whose topics are close, and from a household's,
whose topics are not. Fitted by `python -m benchmarks.routing --fit-prior` on 2026-11-22; to be fitted again
when an embedder, the kernel or the features change. Order: regression, nearest, description; and constant,
familiarity to the regression, familiarity to the nearest row.
"""

from __future__ import annotations

from agent.routing.fusion import Prior

BARE_PARTS = Prior(mean=(2.06, 5.07, 5.07), sd=(1.91, 4.04, 4.04))
BARE_SCOPE = Prior(mean=(-2.49, 0.41, 0.99), sd=(2.43, 0.58, 0.77))
TAUGHT_PARTS = Prior(mean=(2.39, 1.12, 9.01), sd=(1.66, 4.7, 5.42))
TAUGHT_SCOPE = Prior(mean=(-4.15, 1.09, 0.44), sd=(3.65, 0.57, 0.78))

MODEL = Prior(mean=(1.0, 0.0), sd=(0.2, 0.3))
"""Scale of all other parts, and weight of the language model's log-likelihood: not fitted but chosen, so that
a model has no say until labels prove that it adds something."""

OUTSIDE_SHARE = 0.2
"""How many questions are assumed to be out of scope; labels cannot tell. The labelled strangers on which the
scope is fitted are of a neighbouring topic, which are the hard ones."""
