"""Clusters of similar failing questions: the first leads, and those that are like it follow.

Leader clustering takes questions in the journal's order and never moves one that has its place. So a cluster
of yesterday is there today with the same leader. The leader was there before the others were asked, so what
follows it can be tested as if it had been chosen at random; the leader's own failure is not counted.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from agent.contracts import EpisodeId, Slug
from agent.serving.served import Task
from tuning.labels.cases import Vectors
from tuning.patterns.pattern import History
from tuning.patterns.trials import Trial

SIMILAR: Final = 0.5
"""The cosine to the leader from which a question follows it. With the embedder of the default installation
questions about one thing (nine about a hot tub) had 0.26 to 0.87, the first of them 0.52 or more to all in
its language; those about two things 0.47 at most. A cluster that is too small takes longer to be noticed.
"""

AGAIN: Final = 0.9
"""The cosine of two medoids from which a cluster is one that was found before."""


@dataclass(slots=True)
class Cluster:
    task: Task
    category: Slug | None
    leader: Trial
    followers: list[Trial] = field(default_factory=list)
    """Failed or not, in the journal's order."""

    before: list[Trial] = field(default_factory=list)
    """Similar ones that did not fail, from before the leader."""

    @property
    def failed(self) -> list[Trial]:
        return [self.leader, *(each for each in self.followers if each.failed)]

    def medoid(self, vectors: Vectors) -> Trial:
        """The failing question that is most like all of them; the earlier of equals."""
        failed = self.failed
        rows = vectors[[each.index for each in failed]]
        return failed[int(np.argmax(rows @ rows.sum(axis=0)))]


def similar(history: History) -> Callable[[EpisodeId, EpisodeId], bool]:
    """Return what says whether two questions are alike, by their vectors."""
    places = {episode.id: index for index, episode in enumerate(history.episodes)}

    def alike(one: EpisodeId, other: EpisodeId) -> bool:
        return float(history.vectors[places[one]] @ history.vectors[places[other]]) >= SIMILAR

    return alike


def clusters_of(trials: Sequence[Trial], vectors: Vectors) -> list[Cluster]:
    """Cluster trials, which are in the journal's order, within each task and category."""
    grouped: dict[tuple[Task, Slug | None], list[Trial]] = {}
    for trial in trials:
        grouped.setdefault((trial.task, trial.category), []).append(trial)
    return [cluster for those in grouped.values() for cluster in _led(those, vectors)]


def _led(trials: Sequence[Trial], vectors: Vectors) -> list[Cluster]:
    found: list[Cluster] = []
    alone: list[Trial] = []
    leaders = np.empty((sum(each.failed for each in trials), vectors.shape[1]), dtype=np.float32)
    for trial in trials:
        nearest = _nearest(leaders[: len(found)], vectors[trial.index])
        if nearest is not None:
            found[nearest].followers.append(trial)
        elif trial.failed:
            leaders[len(found)] = vectors[trial.index]
            found.append(Cluster(task=trial.task, category=trial.category, leader=trial))
        else:
            alone.append(trial)
    if found and alone:
        cosines = leaders[: len(found)] @ vectors[[each.index for each in alone]].T
        for place, other in np.argwhere(cosines >= SIMILAR):
            if alone[other].index < found[place].leader.index:
                found[place].before.append(alone[other])
    return found


def _nearest(leaders: NDArray[np.float32], vector: NDArray[np.float32]) -> int | None:
    if not len(leaders):
        return None
    cosines = leaders @ vector
    best = int(np.argmax(cosines))
    return best if cosines[best] >= SIMILAR else None
