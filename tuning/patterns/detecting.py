"""The detector itself: from the history of a guild to candidates, purely."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Final

import numpy as np

from agent.contracts import EpisodeId, Intent, MemberId, Slug
from tuning.labels.label import Label, Task
from tuning.patterns import rules
from tuning.patterns.abuse import Aside, People, examine
from tuning.patterns.baselines import TRIALS, baseline_for, frozen, tested_since
from tuning.patterns.causes import Reason
from tuning.patterns.clusters import SIMILAR, Cluster, clusters_of, similar
from tuning.patterns.deciding import SUSPECT_SHARE, Grounds, decide
from tuning.patterns.naming import named
from tuning.patterns.pattern import (
    Baseline,
    BaselineKey,
    Candidate,
    Detection,
    History,
    Known,
    Point,
    Training,
)
from tuning.patterns.phrases import Phrase
from tuning.patterns.rules import Cause, Finding, Remark, RuleName, Statistic
from tuning.patterns.significance import bound, fallen, path, worse
from tuning.patterns.trials import Trial, remarks_of, trials_of
from tuning.patterns.wording import Spread, gist_of, topic

WINDOW: Final = timedelta(days=60)
"""How long a remark counts. A candidate of which nothing is heard for so long is one no longer."""

REMARKS: Final = 2
"""A single remark is no candidate."""

TESTED: Final = 3
"""Trials from which a cluster is looked at. It is their number, not their outcome, so it biases nothing."""

SUSPECT_REMARKS, SUSPECT_MEMBERS = 6, 3
_MOST_ODDS: Final = math.log(1e6)
"""More would only pretend to be exact."""

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
    view = _View(
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
        words=Spread.of([history.episodes[each.index].question for each in trials]),
    )
    clusters = clusters_of(trials, history.vectors)
    tests = _tests(clusters, view)
    names = named(clusters, history, known)
    found = [
        candidate
        for cluster, test, name in zip(clusters, tests, names, strict=True)
        if (candidate := _candidate(cluster, test, name, view))
    ]
    found.sort(key=lambda each: (not each.stable, -len(each.remarks), each.id))
    return Detection(candidates=tuple(found), baselines=held)


@dataclass(frozen=True, slots=True, kw_only=True)
class _View:
    """What every candidate is judged by."""

    history: History
    now: datetime
    baselines: Mapping[BaselineKey, Baseline]
    trainings: Mapping[Task, Training]
    anomalies: tuple[str, ...]
    places: Mapping[EpisodeId, int]
    labels: Mapping[Task, Sequence[Label]]
    """Those that feedback since the last training takes part in."""
    said: Mapping[tuple[EpisodeId, Task], int]
    """How many remarks against it a question has, those set aside included."""
    aside: tuple[Aside, ...]
    falls: Mapping[tuple[Task, Slug | None], bool]
    """The categories whose alarm is up."""
    words: Spread
    """Of all trials' questions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Test:
    trials: tuple[Trial, ...]
    log_es: tuple[float, ...]
    """After each of them."""
    worse: bool
    bound: float

    @property
    def log_e(self) -> float:
        return self.log_es[-1] if self.log_es else 0.0


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


def _tests(clusters: Sequence[Cluster], view: _View) -> list[_Test]:
    paths = []
    for cluster in clusters:
        baseline = baseline_for(view.baselines, cluster.task, cluster.category)
        trials = tested_since(baseline, cluster.followers) if baseline else []
        log_es = path(trials, baseline.rate) if baseline and trials else np.empty(0)
        paths.append((tuple(trials), tuple(float(each) for each in log_es)))
    looked_at = [index for index, (trials, _) in enumerate(paths) if len(trials) >= TESTED]
    passed = dict(zip(looked_at, worse([paths[index][1][-1] for index in looked_at]), strict=True))
    shared = bound(len(looked_at))
    return [
        _Test(trials=trials, log_es=log_es, worse=passed.get(index, False), bound=shared)
        for index, (trials, log_es) in enumerate(paths)
    ]


def _candidate(cluster: Cluster, test: _Test, name: Known, view: _View) -> Candidate | None:
    since = _since(cluster.task, name, view)
    failed = [each for each in cluster.failed if each.at > since]
    against = tuple(
        sorted((r for each in failed for r in each.remarks if r.against), key=lambda remark: remark.at)
    )
    if len(against) < REMARKS:
        return None
    voices = [r for each in (cluster.leader, *cluster.followers) if each.at > since for r in each.remarks]
    causes = Counter(each.cause for each in failed if each.cause is not None)
    suspect, aside = _suspect(cluster, failed, view)
    target = _target(against)
    findings = _findings(cluster, test, view, against, voices, causes, target)
    findings[RuleName.CALM] = _calm(cluster.task, view, suspect, aside)
    grounds = Grounds(
        task=cluster.task,
        findings=findings,
        causes=causes,
        asked=len(failed),
        askers=len({each.member for each in against}),
        members=len({each.member for each in view.history.episodes}),
        outdated=_outdated(cluster, against),
        suspect=suspect,
        anomalies=view.anomalies,
    )
    decision = decide(grounds)
    texts = [view.history.episodes[each.index].question for each in reversed(failed)]
    question = view.history.episodes[view.places[name.medoid]].question
    about = topic(question, Spread.of(texts), view.words)
    return Candidate(
        id=name.id,
        task=cluster.task,
        category=cluster.category,
        medoid=name.medoid,
        question=question,
        about=about,
        target=target,
        questions=tuple(dict.fromkeys(texts)),
        remarks=against,
        causes=causes,
        findings=tuple(findings[rule] for rule in RuleName),
        decision=decision,
        gist=gist_of(
            cluster.task,
            cluster.category,
            target,
            against,
            about=about,
            question=question,
            action=decision.action,
        ),
        points=_points(cluster, test, since),
        bound=test.bound,
    )


