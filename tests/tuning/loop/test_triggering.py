"""Only a stable pattern that is found again, under a plan that lets it, starts a run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import pytest

from agent.contracts import EpisodeId, GuildId, Slug
from agent.database.engine import Database
from agent.ids import new_id
from agent.serving.served import Task
from tests.tuning.loop.paper import HOME, NIGHT, PaperSteps, paper_loop
from tuning.loop.loop import Loop
from tuning.loop.plan import Plan
from tuning.loop.run import Why
from tuning.loop.triggering import Trigger
from tuning.patterns.log import Event, Facts, PatternLog, State
from tuning.patterns.pattern import Action, Candidate, Decision, Detection
from tuning.patterns.wording import gist_of


def a_candidate(id_: str, task: Task, action: Action) -> Candidate:
    return Candidate(
        id=id_,
        task=task,
        category=Slug("pool"),
        medoid=EpisodeId("e1"),
        question="how warm?",
        about="",
        target="",
        questions=("how warm?",),
        remarks=(),
        causes={},
        findings=(),
        decision=Decision(action=action, phrases=()),
        gist=gist_of(task, Slug("pool"), "", (), about="", question="how warm?", action=action),
        points=(),
        bound=1.0,
    )


@dataclass
class Looker:
    """A detector that finds what it is told to, over the real log."""

    log: PatternLog
    finds: Sequence[Candidate] = ()
    looks: int = 0

    async def look(self, guild: GuildId, now: datetime) -> Detection:
        self.looks += 1
        return Detection(candidates=tuple(self.finds), baselines={})


ROUTER = a_candidate("p1", Task.ROUTE, Action.FINE_TUNE_ROUTER)
ANSWERS = a_candidate("p2", Task.ANSWER, Action.FINE_TUNE_ANSWERS)


@pytest.fixture
def looker(database: Database) -> Looker:
    return Looker(PatternLog(database))


@pytest.fixture
def loop(database: Database, steps: PaperSteps) -> Loop:
    return paper_loop(database, steps)


async def written(looker: Looker, candidate: Candidate, state: State = State.STABLE) -> None:
    facts = Facts(
        task=candidate.task,
        category=candidate.category,
        medoid=candidate.medoid,
        action=candidate.decision.action,
        met=(),
        remarks=9,
        members=3,
    )
    event = Event(id=new_id(), pattern=candidate.id, at=NIGHT, state=state, facts=facts)
    await looker.log.add(HOME, [event])


async def test_a_stable_pattern_starts_one_run(looker: Looker, loop: Loop) -> None:
    await written(looker, ROUTER)
    looker.finds = [ROUTER]
    trigger = Trigger(loop, looker)
    run = await trigger.start(HOME)
    assert run is not None
    assert (run.task, run.why, run.pattern) == (Task.ROUTE, Why.PATTERN, "p1")
    assert await trigger.start(HOME) is None
    assert looker.looks == 1


@pytest.mark.parametrize("state", [State.FOUND, State.CHANGED, State.CLOSED, State.DONE, State.DISMISSED])
async def test_nobody_looks_before_a_pattern_is_stable(state: State, looker: Looker, loop: Loop) -> None:
    await written(looker, ROUTER, state)
    assert await Trigger(loop, looker).start(HOME) is None
    assert looker.looks == 0


async def test_what_is_not_found_again_trains_nothing(looker: Looker, loop: Loop) -> None:
    await written(looker, ROUTER)
    looker.finds = [a_candidate("p1", Task.ROUTE, Action.HUMAN_REVIEW)]
    assert await Trigger(loop, looker).start(HOME) is None
    assert (looker.looks, await loop.log.runs(HOME)) == (1, ())


@pytest.mark.parametrize("plan", [Plan(automatic=False), Plan(quiet_from=5, quiet_to=6), Plan(runs_a_week=0)])
async def test_the_plan_decides_before_anybody_looks(plan: Plan, looker: Looker, loop: Loop) -> None:
    await written(looker, ROUTER)
    await loop.plans.put(HOME, plan)
    assert await Trigger(loop, looker).start(HOME) is None
    assert looker.looks == 0


async def test_a_task_that_may_not_train_does_not_hold_up_the_other(looker: Looker, loop: Loop) -> None:
    await loop.ask(HOME, Task.ROUTE)
    await loop.work(HOME)
    for each in (ROUTER, ANSWERS):
        await written(looker, each)
    looker.finds = [ROUTER, ANSWERS]
    run = await Trigger(loop, looker).start(HOME)
    assert run is not None
    assert run.task is Task.ANSWER
