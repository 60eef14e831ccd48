"""What a run may train for beyond its task, and how it gets there over real parts."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from agent.contracts import Answer, AnswerKind, FeedbackKind, Quote, Role, Slug
from agent.errors import UsageError
from agent.runtime import Stores
from agent.serving.served import Task
from tests.agent.journal.episodes import an_event
from tests.agent.knowledge.passages import NOTES, SPEC, passages_of, put
from tests.agent.moving.house import a_source
from tests.tuning.loop.guilds import ask, brought_to
from tests.tuning.loop.paper import ADMIN, HOME
from tuning.datasets.files import Instructions, import_instructions
from tuning.evaluation.gate import decide
from tuning.evaluation.results import Aspect, read_report
from tuning.loop.aim import EVERYTHING, Aim, require_aim
from tuning.loop.making import LEAST_OF_EACH
from tuning.loop.opening import open_loop
from tuning.loop.plan import Plan
from tuning.loop.run import Run
from tuning.loop.state import State
from tuning.loop.tools import Tools, reports_folder, tools_of
from tuning.recipes import Objective, Recipe
from tuning.training.rows import Row, read_rows

FILE = Instructions(path="/nowhere.jsonl", digest="f" * 64)
PLAN: Final = Plan(quiet_from=0, quiet_to=0, labels=20)
TOPICS: Final = ("pool", "car")
ANSWERS: Final = 60


@pytest.mark.parametrize(
    ("task", "aim", "said"),
    [
        (Task.ROUTE, EVERYTHING, ""),
        (Task.ANSWER, Aim(category=Slug("pool"), tone="short", instructions=FILE), ""),
        (Task.ANSWER, Aim(instructions=FILE), ""),
        (Task.ANSWER, Aim(tone="short"), "learnt from instructions"),
        (Task.ROUTE, Aim(category=Slug("pool")), "told apart by one adapter"),
        (Task.ROUTE, Aim(instructions=FILE), "told apart by one adapter"),
    ],
)
def test_what_a_task_can_be_trained_for(task: Task, aim: Aim, said: str) -> None:
    if not said:
        require_aim(task, aim)
        return
    with pytest.raises(UsageError, match=said):
        require_aim(task, aim)


def taught(folder: Path, count: int = 60) -> Instructions:
    file = folder / "sailor.jsonl"
    lines = [
        {"instruction": f"Say {number} as a sailor.", "output": f"Ahoy {number}"} for number in range(count)
    ]
    file.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    return import_instructions(file)[0]


async def written(stores: Stores, run: Run) -> tuple[Run, list[Row]]:
    """The run once its job is written, and the rows to train on."""
    loop = open_loop(stores)
    for _ in range(2):
        run = await loop.advance(run)
    rows = run.folder(stores.settings.data_dir) / "train.jsonl"
    return run, read_rows(rows) if rows.exists() else []


async def answered(stores: Stores, *, vote: int = 0) -> None:
    """So many questions, about two topics in turn; an admin wrote what is right, or somebody voted."""
    await stores.store.open_index(SPEC)
    texts = [f"Part {number} is {number + 3} m long." for number in range(ANSWERS)]
    passages = [
        replace(passage, category=Slug(TOPICS[place % 2]))
        for place, passage in enumerate(passages_of(NOTES, *texts, guild=HOME))
    ]
    await put(stores.store, *passages)
    await stores.catalog.put_source(a_source(NOTES, HOME), "\n".join(texts))
    for number, passage in enumerate(passages):
        quote = Quote(
            text=passage.text,
            number=1,
            passage=passage.id,
            source=NOTES,
            title="",
            location="",
            start=0,
            end=1,
        )
        said = Answer(text=f"“{passage.text}” [1]", kind=AnswerKind.GENERATED, quotes=(quote,))
        episode = await ask(
            stores,
            f"How long is part {number}?",
            "pool",
            f"m{number:02d}",
            evidence=((passage.id, 0.5),),
            answer=said,
        )
        kind = FeedbackKind.VOTE if vote else FeedbackKind.CORRECTION
        told = {"vote": vote if number % 3 else -vote} if vote else {"answer": passage.text}
        event = an_event(episode, kind, told, guild=HOME, member=ADMIN, role=Role.ADMIN, at=episode.asked_at)
        await stores.journal.add_feedback(event)


async def test_instructions_alone_are_enough_to_learn_from(stores: Stores, tmp_path: Path) -> None:
    aim = Aim(tone="sailor", instructions=taught(tmp_path))
    run, rows = await written(stores, await open_loop(stores).ask(HOME, Task.ANSWER, plan=PLAN, aim=aim))
    assert (run.state, run.aim, run.labels) == (State.TRAINING, aim, len(rows))
    assert 20 <= len(rows) < 60, "some are held out"
    assert all(row.completion.startswith("Ahoy") for row in rows)


async def test_instructions_that_changed_meanwhile_end_the_run(stores: Stores, tmp_path: Path) -> None:
    aim = Aim(instructions=taught(tmp_path))
    run = await open_loop(stores).ask(HOME, Task.ANSWER, plan=PLAN, aim=aim)
    taught(tmp_path, count=61)
    run, _ = await written(stores, run)
    assert run.state is State.FAILED
    assert "is another file than when the run began" in run.note


async def test_a_run_for_a_category_learns_from_its_answers_and_the_instructions(
    stores: Stores, tmp_path: Path
) -> None:
    await answered(stores)
    aim = Aim(category=Slug("car"), tone="sailor", instructions=taught(tmp_path))
    run, rows = await written(stores, await open_loop(stores).ask(HOME, Task.ANSWER, plan=PLAN, aim=aim))
    assert run.state is State.TRAINING, run.note
    own = [row for row in rows if not row.completion.startswith("Ahoy")]
    assert own
    assert len(own) < len(rows)
    parts = {int(row.messages[-1].content.rpartition("is part ")[2].split("?")[0]) for row in own}
    assert all(number % 2 for number in parts), "every other one is about the car"


async def test_votes_of_both_kinds_are_learnt_from(stores: Stores, tools: Tools) -> None:
    await answered(stores, vote=1)
    plan = replace(PLAN, recipe=Recipe(objective=Objective.KTO, max_tokens=1536))
    run, rows = await written(stores, await open_loop(stores).ask(HOME, Task.ANSWER, plan=plan))
    assert run.state is State.TRAINING, run.note
    sides = Counter(row.desirable for row in rows)
    assert min(sides[True], sides[False]) >= LEAST_OF_EACH
    await brought_to(tools, run, (State.CANCELLED,))
    plain, _ = await written(stores, await open_loop(stores).ask(HOME, Task.ANSWER, plan=PLAN))
    assert (plain.state, plain.note[:20]) == (State.REFUSED, "0 labels to train on")


async def test_votes_of_one_kind_are_refused_with_how_many_are_missing(
    stores: Stores, tmp_path: Path
) -> None:
    plan = replace(PLAN, recipe=Recipe(objective=Objective.KTO, max_tokens=1536))
    aim = Aim(instructions=taught(tmp_path))
    run, _ = await written(stores, await open_loop(stores).ask(HOME, Task.ANSWER, plan=plan, aim=aim))
    assert run.state is State.FAILED
    assert f"liked and 0 disliked answers; {LEAST_OF_EACH} of each are needed." in run.note


@pytest.mark.timeout(900)
async def test_a_tone_is_trained_proven_and_examined(
    training: None, tiny_stores: Stores, tiny_folder: Path, tmp_path: Path
) -> None:
    """By a model of random weights that learns to hail like a sailor, and forgets how to write JSON."""
    loop, data = open_loop(tiny_stores), tiny_stores.settings.data_dir
    recipe = Recipe(rank=8, batch=8, epochs=6, learning_rate=0.02, max_tokens=512, seed=3)
    plan = Plan(recipe=recipe, base=str(tiny_folder), labels=20)
    aim = Aim(tone="sailor", instructions=taught(tmp_path, 130))
    await loop.ask(HOME, Task.ANSWER, plan=plan, aim=aim)
    run = await loop.work(HOME)
    assert run is not None

    adapter = await tools_of(tiny_stores).registry.get(HOME, run.adapter)
    assert (adapter.tone, adapter.instructions) == ("sailor", aim.instructions and aim.instructions.digest)
    report = read_report((reports_folder(data, HOME) / f"{run.adapter}.json").read_bytes())
    passed = {check.aspect for check in decide(report).checks if check.passed}
    assert {Aspect.ENOUGH, Aspect.BETTER, Aspect.GOLDEN, Aspect.HALLUCINATION} <= passed
