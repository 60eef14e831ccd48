"""From a stable pattern to a run."""

from __future__ import annotations

from agent.contracts import GuildId
from agent.errors import UsageError
from tuning.loop.loop import Loop
from tuning.loop.plan import may_start
from tuning.loop.run import Run, Why
from tuning.patterns.detector import Detector
from tuning.patterns.log import State
from tuning.patterns.pattern import TRAINS


class Trigger:
    """Raises `StoreError`, `ModelError`, `UnknownGuildError`."""

    def __init__(self, loop: Loop, detector: Detector) -> None:
        self._loop = loop
        self._detector = detector

    async def start(self, guild: GuildId) -> Run | None:
        """Ask for a run where a pattern wants one and the plan lets it; may be called every minute.

        What was written down of patterns is read first, which is cheap. Only where that wants training now is
        the guild looked at anew: the pattern may have gone since, and what is unusual today trains nothing.
        """
        if not await self._wanted(guild):
            return None
        detection = await self._detector.look(guild, self._loop.clock())
        for candidate in detection.candidates:
            if candidate.decision.action in TRAINS:
                try:
                    return await self._loop.ask(guild, candidate.task, why=Why.PATTERN, pattern=candidate.id)
                except UsageError:
                    # The plan does not let this task train now; the other task may.
                    continue
        return None

    async def _wanted(self, guild: GuildId) -> bool:
        standing = (await self._detector.log.standing(guild)).values()
        tasks = {
            each.facts.task for each in standing if each.state is State.STABLE and each.facts.action in TRAINS
        }
        plan, history = await self._loop.plans.get(guild), await self._loop.log.runs(guild)
        now = self._loop.clock()
        return any(may_start(plan, task, now, history, by_hand=False) is None for task in tasks)
