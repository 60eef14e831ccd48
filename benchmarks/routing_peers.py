"""What others do, on the same vectors: the peers that the router is measured beside."""

from __future__ import annotations

import numpy as np
from sklearn.linear_model import LogisticRegression

from agent.models.protocol import Vectors
from agent.routing.labels import Labels
from benchmarks.routing_figures import Floats

_C = 30.0
"""Inverse regularisation; 10 and 100 are as accurate within 0.2 points."""


def logistic_regression(labels: Labels, questions: Vectors) -> Floats:
    """Return (n, categories) probabilities; fitted on the labelled questions, without descriptions."""
    count = len(labels.examples)
    model = LogisticRegression(C=_C, max_iter=200).fit(labels.vectors[:count], labels.rows[:count])
    chances: Floats = model.predict_proba(questions).astype(np.float64)
    return chances


def nearest_label(labels: Labels, questions: Vectors) -> Floats:
    """Return (n, categories): the largest cosine to a label, as semantic-router scores a route."""
    count = len(labels.examples)
    cosines = questions @ labels.vectors[:count].T
    best = np.full((len(questions), len(labels.categories)), -1.0)
    for k in range(len(labels.categories)):
        best[:, k] = cosines[:, labels.rows[:count] == k].max(axis=1)
    return best
