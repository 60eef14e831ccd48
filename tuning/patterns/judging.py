"""One cluster judged: what of it counts, its seven findings, and the decision."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from agent.contracts import EpisodeId, MemberId, Slug
from agent.serving.served import Task
from tuning.labels.label import Label
from tuning.patterns import rules
from tuning.patterns.abuse import Aside
from tuning.patterns.baselines import TRIALS, baseline_for
from tuning.patterns.causes import Reason
from tuning.patterns.clusters import SIMILAR, Cluster
from tuning.patterns.deciding import SUSPECT_SHARE, Grounds, decide
from tuning.patterns.pattern import Baseline, BaselineKey, Candidate, History, Known, Point, Training
from tuning.patterns.phrases import Phrase
from tuning.patterns.rules import Cause, Finding, Remark, RuleName, Statistic
from tuning.patterns.trials import Trial
from tuning.patterns.wording import Spread, gist_of, topic

WINDOW: Final = timedelta(days=60)
"""How long a question counts. A candidate of which nothing is heard for so long is one no longer."""

REMARKS: Final = 2
"""A single remark is no candidate."""

SUSPECT_REMARKS, SUSPECT_MEMBERS = 6, 3
_MOST_ODDS: Final = math.log(1e6)
"""More would only pretend to be exact."""


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What every candidate is judged by."""

    history: History
    now: datetime
    baselines: Mapping[BaselineKey, Baseline]
    trainings: Mapping[Task, Training]
    anomalies: tuple[str, ...]
    places: Mapping[EpisodeId, int]
    labels: Mapping[Task, Sequence[Label]]
    """Those that feedback since the last training takes part in."""
    said: Counter[tuple[EpisodeId, Task]]
    """How many remarks against it a question has, those set aside included."""
    aside: tuple[Aside, ...]
    falls: Mapping[tuple[Task, Slug | None], bool]
    """The categories whose alarm is up."""
    members: int
    """Who ever asked anything."""
    words: Spread
    """Of all trials' questions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Test:
    """The e-process of a cluster, over its trials since a baseline was frozen."""

    trials: tuple[Trial, ...]
    log_es: tuple[float, ...]
    """After each of them."""
    worse: bool
    bound: float

    @property
    def log_e(self) -> float:
        return self.log_es[-1] if self.log_es else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Subject:
    """What of a cluster counts."""

    cluster: Cluster
    test: Test
    name: Known
    since: datetime
    failed: tuple[Trial, ...]
    against: tuple[Remark, ...]
    """Oldest first."""

    @property
    def task(self) -> Task:
        return self.cluster.task

    @property
    def category(self) -> Slug | None:
        return self.cluster.category

    @property
    def target(self) -> str:
        """What most say; of equals the first by name."""
        counts = Counter(each.value for each in self.against if each.value)
        return min(counts, key=lambda value: (-counts[value], value), default="")

    @property
    def causes(self) -> Counter[Cause]:
        return Counter(each.cause for each in self.failed if each.cause is not None)

    @property
    def voices(self) -> list[Remark]:
        """Those for what is searched now too, where that is the question; of an answer, those against it."""
        if self.task is Task.ANSWER:
            return list(self.against)
        trials = (self.cluster.leader, *self.cluster.followers)
        return [remark for each in trials if each.at > self.since for remark in each.remarks]

    @property
    def content(self) -> frozenset[MemberId]:
        """Who found such questions helpful as they are, also before the first of them failed."""
        trials = (self.cluster.leader, *self.cluster.followers, *self.cluster.before)
        remarks = [remark for each in trials if each.at > self.since for remark in each.remarks]
        return frozenset(each.member for each in remarks if not each.against and not each.value)


def judge(cluster: Cluster, test: Test, name: Known, view: View) -> Candidate | None:
    """Return the candidate that a cluster is; None when too little is said of it."""
    since = _since(cluster.task, name, view)
    failed = tuple(each for each in cluster.failed if each.at > since)
    against = [remark for each in failed for remark in each.remarks if remark.against]
    if len(against) < REMARKS:
        return None
    subject = _Subject(
        cluster=cluster,
        test=test,
        name=name,
        since=since,
        failed=failed,
        against=tuple(sorted(against, key=lambda remark: remark.at)),
    )
    suspect, aside = _suspect(subject, view)
    findings = _findings(subject, view, suspect, aside)
    grounds = Grounds(
        task=cluster.task,
        findings=findings,
        causes=subject.causes,
        asked=len(failed),
        askers=len({each.member for each in against}),
        members=view.members,
        outdated=_outdated(subject),
        suspect=suspect,
        anomalies=view.anomalies,
    )
    return _candidate(subject, findings, grounds, view)


def _candidate(
    subject: _Subject, findings: Mapping[RuleName, Finding], grounds: Grounds, view: View
) -> Candidate:
    decision = decide(grounds)
    episodes = view.history.episodes
    texts = [episodes[each.index].question for each in reversed(subject.failed)]
    question = episodes[view.places[subject.name.medoid]].question
    about = topic(question, Spread.of(texts), view.words)
    gist = gist_of(
        subject.task,
        subject.category,
        subject.target,
        subject.against,
        about=about,
        question=question,
        action=decision.action,
    )
    return Candidate(
        id=subject.name.id,
        task=subject.task,
        category=subject.category,
        medoid=subject.name.medoid,
        question=question,
        about=about,
        target=subject.target,
        questions=tuple(dict.fromkeys(texts)),
        remarks=subject.against,
        causes=subject.causes,
        findings=tuple(findings[rule] for rule in RuleName),
        decision=decision,
        gist=gist,
        points=_points(subject),
        bound=subject.test.bound,
    )


def _since(task: Task, name: Known, view: View) -> datetime:
    """What was asked until then counts no longer: it is old, trained on, or an admin dealt with it."""
    trained = [view.trainings[task].at] if task in view.trainings else []
    settled = [name.settled_at] if name.settled_at else []
    return max([view.now - WINDOW, *trained, *settled])


def _findings(
    subject: _Subject, view: View, suspect: float, aside: Sequence[Phrase]
) -> dict[RuleName, Finding]:
    found = (
        _volume(subject, view),
        rules.recurrence(subject.against),
        rules.independence(subject.against),
        rules.agreement(subject.voices, subject.category or "", subject.content),
        rules.significance(_statistic(subject, view)),
        rules.learnable(subject.causes),
        _calm(subject.task, view, suspect, aside),
    )
    return {each.rule: each for each in found}


def _volume(subject: _Subject, view: View) -> Finding:
    """For routes, of both categories that were taken for each other, the one that has fewer labels."""
    labels = view.labels[subject.task]
    touched = [each for each in (subject.category, subject.target) if each]
    counts = [sum(label.category == each for label in labels) for each in touched]
    here = min(counts, default=len(labels)) if subject.task is Task.ROUTE else len(labels)
    return rules.volume(subject.task, here, len(labels))


def _statistic(subject: _Subject, view: View) -> Statistic:
    key, test = (subject.task, subject.category), subject.test
    baseline = baseline_for(view.baselines, *key)
    return Statistic(
        worse=test.worse,
        alarm=view.falls.get(key, False) and test.log_e > 0,
        odds=round(math.exp(min(max(test.log_e, 0.0), _MOST_ODDS))),
        without=Phrase("chance") if baseline else Phrase("no baseline", {"trials": TRIALS}),
    )


def _calm(task: Task, view: View, suspect: float, aside: Sequence[Phrase]) -> Finding:
    training = view.trainings.get(task)
    unusual = [Phrase("anomaly", {"said": each}) for each in view.anomalies]
    if suspect >= SUSPECT_SHARE:
        unusual.append(Phrase("suspect"))
    since = view.now - training.at if training else None
    before = training.labels if training else 0
    found = rules.calm(unusual, since, len(view.labels[task]), before)
    return replace(found, phrases=(*found.phrases, *aside))


def _suspect(subject: _Subject, view: View) -> tuple[float, tuple[Phrase, ...]]:
    """Which share of what was said of these questions is set aside, and what of it in words."""
    here = {each.episode for each in subject.failed}
    aside: list[Remark] = []
    phrases: list[Phrase] = []
    for each in view.aside:
        those = [remark for remark in each.remarks if _is_about(remark, subject.cluster, here, view)]
        aside += those
        if those:
            figures = {"remarks": len(those), "members": len({remark.member for remark in those})}
            phrases.append(Phrase(f"aside {each.suspicion}", figures))
    if len(aside) < SUSPECT_REMARKS or len({each.member for each in aside}) < SUSPECT_MEMBERS:
        return 0.0, tuple(phrases)
    total = sum(view.said[each, subject.task] for each in here | {each.episode for each in aside})
    return len(aside) / total, tuple(phrases)


def _is_about(remark: Remark, cluster: Cluster, here: AbstractSet[EpisodeId], view: View) -> bool:
    """Whether it speaks against one of these questions, or one like them."""
    if not remark.against or remark.task is not cluster.task:
        return False
    vectors = view.history.vectors
    vector, leader = vectors[view.places[remark.episode]], vectors[cluster.leader.index]
    return remark.episode in here or float(vector @ leader) >= SIMILAR


def _outdated(subject: _Subject) -> bool:
    """Whether something is kept about it: such questions were answered well, or people say it is old."""
    others = (*subject.cluster.before, *subject.cluster.followers)
    answered = any(each.tested and not each.failed and each.answered for each in others)
    reasons = [each.value for each in subject.against if each.value]
    old = sum(each in {Reason.OUTDATED, Reason.WRONG_FACTS} for each in reasons)
    return answered or 2 * old > len(reasons)


def _points(subject: _Subject) -> tuple[Point, ...]:
    cluster, test = subject.cluster, subject.test
    log_es = {trial.episode: log_e for trial, log_e in zip(test.trials, test.log_es, strict=True)}
    points: list[Point] = []
    votes = corrections = 0
    log_e: float | None = None
    for trial in (cluster.leader, *cluster.followers):
        if trial.at <= subject.since:
            continue
        against = [each for each in trial.remarks if each.against]
        corrections += sum(each.correction for each in against)
        votes += sum(not each.correction for each in against)
        log_e = log_es.get(trial.episode, log_e)
        points.append(Point(at=trial.at, votes=votes, corrections=corrections, log_e=log_e))
    return tuple(points)
