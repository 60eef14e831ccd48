"""Names for clusters that stay: one that is found again keeps its id, for the audit trail.

A cluster is found again when it holds the medoid that it had, or its medoid is like that one, in the same
task and category. The nearest pair comes first, and no two clusters share a name.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from agent.contracts import EpisodeId
from tuning.labels.grouping import same_words
from tuning.patterns.clusters import AGAIN, Cluster
from tuning.patterns.pattern import History, Known

_DIGITS: Final = 16
_IN_IT: Final = 2.0
"""More than any cosine."""


def named(clusters: Sequence[Cluster], history: History, known: Sequence[Known]) -> list[Known]:
    """Return who each cluster is, with its medoid of now."""
    medoids = [cluster.medoid(history.vectors) for cluster in clusters]
    again = _found_again(clusters, [each.index for each in medoids], history, known)
    taken = {each.id for each in known}
    names: list[Known] = []
    for place, (cluster, medoid) in enumerate(zip(clusters, medoids, strict=True)):
        if place in again:
            names.append(replace(again[place], medoid=medoid.episode))
            continue
        words = same_words(history.episodes[medoid.index].question)
        id_ = _hash(cluster, words)
        if id_ in taken:
            id_ = _hash(cluster, f"{words} {medoid.episode}")
        taken.add(id_)
        names.append(Known(id=id_, task=cluster.task, category=cluster.category, medoid=medoid.episode))
    return names


def _found_again(
    clusters: Sequence[Cluster], medoids: Sequence[int], history: History, known: Sequence[Known]
) -> dict[int, Known]:
    """The known ones by the places of the clusters that are them."""
    wanted = {each.medoid for each in known}
    places: dict[EpisodeId, int] = {
        each.id: index for index, each in enumerate(history.episodes) if each.id in wanted
    }
    pairs = [
        (_nearness(cluster, medoid, places[each.medoid], history), place, each)
        for each in known
        if each.medoid in places
        for place, (cluster, medoid) in enumerate(zip(clusters, medoids, strict=True))
        if (cluster.task, cluster.category) == (each.task, each.category)
    ]
    again: dict[int, Known] = {}
    used: set[str] = set()
    for cosine, place, each in sorted(pairs, key=lambda pair: (-pair[0], pair[2].id)):
        if cosine >= AGAIN and place not in again and each.id not in used:
            again[place] = each
            used.add(each.id)
    return again


def _nearness(cluster: Cluster, medoid: int, was: int, history: History) -> float:
    if any(each.index == was for each in cluster.failed):
        return _IN_IT
    return float(history.vectors[medoid] @ history.vectors[was])


def _hash(cluster: Cluster, words: str) -> str:
    said = f"{cluster.task} {cluster.category or ''} {words}"
    return hashlib.sha256(said.encode()).hexdigest()[:_DIGITS]
