"""The detector itself: from the history of a guild to candidates, purely."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Final

from agent.contracts import EpisodeId, Intent, MemberId, Slug
from agent.serving.served import Task
from tuning.labels.label import Label, Polarity
from tuning.patterns.abuse import People, examine
from tuning.patterns.baselines import frozen, held_against, tested_since
from tuning.patterns.clusters import Cluster, clusters_of, similar
from tuning.patterns.judging import Test, View, judge
from tuning.patterns.naming import named
from tuning.patterns.pattern import Baseline, BaselineKey, Detection, History, Known, Training
from tuning.patterns.rules import Remark
from tuning.patterns.significance import bound, fallen, path, worse
from tuning.patterns.trials import Trial, remarks_of, trials_of
from tuning.patterns.wording import Spread

TESTED: Final = 3
"""Trials from which a cluster is looked at. It is their number, not their outcome, so it biases nothing."""

_NONE: Final[Mapping[BaselineKey, Baseline]] = MappingProxyType({})
_UNTRAINED: Final[Mapping[Task, Training]] = MappingProxyType({})


def detect(
    history: History,
    *,
    now: datetime,
    baselines: Mapping[BaselineKey, Baseline] = _NONE,
    trainings: Mapping[Task, Training] = _UNTRAINED,
    known: Sequence[Known] = (),
    anomalies: Sequence[str] = (),
) -> Detection:
    """Return every candidate of a guild with its findings and its decision.

    `trainings` are the last of each task; `anomalies` says in words what unusual is going on in the guild.
    The same arguments give the same result.
    """
    said = remarks_of(history)
    examined = examine(said, _people(history), similar(history))
    trials = trials_of(history, examined.kept)
    held = frozen(trials, baselines, trainings)
    view = View(
        history=history,
        now=now,
        baselines=held,
        trainings=trainings,
        anomalies=tuple(anomalies),
        places={episode.id: index for index, episode in enumerate(history.episodes)},
        labels={task: _new_labels(task, history, trainings.get(task)) for task in Task},
        said=_by_question(said),
        aside=examined.aside,
        falls=_falls(trials, held),
        members=len({episode.member for episode in history.episodes}),
        words=Spread.of([history.episodes[each.index].question for each in trials]),
    )
    clusters = clusters_of(trials, history.vectors)
    tests = _tests(clusters, view)
    names = named(clusters, history, known)
    found = [
        candidate
        for cluster, test, name in zip(clusters, tests, names, strict=True)
        if (candidate := judge(cluster, test, name, view))
    ]
    found.sort(key=lambda each: (not each.stable, -len(each.remarks), each.id))
    return Detection(candidates=tuple(found), baselines=held)


def _people(history: History) -> People:
    came: dict[MemberId, datetime] = {}
    for member, at in (
        *((each.member, each.asked_at) for each in history.episodes),
        *((each.member, each.at) for each in history.events),
    ):
        came[member] = min(at, came.get(member, at))
    began = min(came.values(), default=datetime.max.replace(tzinfo=UTC))
    ask = {each.member for each in history.episodes if each.intent is Intent.ASK}
    return People(came=came | dict(history.joined), began=began, ask=ask)


def _by_question(remarks: Iterable[Remark]) -> Counter[tuple[EpisodeId, Task]]:
    return Counter((each.episode, each.task) for each in remarks if each.against)


def _falls(
    trials: Sequence[Trial], baselines: Mapping[BaselineKey, Baseline]
) -> dict[tuple[Task, Slug | None], bool]:
    """By category with a baseline of its own: what is rare has none, and its clusters are tested alone."""
    return {
        key: fallen(
            tested_since(baseline, [each for each in trials if (each.task, each.category) == key]),
            baseline.rate,
        )
        for key, baseline in baselines.items()
    }


def _tests(clusters: Sequence[Cluster], view: View) -> list[Test]:
    paths = []
    for cluster in clusters:
        held = held_against(view.baselines, cluster.task, cluster.category, cluster.followers)
        trials = tuple(trial for trial, _ in held)
        paths.append((trials, tuple(map(float, path(trials, [rate for _, rate in held])))))
    looked_at = [index for index, (trials, _) in enumerate(paths) if len(trials) >= TESTED]
    passed = dict(zip(looked_at, worse([paths[index][1][-1] for index in looked_at]), strict=True))
    shared = bound(len(looked_at))
    return [
        Test(trials=trials, log_es=log_es, worse=passed.get(index, False), bound=shared)
        for index, (trials, log_es) in enumerate(paths)
    ]


def _new_labels(task: Task, history: History, training: Training | None) -> list[Label]:
    labels = [each for each in history.labels if each.task is task and each.polarity is not Polarity.LIKED]
    if training is None:
        return labels
    recent = {event.id for event in history.events if event.at > training.at}
    return [label for label in labels if recent.intersection(label.events)]
