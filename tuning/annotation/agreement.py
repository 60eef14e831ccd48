"""How far annotators agree who decided the same thing without knowing of each other.

Krippendorff's alpha for nominal values (Krippendorff, "Computing Krippendorff's Alpha-Reliability", 2011),
by NLTK: 1 is agreement, 0 what chance would give, below 0 systematic disagreement. It takes any number of
annotators and of decisions that are missing.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Final, TypeAlias

from agent.contracts import MemberId
from agent.serving.served import Task
from tuning.labels.decisions import Act, Decision

_NOTHING: Final = "(discarded)"
RELIABLE: Final = 0.667
"""Below this Krippendorff advises against conclusions."""

Rating: TypeAlias = tuple[MemberId, str, str]
"""Who, of what, said what."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """Of one task: on everything, on one value against all others, or of one pair."""

    task: Task
    of: str
    """`all`, a value such as a category, or two annotators: `ana, ben`."""
    items: int
    """Things that at least two of those concerned decided."""
    alpha: float | None
    """None where it is not defined: fewer than two items, or nothing but one value was ever chosen."""

    @property
    def reliable(self) -> bool:
        return self.alpha is not None and self.alpha >= RELIABLE


def agreement(decisions: Iterable[Decision]) -> tuple[Agreement, ...]:
    """Return it for each task: on everything, for each value, and for each pair of annotators.

    `decisions` are all of a guild in the order in which they were stored. Of an answer it is counted what was
    done with it (accepted, corrected, discarded), since no two people write the same words.
    """
    found: list[Agreement] = []
    ratings = _blind(decisions)
    for task in Task:
        rated = _shared(ratings.get(task, []))
        if not rated:
            continue
        values = sorted({value for _, _, value in rated})
        members = sorted({member for member, _, _ in rated})
        found.append(_agreement(task, "all", rated))
        found += [_agreement(task, each, _one_against_all(rated, each)) for each in values]
        for pair in combinations(members, 2):
            between = _shared([rating for rating in rated if rating[0] in pair])
            if between:
                found.append(_agreement(task, ", ".join(pair), between))
    return tuple(found)


def alpha(ratings: Sequence[Rating]) -> float | None:
    """Krippendorff's alpha; None where it is not defined. Imports NLTK, which takes a moment."""
    from nltk.metrics.agreement import AnnotationTask

    if len({item for _, item, _ in ratings}) < 2 or len({value for _, _, value in ratings}) < 2:
        return None
    return float(AnnotationTask(data=list(ratings)).alpha())


def _agreement(task: Task, of: str, ratings: Sequence[Rating]) -> Agreement:
    items = len({item for _, item, _ in ratings})
    return Agreement(task=task, of=of, items=items, alpha=alpha(ratings))


def _blind(decisions: Iterable[Decision]) -> dict[Task, list[Rating]]:
    """What each annotator said last of each thing, where they had not seen what another had decided."""
    ordered = tuple(decisions)
    undone = {(each.member, each.undoes) for each in ordered if each.act is Act.UNDO}
    ids = {each.id for each in ordered}
    said: dict[tuple[Task, str, MemberId], str] = {}
    for each in ordered:
        counts = each.act is not Act.UNDO and (each.member, each.id) not in undone
        if each.task is not None and counts and ids.isdisjoint(each.seen):
            said[each.task, each.item, each.member] = _value(each)
    ratings: dict[Task, list[Rating]] = defaultdict(list)
    for (task, item, member), value in said.items():
        ratings[task].append((member, item, value))
    return ratings


def _value(decision: Decision) -> str:
    if decision.act is Act.DISCARD:
        return _NOTHING
    return str(decision.category) if decision.task is Task.ROUTE else decision.act.value


def _shared(ratings: Sequence[Rating]) -> list[Rating]:
    counted = Counter(item for _, item, _ in ratings)
    return [rating for rating in ratings if counted[rating[1]] > 1]


def _one_against_all(ratings: Sequence[Rating], value: str) -> list[Rating]:
    return [(member, item, "yes" if said == value else "no") for member, item, said in ratings]
