"""A guild over real stores whose members correct routes, and adapters that are registered but not trained."""

from __future__ import annotations

import hashlib
import random
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from agent.contracts import (
    Answer,
    AnswerKind,
    Category,
    Episode,
    FeedbackKind,
    MemberId,
    ModelInfo,
    Role,
    Route,
    RouteDecision,
    Slug,
)
from agent.ids import new_id
from agent.runtime import Stores
from agent.serving.served import Task
from tests.agent.journal.episodes import an_episode, an_event
from tests.tuning.loop.paper import HOME, NIGHT
from tuning.loop.run import Move, Run
from tuning.loop.state import State
from tuning.loop.tools import Tools
from tuning.recipes import Recipe
from tuning.registry.adapter import Adapter

TOPICS: Final = {
    "pool": ("pump", "filter", "chlorine", "cover", "ladder"),
    "car": ("tyres", "brakes", "clutch", "battery", "wipers"),
    "garden": ("roses", "hedge", "lawn", "compost", "shears"),
}
ASKED: Final = (
    "When did we buy the {}?",
    "Who takes care of the {} this month?",
    "What did the {} cost us?",
    "Where do we keep the {} in winter?",
)
DAY: Final = timedelta(days=1)


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.now = NIGHT

    def __call__(self) -> datetime:
        return self.now


def a_route(category: str) -> Route:
    return Route(
        scores=(),
        out_of_scope=0.0,
        decision=RouteDecision.SINGLE,
        categories=(Slug(category),),
        model_asked=True,
        reason="",
    )


async def open_guild(stores: Stores) -> None:
    await stores.catalog.create_guild(HOME)
    for slug in TOPICS:
        name = slug.capitalize()
        await stores.catalog.put_category(HOME, Category(slug=Slug(slug), name=name))


async def ask(stores: Stores, question: str, category: str, member: str, **changes: Any) -> Episode:
    answer = Answer(text="In May.", kind=AnswerKind.EXTRACTIVE)
    values = {"member": MemberId(member), "question": question, "route": a_route(category), "answer": answer}
    at = stores.clock() - DAY
    episode = an_episode(guild=HOME, **{"asked_at": at, **values, **changes})
    await stores.journal.record(episode)
    return episode


async def correct(stores: Stores) -> int:
    """Sixty questions, each of another member, that were all searched in the wrong place; how many."""
    wrong = {"pool": "car", "car": "garden", "garden": "pool"}
    questions = [
        (form.format(thing), topic) for topic, things in TOPICS.items() for thing in things for form in ASKED
    ]
    for number, (question, topic) in enumerate(questions):
        episode = await ask(stores, question, wrong[topic], f"m{number:02d}")
        said = {"category": topic}
        event = an_event(
            episode,
            FeedbackKind.CORRECTION,
            said,
            guild=HOME,
            member=MemberId("admin"),
            role=Role.ADMIN,
            at=episode.asked_at,
        )
        await stores.journal.add_feedback(event)
    return len(questions)


async def mistake(stores: Stores, share: float) -> int:
    """The admin changes their mind about a share of what they corrected, and is wrong; how often."""
    said = await stores.journal.feedback(HOME)
    rng = random.Random(0)
    wrong = rng.sample(said, round(share * len(said)))
    for event in wrong:
        other = rng.choice([topic for topic in TOPICS if topic != event.value["category"]])
        await stores.journal.add_feedback(replace(event, id=new_id(), value={"category": other}))
    return len(wrong)


async def judged(stores: Stores, vote: int, *, digest: str = "", count: int = 1) -> None:
    """So many questions, answered through the adapter of a digest, with a vote on each."""
    model = ModelInfo(name="tiny", engine="llama.cpp", digest="b", adapter_digest=digest)
    for number in range(count):
        episode = await ask(stores, "Who cleans it?", "pool", f"v{number}", models=(model,))
        event = an_event(episode, FeedbackKind.VOTE, {"vote": vote}, guild=HOME, at=episode.asked_at)
        await stores.journal.add_feedback(event)


async def registered(
    tools: Tools, folder: Path, base_digest: str, words: str, *, task: Task = Task.ANSWER
) -> Adapter:
    """An adapter in the registry; its file is no adapter."""
    file = folder / f"{words}.gguf"
    file.write_text(words)
    adapter = Adapter(
        id=new_id(),
        guild=HOME,
        task=task,
        made_at=tools.clock(),
        recipe=Recipe(),
        dataset="d1",
        base_digest=base_digest,
        base_name="tiny",
        code="1",
        packages="p",
        digest=hashlib.sha256(words.encode()).hexdigest(),
        size=len(words),
    )
    await tools.registry.add(adapter, file)
    return adapter


async def brought_to(tools: Tools, run: Run, states: tuple[State, ...], **facts: Any) -> Run:
    """The run, moved through these states without anything being done."""
    for state in states:
        run = await tools.log.move(run, Move(to=state, facts=facts), tools.clock())
    return run
