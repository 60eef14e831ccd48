"""Each way in which a step can fail over real parts ends in a named state with one line."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from agent.contracts import MemberId
from agent.runtime import Stores
from agent.serving.served import Task, adapter_file
from tests.tuning.loop.guilds import brought_to, registered
from tests.tuning.loop.paper import HOME
from tuning.datasets.item import Split
from tuning.loop import making
from tuning.loop.loop import Loop
from tuning.loop.opening import open_loop
from tuning.loop.plan import Plan
from tuning.loop.run import Run, Why
from tuning.loop.state import State
from tuning.loop.tools import Tools
from tuning.privacy import stop_learning
from tuning.runs import room
from tuning.runs.room import Room
from tuning.training.job import JOB, METRICS

PLAN = Plan(quiet_from=0, quiet_to=0, labels=20, cool_down_days=0.0, approval=False)


@pytest.fixture
def stores(corrected_stores: Stores) -> Stores:
    return corrected_stores


@pytest.fixture
def loop(stores: Stores) -> Loop:
    return open_loop(stores)


@pytest.fixture(autouse=True)
async def champion(tools: Tools, tmp_path: Path) -> str:
    """The id of what must serve at the end of each test as it does at its beginning."""
    adapter = await registered(tools, tmp_path, "b0", "the champion", task=Task.ROUTE)
    await tools.promotion.promote(HOME, Task.ROUTE, adapter.id, None, now=tools.clock())
    return adapter.id


async def asked(loop: Loop, why: Why = Why.HAND) -> Run:
    return await loop.ask(HOME, Task.ROUTE, why=why, plan=PLAN)


async def with_data(loop: Loop, tools: Tools) -> Run:
    """A run whose dataset version is there."""
    version = await tools.datasets.latest(HOME, Task.ROUTE)
    assert version is not None
    labels = len(version.of(Split.TRAIN))
    return await brought_to(tools, await asked(loop), (State.DATASET,), dataset=version.id, labels=labels)


async def at_training(loop: Loop, tools: Tools) -> Run:
    """A run whose job is written."""
    run = await loop.advance(await with_data(loop, tools))
    assert run.state is State.TRAINING, run.note
    return run


async def ended(loop: Loop, run: Run, stores: Stores, champion: str) -> tuple[State, str]:
    """How the run ends. The champion serves as before, and nothing of members is left in the folder."""
    await loop.work(HOME)
    over = await loop.log.run(HOME, run.id)
    now = await stores.assignments.get(HOME, Task.ROUTE)
    assert (now.champion and now.champion.id, now.challenger, now.share) == (champion, None, 0.0)
    folder = over.folder(stores.settings.data_dir)
    assert {path.name for path in folder.glob("*")} <= {JOB, METRICS}
    return over.state, over.note


async def test_a_job_is_written_as_the_router_asks(
    loop: Loop, tools: Tools, stores: Stores, champion: str
) -> None:
    run = await at_training(loop, tools)
    folder = run.folder(stores.settings.data_dir)
    assert {path.name for path in folder.iterdir()} == {JOB, "train.jsonl", "validation.jsonl"}
    lines = (folder / "train.jsonl").read_text().splitlines()
    assert len(lines) == run.labels
    assert all("Pool" in line and "Garden" in line for line in lines)


async def test_with_too_few_labels_there_is_nothing_to_learn(
    loop: Loop, tools: Tools, stores: Stores, champion: str
) -> None:
    run = await loop.ask(HOME, Task.ANSWER, plan=PLAN)
    line = "0 labels to train on; 20 are needed, and some to test by."
    assert await ended(loop, run, stores, champion) == (State.REFUSED, line)


async def test_a_pattern_does_not_train_twice_on_the_same(
    loop: Loop, tools: Tools, stores: Stores, champion: str
) -> None:
    first = await brought_to(tools, await with_data(loop, tools), (State.REFUSED,))
    again = await asked(loop, why=Why.PATTERN)
    line = f"There is nothing to learn that run {first.id} did not."
    assert await ended(loop, again, stores, champion) == (State.REFUSED, line)

    by_hand = await loop.advance(await asked(loop))
    assert (by_hand.state, by_hand.dataset) == (State.DATASET, first.dataset)


async def test_no_room_ends_it_before_it_begins(
    loop: Loop, tools: Tools, stores: Stores, champion: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "room_of", lambda folder: Room(disk=0, memory=10**12))
    state, note = await ended(loop, await with_data(loop, tools), stores, champion)
    assert state is State.FAILED
    assert "disk" in note


@contextmanager
def _full_disk(largest: int) -> Iterator[None]:
    """No file grows above so many bytes, which the system says with an error of its own."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (largest, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