def _since(task: Task, name: Known, view: _View) -> datetime:
    """What was said until then counts no longer: it is old, trained on, or an admin dealt with it."""
    trained = [view.trainings[task].at] if task in view.trainings else []
    settled = [name.settled_at] if name.settled_at else []
    return max([view.now - WINDOW, *trained, *settled])


def _findings(
    cluster: Cluster,
    test: _Test,
    view: _View,
    against: Sequence[Remark],
    voices: Sequence[Remark],
    causes: Mapping[Cause, int],
    target: str,
) -> dict[RuleName, Finding]:
    """All but the last rule."""
    task, category = cluster.task, cluster.category
    heard = voices if task is Task.ROUTE else against
    found = (
        _volume(task, category, target, view),
        rules.recurrence(against),
        rules.independence(against),
        rules.agreement(heard, category or ""),
        rules.significance(_tested(cluster, test, view)),
        rules.learnable(causes),
    )
    return {each.rule: each for each in found}


def _volume(task: Task, category: Slug | None, target: str, view: _View) -> Finding:
    """For routes, of both categories that were taken for each other, the one that has fewer labels."""
    labels = view.labels[task]
    touched = [each for each in (category, target) if each]
    of_category = min(
        (sum(label.category == each for label in labels) for each in touched), default=len(labels)
    )
    return rules.volume(task, of_category if task is Task.ROUTE else len(labels), len(labels))


def _new_labels(task: Task, history: History, training: Training | None) -> list[Label]:
    labels = [each for each in history.labels if each.task is task]
    if training is None:
        return labels
    recent = {event.id for event in history.events if event.at > training.at}
    return [label for label in labels if recent.intersection(label.events)]


def _tested(cluster: Cluster, test: _Test, view: _View) -> Statistic:
    key = cluster.task, cluster.category
    baseline = baseline_for(view.baselines, *key)
    return Statistic(
        worse=test.worse,
        alarm=view.falls.get(key, False) and test.log_e > 0,
        odds=round(math.exp(min(max(test.log_e, 0.0), _MOST_ODDS))),
        without=Phrase("chance") if baseline else Phrase("no baseline", {"trials": TRIALS}),
    )


def _calm(task: Task, view: _View, suspect: float, aside: Sequence[Phrase]) -> Finding:
    training = view.trainings.get(task)
    unusual = [Phrase("anomaly", {"said": each}) for each in view.anomalies]
    if suspect >= SUSPECT_SHARE:
        unusual.append(Phrase("suspect"))
    since = view.now - training.at if training else None
    before = training.labels if training else 0
    found = rules.calm(unusual, since, len(view.labels[task]), before)
    return replace(found, phrases=(*found.phrases, *aside))


def _suspect(cluster: Cluster, failed: Sequence[Trial], view: _View) -> tuple[float, tuple[Phrase, ...]]:
    """Which share of what was said of these questions is set aside, and what of it in words."""
    here = {each.episode for each in failed}
    aside: list[Remark] = []
    phrases: list[Phrase] = []
    for each in view.aside:
        those = [remark for remark in each.remarks if _is_about(remark, cluster, here, view)]
        aside += those
        if those:
            figures = {"remarks": len(those), "members": len({remark.member for remark in those})}
            phrases.append(Phrase(f"aside {each.suspicion}", figures))
    if len(aside) < SUSPECT_REMARKS or len({each.member for each in aside}) < SUSPECT_MEMBERS:
        return 0.0, tuple(phrases)
    total = sum(view.said[each, cluster.task] for each in here | {each.episode for each in aside})
    return len(aside) / total, tuple(phrases)


def _is_about(remark: Remark, cluster: Cluster, here: AbstractSet[EpisodeId], view: _View) -> bool:
    """Whether it speaks against one of these questions, or one like them."""
    if not remark.against or remark.task is not cluster.task:
        return False
    vectors = view.history.vectors
    vector, leader = vectors[view.places[remark.episode]], vectors[cluster.leader.index]
    return remark.episode in here or float(vector @ leader) >= SIMILAR


def _target(against: Sequence[Remark]) -> str:
    """What most say; of equals the first by name."""
    counts = Counter(each.value for each in against if each.value)
    return min(counts, key=lambda value: (-counts[value], value), default="")


def _outdated(cluster: Cluster, against: Sequence[Remark]) -> bool:
    """Whether something is kept about it: such questions were answered well, or people say it is old."""
    others = (*cluster.before, *cluster.followers)
    answered = any(each.tested and not each.failed and each.answered for each in others)
    reasons = [each.value for each in against if each.value]
    old = sum(each in {Reason.OUTDATED, Reason.WRONG_FACTS} for each in reasons)
    return answered or 2 * old > len(reasons)


def _points(cluster: Cluster, test: _Test, since: datetime) -> tuple[Point, ...]:
    log_es = {trial.episode: log_e for trial, log_e in zip(test.trials, test.log_es, strict=True)}
    points: list[Point] = []
    votes = corrections = 0
    log_e: float | None = None
    for trial in (cluster.leader, *cluster.followers):
        if trial.at <= since:
            continue
        against = [each for each in trial.remarks if each.against]
        corrections += sum(each.correction for each in against)
        votes += sum(not each.correction for each in against)
        log_e = log_es.get(trial.episode, log_e)
        points.append(Point(at=trial.at, votes=votes, corrections=corrections, log_e=log_e))
    return tuple(points)
