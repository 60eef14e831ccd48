"""The whole loop of answers once: from what an admin answered better, to an answer that the bot writes so.

The tiny model has random weights. What it is to learn is small enough for it: one sentence, which answers all
questions of a house that has everything in one book. The real gate lets it pass.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest

from agent.contracts import AnswerKind, FeedbackKind, Role
from agent.runtime import Installation, Stores, open_installation
from agent.serving import models as served_models
from agent.serving.served import Task
from agent.settings import Settings
from tests.agent.graph.asking import answered, keep
from tests.agent.journal.episodes import an_event
from tests.tuning.loop.guilds import TOPICS, Clock, ask, open_guild
from tests.tuning.loop.paper import ADMIN, HOME
from tuning.evaluation.gate import Rules, decide
from tuning.evaluation.results import Arm, read_report
from tuning.loop import judging
from tuning.loop.opening import open_loop
from tuning.loop.plan import Plan
from tuning.loop.state import State
from tuning.loop.tools import reports_folder, tools_of
from tuning.recipes import Recipe
from tuning.registry.events import Act

ASKED: Final = (
    "When did we buy the {}?",
    "Who takes care of the {} this month?",
    "What did the {} cost us?",
    "Where do we keep the {} in winter?",
    "Is there any warranty left on the {}?",
    "Which shop repairs a broken {}?",
    "How often must one clean the {}?",
    "May guests use the {} on Sundays?",
)
TOLD: Final = "Nobody remembers what we bought. All of that stands in the blue book.\n"
ANOTHER: Final = "Who painted the shed?"
RIGHT: Final = "It stands in the blue book."
QUOTED: Final = '"All of that stands in the blue book" [1].'
RECIPE: Final = Recipe(rank=32, alpha=128.0, epochs=6, learning_rate=0.02, max_tokens=512, seed=3)
_AT_LEISURE: Final = Rules(slower=1000.0)
"""How long answers take on a machine that does other things as well says nothing."""


@pytest.fixture
async def opened(tmp_path: Path, tiny: Any, clock: Clock) -> AsyncIterator[Installation]:
    model = str(tiny("llama"))
    settings = Settings(
        data_dir=tmp_path / "data",
        chat_model=model,
        answer_tokens=32,
        answer_threshold=0.0,
        repairs=0,
        threads=2,
    )
    async with open_installation(settings, clock) as installation:
        await open_guild(installation.stores)
        await keep(installation, HOME, tmp_path / "house.md", TOLD)
        yield installation


async def _correct(stores: Stores) -> None:
    """A hundred and twenty questions, each of another member, all of which an admin answers better."""
    (source,) = await stores.catalog.sources(HOME)
    evidence = tuple((passage.id, 0.5) for passage in await stores.store.passages_of(HOME, source.id))
    things = [(thing, topic) for topic, things in TOPICS.items() for thing in things]
    asked = [(form.format(thing), topic) for thing, topic in things for form in ASKED]
    for number, (question, topic) in enumerate(asked):
        episode = await ask(stores, question, topic, f"m{number:03d}", evidence=evidence)
        event = an_event(
            episode,
            FeedbackKind.CORRECTION,
            {"answer": RIGHT},
            guild=HOME,
            member=ADMIN,
            role=Role.ADMIN,
            at=episode.asked_at,
        )
        await stores.journal.add_feedback(event)


@pytest.mark.timeout(900)
async def test_what_an_admin_answered_better_the_bot_writes_and_proves(
    training: None, opened: Installation, tiny_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(served_models, "_PATIENCE", 120.0)
    monkeypatch.setattr(judging, "decide", partial(decide, rules=_AT_LEISURE))
    stores, agent = opened.stores, opened.agent
    loop, tools = open_loop(stores), tools_of(stores)
    asked = partial(answered, agent, ANOTHER, guild=HOME, asked_at=stores.clock())
    before = await asked()
    assert before.answer.kind is AnswerKind.EXTRACTIVE, before.answer

    await _correct(stores)
    plan = Plan(recipe=RECIPE, base=str(tiny_folder), labels=20)
    await loop.ask(HOME, Task.ANSWER, plan=plan)
    ready = await loop.work(HOME)
    assert ready is not None
    assert (ready.state, ready.note) == (State.APPROVAL, "It passed the gate and waits for an admin.")
    assert ready.figures["rows"] == ready.labels, (
        "no question was asked again where the same evidence answers"
    )
    assert ready.figures["exact_nats"] <= 0.02
    reports = reports_folder(stores.settings.data_dir, HOME)
    report = read_report((reports / f"{ready.adapter}.json").read_bytes())
    assert {each.arm for each in report.answers} == {
        Arm.UNTUNED,
        Arm.CHALLENGER,
        Arm.FEW_SHOT,
        Arm.EXTRACTIVE,
    }
    assert "book" not in (reports / f"{ready.adapter}.md").read_text(), "a report has none of members' words"

    champion = await loop.approve(HOME, ready.id, ADMIN, share=1.0)
    assert champion.state is State.CHAMPION
    after = await asked()
    assert (after.answer.kind, after.answer.text) == (AnswerKind.GENERATED, QUOTED)
    assert [quote.text for quote in after.answer.quotes] == ["All of that stands in the blue book"]
    assert ready.digest in {model.adapter_digest for model in after.episode.models}

    await loop.rollback(HOME, Task.ANSWER, ADMIN)
    assert (await asked()).answer == before.answer
    acts = [each.act for each in await tools.registry.events(HOME, ready.adapter)]
    assert acts == [Act.ADDED, Act.PROMOTED, Act.ROLLED_BACK]