async def test_a_full_disk_ends_it(
    loop: Loop, tools: Tools, stores: Stores, champion: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_rows = making.write_rows

    def on_a_full_disk(path: Path, rows: object) -> None:
        with _full_disk(1000):
            write_rows(path, rows)

    monkeypatch.setattr(making, "write_rows", on_a_full_disk)
    state, note = await ended(loop, await with_data(loop, tools), stores, champion)
    assert state is State.FAILED
    assert note.startswith("There is no room for ")
    assert "\n" not in note


async def test_another_chat_model_than_before_ends_it(
    loop: Loop, tools: Tools, stores: Stores, champion: str
) -> None:
    run = await with_data(loop, tools)
    run = await brought_to(tools, run, (State.TRAINING,), base_digest="another")
    state, note = await ended(loop, run, stores, champion)
    assert state is State.FAILED
    assert note.startswith("The chat model is another one than when the run began: smollm2-135m.")


async def test_a_damaged_job_ends_it(loop: Loop, tools: Tools, stores: Stores, champion: str) -> None:
    run = await at_training(loop, tools)
    (run.folder(stores.settings.data_dir) / JOB).write_text("{")
    state, note = await ended(loop, run, stores, champion)
    assert state is State.FAILED
    assert "job.json is damaged" in note


async def test_who_is_forgotten_meanwhile_is_not_learnt_from(
    loop: Loop, tools: Tools, stores: Stores, champion: str
) -> None:
    run = await at_training(loop, tools)
    await stop_learning(stores, HOME, MemberId("m07"))
    state, note = await ended(loop, run, stores, champion)
    assert state is State.CANCELLED
    assert note.startswith("Somebody whose words it would learn from")


async def test_a_run_that_was_not_exported_whole_ends(
    loop: Loop, tools: Tools, stores: Stores, champion: str
) -> None:
    run = await at_training(loop, tools)
    run = await brought_to(tools, run, (State.EXPORTING,))
    (run.folder(stores.settings.data_dir) / "adapter").mkdir()
    state, note = await ended(loop, run, stores, champion)
    assert state is State.FAILED
    assert "There is no adapter" in note


async def test_a_broken_adapter_file_ends_it(loop: Loop, tools: Tools, stores: Stores, champion: str) -> None:
    run = await at_training(loop, tools)
    digest = "f" * 64
    file = stores.settings.data_dir / adapter_file(digest)
    file.write_bytes(b"GGUF, or was it?")
    states = (State.EXPORTING, State.EVALUATING)
    run = await brought_to(tools, run, states, adapter="a1", digest=digest, figures={"size": 1.0})
    state, note = await ended(loop, run, stores, champion)
    assert state is State.FAILED
    assert "a1 has changed since it was made" in note
    assert [each.id for each in await tools.registry.all(HOME)] == [champion]


async def test_a_report_that_is_gone_ends_it(loop: Loop, tools: Tools, stores: Stores, champion: str) -> None:
    run = await at_training(loop, tools)
    states = (State.EXPORTING, State.EVALUATING, State.GATED)
    run = await brought_to(tools, run, states, adapter="a1", digest="f1")
    state, note = await ended(loop, run, stores, champion)
    assert state is State.FAILED
    assert "cannot be read" in note


async def test_an_interrupted_clean_up_is_finished(
    loop: Loop, tools: Tools, stores: Stores, champion: str
) -> None:
    run = await at_training(loop, tools)
    await brought_to(tools, run, (State.CANCELLED,))
    folder = run.folder(stores.settings.data_dir)
    assert (folder / "train.jsonl").exists()
    await loop.work(HOME)
    assert {path.name for path in folder.iterdir()} == {JOB}
