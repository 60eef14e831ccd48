"""The whole loop once: labels, a tiny model that is really trained, the engine that serves, and back again.

The tiny model has random weights, so nothing that it learns beats the nearest example: the real gate refuses
it, which is asserted, and a gate that lets everything pass stands in for the rest of the way.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from agent.runtime import Stores
from agent.serving.models import ServedModels
from agent.serving.opening import open_serving_engine
from agent.serving.served import Task, adapter_file
from tests.tuning.loop.guilds import TOPICS, judged
from tests.tuning.loop.paper import ADMIN, HOME
from tuning.evaluation.results import Report, Verdict, read_report
from tuning.loop import judging
from tuning.loop.opening import open_loop
from tuning.loop.plan import Plan
from tuning.loop.run import Run
from tuning.loop.state import State
from tuning.loop.tools import reports_folder, tools_of
from tuning.recipes import Recipe
from tuning.registry.events import Act
from tuning.runs.contracts import Progress

RECIPE = Recipe(rank=4, batch=8, epochs=2, learning_rate=0.02, max_tokens=512, seed=3)


class Watcher:
    """Is told of the training, and says when the first step was done."""

    def __init__(self) -> None:
        self.stepped = asyncio.Event()
        self.states: list[State] = []
        self.steps: list[int] = []

    async def moved(self, run: Run) -> None:
        self.states.append(run.state)

    def progressed(self, run: Run, progress: Progress) -> None:
        self.steps.append(progress.step)
        if progress.step:
            self.stepped.set()


def _lenient(report: Report) -> Verdict:
    return Verdict(promoted=True, checks=())


@pytest.mark.timeout(900)
async def test_from_labels_to_champion_and_back(
    training: None, tiny_stores: Stores, tiny_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stores, watcher = tiny_stores, Watcher()
    loop, tools, data = open_loop(stores, listener=watcher), tools_of(stores), stores.settings.data_dir
    plan = Plan(recipe=RECIPE, base=str(tiny_folder), labels=20, canary_days=0.0, canary_votes=2)
    run = await loop.ask(HOME, Task.ROUTE, plan=plan)

    # The bot is stopped while it trains, and goes on.
    working = asyncio.ensure_future(loop.work(HOME))
    await watcher.stepped.wait()
    working.cancel()
    with pytest.raises(asyncio.CancelledError):
        await working
    stopped = await loop.log.run(HOME, run.id)
    assert stopped.state is State.TRAINING
    assert stopped.labels >= 20

    decide = judging.decide
    monkeypatch.setattr(judging, "decide", _lenient)
    ready = await loop.work(HOME)
    assert ready is not None
    assert (ready.state, ready.note) == (State.APPROVAL, "It passed the gate and waits for an admin.")
    assert watcher.states == list(State)[:7]
    assert ready.figures["exact_nats"] <= 0.02

    # What is kept says nothing of what members asked.
    kept = {path.name for path in ready.folder(data).iterdir()}
    assert kept == {"job.json", "metrics.jsonl"}
    reports = reports_folder(data, HOME)
    assert {path.name for path in reports.iterdir()} == {
        f"{ready.adapter}.{end}" for end in ("json", "md", "png")
    }
    pages = "".join((reports / f"{ready.adapter}.{end}").read_text() for end in ("json", "md"))
    assert not [thing for things in TOPICS.values() for thing in things if thing in pages]

    # The real gate does not let it pass.
    monkeypatch.setattr(judging, "decide", decide)
    report = read_report((reports / f"{ready.adapter}.json").read_bytes())
    assert report.challenger_digest == ready.digest
    refused = await judging.pass_gate(tools, replace(ready, state=State.GATED))
    assert refused.to is State.REFUSED
    assert refused.note == "; ".join(check.detail for check in decide(report).failed)

    # It answers a share of the questions, then all of them, then none, through the engine that serves.
    engine = await open_serving_engine(stores.settings)
    models = ServedModels(stores.assignments, engine)
    try:
        await loop.approve(HOME, ready.id, ADMIN)
        drawn = [await models.adapted(HOME, Task.ROUTE, f"question {number}") for number in range(40)]
        assert 0 < sum(each is not None for each in drawn) < 20
        info = next(each for each in drawn if each is not None).model.info
        assert info.adapter_digest == ready.digest

        await judged(stores, 1, digest=ready.digest, count=2)
        (champion,) = await loop.watch(HOME)
        assert champion.state is State.CHAMPION
        chosen = await models.adapted(HOME, Task.ROUTE, "any question")
        assert chosen is not None
        assert (chosen.adapter.id, chosen.adapter.trust) == (ready.adapter, report.trust)

        await loop.rollback(HOME, Task.ROUTE, ADMIN)
        assert await models.adapted(HOME, Task.ROUTE, "any question") is None
    finally:
        await models.close()
        await engine.close()
    assert (await loop.log.run(HOME, run.id)).state is State.ROLLED_BACK
    assert (data / adapter_file(ready.digest)).is_file()
    acts = [each.act for each in await tools.registry.events(HOME, ready.adapter)]
    assert acts == [Act.ADDED, Act.REFUSED, Act.CHALLENGER, Act.PROMOTED, Act.ROLLED_BACK]
