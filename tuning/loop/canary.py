"""Whether members are as content with an adapter that serves as they were before it.

A question counts when members judged it: with votes, reasons or corrections, of routes too, as patterns count
them. What it is held against is fixed before the adapter serves. The test is an e-process, so it may be
looked at every minute: an adapter that is as good as what served before is taken back in `ALPHA` of all cases
at most, however long it is watched.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

import numpy as np

from agent.contracts import Episode, EpisodeId, Feedback, GuildId, Slug
from agent.journal.protocol import Journal
from agent.serving.served import Task
from tuning.loop.plan import Plan
from tuning.patterns.pattern import History
from tuning.patterns.trials import remarks_of, trials_of
from tuning.sequential import proofs, wilson

ALPHA: Final = 0.05
BEFORE: Final = timedelta(days=90)
"""How far back the judged questions lie that an adapter is held against."""
LONGEST: Final = timedelta(days=7)
"""A canary of which nobody says anything ends then."""
WATCHED: Final = timedelta(days=28)
"""How long a champion can be taken back without an admin."""
_FEW: Final = 10
_UNKNOWN: Final = 0.5
"""What an adapter is held against where fewer than `_FEW` questions were judged before it."""
_CAUTION: Final = 1.0
"""The z of the bound that stands for the rate before, as for the baselines of patterns."""
_LOWEST, _HIGHEST = 0.05, 0.98
_PAGE: Final = 500


class Finding(StrEnum):
    WAIT = "wait"
    WORSE = "worse"
    STOOD = "stood"
    """It was tried for long enough and was not proven worse."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Satisfaction:
    """How content members were with what one adapter did."""

    judged: tuple[bool, ...]
    """Of each judged question whether it went well, in the journal's order."""

    @property
    def rate(self) -> float:
        """0 to 1; 1 when nothing was judged."""
        return sum(self.judged) / len(self.judged) if self.judged else 1.0


def baseline_of(before: Sequence[bool]) -> float:
    """What an adapter is held against, 0 to 1 exclusive, given how each judged question before it went."""
    if len(before) < _FEW:
        return _UNKNOWN
    low = wilson(sum(before), len(before), z=_CAUTION).low
    return min(_HIGHEST, max(_LOWEST, low))


def is_worse(satisfaction: Satisfaction, baseline: float) -> bool:
    """Whether it was proven at any time that the rate is below the baseline."""
    if not satisfaction.judged:
        return False
    evidence = proofs(np.array(satisfaction.judged), baseline)
    return float(evidence.max()) >= -math.log(ALPHA)


def judge_canary(satisfaction: Satisfaction, baseline: float, plan: Plan, lasted: timedelta) -> Finding:
    """Say what becomes of a challenger that was tried for so long."""
    if is_worse(satisfaction, baseline):
        return Finding.WORSE
    enough = lasted >= timedelta(days=plan.canary_days) and len(satisfaction.judged) >= plan.canary_votes
    return Finding.STOOD if enough or lasted >= LONGEST else Finding.WAIT


async def before(
    journal: Journal,
    guild: GuildId,
    task: Task,
    digest: str,
    now: datetime,
    category: Slug | None = None,
) -> Satisfaction:
    """How it went without the adapter of this digest, until now; in one category where it is for that.

    Raises `StoreError`.
    """

    def counts(each: Episode) -> bool:
        return not _is_by(each, digest) and (category is None or category in _searched(each))

    return await _satisfaction(journal, guild, task, now - BEFORE, counts)


async def since(journal: Journal, guild: GuildId, task: Task, digest: str, start: datetime) -> Satisfaction:
    """How it went through the adapter of this digest. Raises `StoreError`."""
    return await _satisfaction(journal, guild, task, start, lambda each: _is_by(each, digest))


def _searched(episode: Episode) -> tuple[Slug, ...]:
    return episode.route.categories if episode.route else ()


def _is_by(episode: Episode, digest: str) -> bool:
    return any(model.adapter_digest == digest for model in episode.models)


async def _satisfaction(
    journal: Journal, guild: GuildId, task: Task, start: datetime, counts: Callable[[Episode], bool]
) -> Satisfaction:
    episodes: list[Episode] = []
    events: list[Feedback] = []
    after: EpisodeId | None = None
    while page := await journal.episodes(guild, since=start, after=after, limit=_PAGE):
        those = [each for each in page if counts(each)]
        episodes += those
        events += await journal.feedback_on(guild, [each.id for each in those])
        after = page[-1].id
    vectors = np.zeros((len(episodes), 1), np.float32)
    history = History(episodes=tuple(episodes), events=tuple(events), vectors=vectors)
    trials = [each for each in trials_of(history, remarks_of(history)) if each.task is task and each.tested]
    return Satisfaction(judged=tuple(not each.failed for each in trials))
