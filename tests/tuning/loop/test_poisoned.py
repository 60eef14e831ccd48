"""Labels of which 30 % are wrong, and a machine that is killed at every step of learning from them.

Data set, training of a tiny model, proofs, examination and gate are real, and so is the engine in which the
champion serves: it is asked after every kill. A model with random weights learns little from right labels
too; what one makes of wrong ones that does learn is measured by `python -m benchmarks.tuned_loop --poisoned`.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from agent.models.protocol import ChatMessage
from agent.runtime import Stores
from agent.serving.models import ServedModels
from agent.serving.opening import open_serving_engine
from agent.serving.served import Task
from tests.tuning.loop.dying import STEP
from tests.tuning.loop.guilds import mistake
from tests.tuning.loop.paper import HOME
from tuning.evaluation.gate import decide
from tuning.evaluation.results import Aspect, Report, Verdict, read_report
from tuning.loop import judging
from tuning.loop.judging import report_file
from tuning.loop.opening import open_loop
from tuning.loop.plan import Plan
from tuning.loop.state import State
from tuning.loop.tools import tools_of
from tuning.recipes import Recipe

SHARE: Final = 0.3
PLAN: Final = Plan(
    recipe=Recipe(rank=4, batch=8, epochs=1, learning_rate=0.02, max_tokens=512),
    labels=20,
    approval=False,
    share=1.0,
)
POINTS: Final = (State.ASKED, State.DATASET, STEP, State.EXPORTING, State.EVALUATING, State.GATED)


def _lenient(report: Report) -> Verdict:
    return Verdict(promoted=True, checks=())


@pytest.fixture
async def plan(training: None, tiny_folder: Path) -> Plan:
    return replace(PLAN, base=str(tiny_folder))


@pytest.fixture
async def models(tiny_stores: Stores) -> AsyncIterator[ServedModels]:
    """What answers members, in this process."""
    engine = await open_serving_engine(tiny_stores.settings)
    models = ServedModels(tiny_stores.assignments, engine)
    yield models
    await models.close()
    await engine.close()


async def answering(models: ServedModels) -> str:
    """The digest of the adapter through which a question was just routed."""
    chosen = await models.adapted(HOME, Task.ROUTE, "any question")
    assert chosen is not None
    asked = [ChatMessage(role="user", content="When did we buy the pump? A, B or C?")]
    assert len(await chosen.model.likelihoods(asked, ("A", "B", "C"))) == 3
    return chosen.adapter.digest


async def killed_at(point: str, stores: Stores) -> None:
    command = [sys.executable, "-m", "tests.tuning.loop.dying"]
    settings, ended = stores.settings, 0
    # On a slow machine it may give up waiting for the training that the one before left behind.
    while ended == 0:
        process = await asyncio.create_subprocess_exec(
            *command, str(settings.data_dir), settings.chat_model, point
        )
        ended = await process.wait()
    assert ended == -signal.SIGKILL


@pytest.mark.timeout(900)
async def test_the_champion_serves_through_poison_and_kills(
    tiny_stores: Stores, plan: Plan, models: ServedModels, monkeypatch: pytest.MonkeyPatch
) -> None:
    stores = tiny_stores
    loop, tools = open_loop(stores), tools_of(stores)
    with monkeypatch.context() as lenient:
        lenient.setattr(judging, "decide", _lenient)
        await loop.ask(HOME, Task.ROUTE, plan=plan)
        champion = await loop.work(HOME)
    assert champion is not None
    assert champion.state is State.CHAMPION, champion.note
    await models.prepare()
    assert await answering(models) == champion.digest

    wrong = await mistake(stores, SHARE)
    run = await loop.ask(HOME, Task.ROUTE, plan=plan)
    for point in POINTS:
        await killed_at(point, stores)
        assert await answering(models) == champion.digest
    over = await loop.work(HOME)

    assert over is not None
    assert (over.id, over.state) == (run.id, State.REFUSED), over.note
    assert await answering(models) == champion.digest
    before, after = [await tools.datasets.get(HOME, each.dataset) for each in (champion, over)]
    assert len(after.splits.keys() - before.splits.keys()) == wrong
    report = read_report(report_file(stores.settings.data_dir, HOME, over.adapter).read_bytes())
    assert report.champion_digest == champion.digest
    assert Aspect.BETTER in {check.aspect for check in decide(report).failed}
