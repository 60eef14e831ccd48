"""How good a champion was when it was new: counted once, and then a fixed figure.

A baseline that moved along would follow a slow decline and never notice it. It is frozen with the first
`TRIALS` trials of a category, and of all categories together, which holds for those that have few.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from agent.contracts import Slug
from agent.serving.served import Task
from tuning.patterns.pattern import Baseline, BaselineKey, Training
from tuning.patterns.trials import Trial
from tuning.sequential import wilson

TRIALS: Final = 100
CAUTION: Final = 1.0
"""The z of the Wilson bound that stands for the rate, because what was counted may have been luck. In 400
simulated streams of a true rate of 0.80 this let 7 % of the alarms of `significance.py` go up within 600
healthy trials, and a fall to 0.60 raised them after 59 (median). With half the trials and z = 0.5, 16 % went
up, no sooner.
"""

_HIGHEST, _LOWEST = 0.98, 0.05


def frozen(
    trials: Sequence[Trial],
    known: Mapping[BaselineKey, Baseline],
    trainings: Mapping[Task, Training],
) -> dict[BaselineKey, Baseline]:
    """Return the baselines of the champions that serve: those known, and those that can be frozen now."""
    kept = {key: each for key, each in known.items() if each.champion == _champion(each.task, trainings)}
    for key, those in _by_key(trials, trainings).items():
        if key not in kept and len(those) >= TRIALS:
            kept[key] = _freeze(key, those[:TRIALS], _champion(key[0], trainings))
    return kept


def baseline_for(
    baselines: Mapping[BaselineKey, Baseline], task: Task, category: Slug | None
) -> Baseline | None:
    """The category's own, else that of all categories."""
    return baselines.get((task, category)) or baselines.get((task, None))


def held_against(
    baselines: Mapping[BaselineKey, Baseline], task: Task, category: Slug | None, trials: Sequence[Trial]
) -> list[tuple[Trial, float]]:
    """Return these trials of a category, each with the rate of the baseline that stood when it was asked, the
    category's own or else that of all categories; without those that no baseline preceded.

    So a baseline that a category gets late, maybe while it fails already, wipes out nothing that was shown
    against the one before it.
    """
    standing = [each for key in ((task, category), (task, None)) if (each := baselines.get(key))]
    return [
        (trial, baseline.rate)
        for trial in trials
        if (baseline := next((each for each in standing if _tests(each, trial)), None))
    ]


def tested_since(baseline: Baseline, trials: Sequence[Trial]) -> list[Trial]:
    """The trials that a baseline is held against: not those that it was made of."""
    return [each for each in trials if _tests(baseline, each)]


def _tests(baseline: Baseline, trial: Trial) -> bool:
    return trial.tested and trial.at > baseline.frozen_at


def _champion(task: Task, trainings: Mapping[Task, Training]) -> str:
    return trainings[task].champion if task in trainings else ""


def _by_key(trials: Sequence[Trial], trainings: Mapping[Task, Training]) -> dict[BaselineKey, list[Trial]]:
    found: dict[BaselineKey, list[Trial]] = {}
    for trial in trials:
        since = trainings[trial.task].at if trial.task in trainings else None
        if trial.tested and (since is None or trial.at > since):
            for category in {trial.category, None}:
                found.setdefault((trial.task, category), []).append(trial)
    return found


def _freeze(key: BaselineKey, trials: Sequence[Trial], champion: str) -> Baseline:
    task, category = key
    successes = sum(not each.failed for each in trials)
    last: datetime = max(each.at for each in trials)
    rate = wilson(successes, len(trials), z=CAUTION).low
    return Baseline(
        task=task,
        category=category,
        champion=champion,
        successes=successes,
        trials=len(trials),
        rate=min(_HIGHEST, max(_LOWEST, rate)),
        frozen_at=last,
    )
