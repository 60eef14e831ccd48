"""`lorekeeper tune` over a real database: who serves, the plan, adapters, data sets, promotion and back."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from agent.contracts import LOCAL_GUILD, Category, FeedbackKind, MemberId, Role, Slug
from agent.runtime import Stores, open_stores
from agent.serving.served import Task
from agent.settings import Settings
from bot.texts import ENGLISH, LANGUAGES, SPANISH
from bot.tuning.words import check_words, duration, hindrance_words, progress_words
from tests.agent.journal.episodes import an_episode, an_event
from tests.bot.conftest import Command
from tests.bot.tuned import a_waiting_run, an_examined
from tests.tuning.datasets.labels import some_labels
from tests.tuning.registry.adapters import a_file, an_adapter
from tuning.datasets.item import Split
from tuning.datasets.store import DatasetStore
from tuning.datasets.version import build
from tuning.evaluation.results import Aspect, Check
from tuning.loop import searching
from tuning.loop.plan import Hindrance, Refusal
from tuning.loop.run import Why
from tuning.loop.state import State
from tuning.registry.store import Registry
from tuning.runs.contracts import Outcome, Progress
from tuning.runs.search import search
from tuning.runs.supervisor import OnProgress
from tuning.training.job import read_job

TOPICS = ("pool", "car", "garden")
Kept = Callable[[Callable[[Stores], Awaitable[Any]]], Any]


@pytest.fixture
def kept(command: Command, tmp_path: Path) -> Kept:
    """Does something with what the commands see, in between."""

    def do(work: Callable[[Stores], Awaitable[Any]]) -> Any:
        async def over() -> Any:
            async with open_stores(Settings(data_dir=tmp_path / "data")) as stores:
                return await work(stores)

        return asyncio.run(over())

    return do


async def corrected(stores: Stores) -> None:
    """An admin said of 24 questions, of as many members, to which topic they belong."""
    for slug in TOPICS:
        await stores.catalog.put_category(LOCAL_GUILD, Category(slug=Slug(slug), name=slug.title()))
    for number in range(24):
        asked = an_episode(
            guild=LOCAL_GUILD, member=MemberId(f"m{number}"), question=f"About thing {number}?"
        )
        await stores.journal.record(asked)
        value = {"category": TOPICS[number % 3]}
        said = an_event(asked, FeedbackKind.CORRECTION, value, member=MemberId("admin"), role=Role.ADMIN)
        await stores.journal.add_feedback(said)


def an_outcome(loss: float) -> Outcome:
    return Outcome(
        done=True, step=1, loss=loss, seconds=1.0, rows=1, left_out=0, weights=1, precision="", device=""
    )


def test_nothing_was_trained_in_a_new_folder(command: Command) -> None:
    ran = command("tune", "status")
    assert ran.lines[:2] == [
        "**the choice of topics**: the model as it is",
        "**the answers**: the model as it is",
    ]
    assert command("tune", "status", "--json").json["plan"]["share"] == 0.2


def test_the_plan_is_changed_in_what_is_given(command: Command) -> None:
    assert "from 23:00 to 7:00" in command("tune", "schedule", "--begin", "23", "--end", "7").out
    changed = command("tune", "schedule", "--no-approval", "--set", "rank=8", "--base", "hf:a/b")
    assert "without asking" in changed.out
    assert "Recipe: rank=8; trained on hf:a/b." in changed.err
    assert "0 of 2 runs, 0 of 90 minutes" in command("tune", "budget", "--minutes", "90", "--runs", "2").out
    plan = command("tune", "status", "--json").json["plan"]
    assert (plan["quiet_from"], plan["approval"], plan["recipe"]["rank"]) == (23, False, 8)
    assert plan["runs_a_week"] == 2


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("run", "topics"), "There is no task topics."),
        (("run", "route", "--set", "rank"), "rank sets nothing."),
        (("run", "route", "--set", "rank=0"), "rank is 1 to 256, not 0"),
        (("run", "route", "--set", "depth=2"), "knows no depth"),
        (("run", "route", "--recipe", "nowhere.json"), "nowhere.json cannot be read"),
        (("schedule", "--begin", "24"), "quiet_from is 0 to 23, not 24"),
        (("report",), "There is no adapter yet."),
        (("rollback", "route"), "nothing to take back"),
        (("promote", "ffff"), "There is no one adapter ffff."),
        (("run", "answer", "--category", "attic"), "There is no category attic."),
        (("run", "answer", "--tone", "short"), "A tone is learnt from instructions."),
        (("run", "answer", "--instructions", "nowhere.jsonl"), "nowhere.jsonl cannot be read"),
        (("rollback", "answer", "--category", "attic"), "There is no category attic."),
        (("refuse", "ffff"), "No runs are called ffff."),
        (("run", "route", "--set", "method=dora"), "`lorekeeper tune model route --to FILE.gguf`"),
        (("model", "topics", "--to", "a.gguf"), "There is no task topics."),
        (("model", "route", "--to", "a.bin"), "is no name of a model"),
        (("model", "route", "--to", "a.gguf", "--set", "depth=2"), "knows no depth"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(command: Command, arguments: tuple[str, ...], said: str) -> None:
    ran = command("tune", *arguments)
    assert ran.code == 2
    assert said in ran.err


def test_a_waiting_run_is_shown_promoted_and_taken_back(command: Command, kept: Kept) -> None:
    run = kept(a_waiting_run)
    listed = command("tune", "status").out
    assert f"`{run.id[-8:]}` the choice of topics: **waits for an admin**" in listed
    shown = command("tune", "report")
    assert "100.0" in shown.out
    assert shown.err.splitlines()[-1] == "The gate lets it pass."

    assert command("tune", "promote", run.adapter[-8:], "--share", "0.25").code == 0
    assert f"`{run.adapter[-8:]}` is on trial with 25% of the questions" in command("tune", "status").out
    assert command("tune", "promote", run.adapter[-8:]).code == 0
    (adapter,) = command("tune", "adapters", "--json").json
    assert adapter["id"] == run.adapter
    assert "serves" in command("tune", "adapters").out
    assert "the model as it is" in command("tune", "rollback", "route").err
    assert command("tune", "status", "--json").json["runs"][0]["state"] == "rolled back"


def test_an_adapter_serves_one_category_and_is_taken_back_there(
    command: Command, kept: Kept, tmp_path: Path
) -> None:
    async def prepare(stores: Stores) -> str:
        await corrected(stores)
        tone = an_adapter(guild=LOCAL_GUILD, task=Task.ANSWER, tone="sailor")
        await Registry(stores.database, stores.settings.data_dir).add(tone, a_file(tmp_path))
        return tone.id[-8:]

    tone = kept(prepare)
    assert command("tune", "promote", tone, "--category", "pool").code == 0
    lines = command("tune", "status").lines[:3]
    assert lines[1] == "**the answers**: the model as it is"
    assert lines[2].startswith(f"**the answers (pool)**: adapter `{tone}`")
    listed = command("tune", "adapters").out
    assert "sailor" in listed
    assert "serves pool" in listed
    taken = command("tune", "rollback", "answer", "--category", "pool")
    assert "**the answers (pool)**: what serves all other questions" in taken.err
    assert "(pool)" not in command("tune", "status").out


def test_a_line_that_is_no_instruction_is_named(command: Command, tmp_path: Path) -> None:
    file = tmp_path / "tone.jsonl"
    file.write_text('{"instruction": "x", "output": "y"}\n{"instruction": "x"}\n')
    ran = command("tune", "run", "answer", "--instructions", str(file), "--tone", "short")
    assert ran.code == 2
    assert f"Line 2 of {file} is no instruction: output Field required." in ran.err


def test_a_waiting_run_is_refused(command: Command, kept: Kept) -> None:
    run = kept(a_waiting_run)
    assert command("tune", "refuse", run.id[-8:]).code == 0
    assert command("tune", "status", "--json").json["runs"][0]["state"] == "refused"
    assert command("tune", "cancel", run.id[-8:]).code == 2
    assert command("tune", "status", "--json").json["serving"]["route"]["champion"] is None


def test_versions_are_listed_compared_and_written_out(command: Command, kept: Kept, tmp_path: Path) -> None:
    async def two(stores: Stores) -> None:
        store = DatasetStore(stores.database)
        before: dict[str, Split] = {}
        for count in (20, 24):
            version = build(some_labels(count), Task.ROUTE, threads={}, before=before, salt="salt")
            await store.save(LOCAL_GUILD, version, at=stores.clock())
            before = dict(version.splits)

    kept(two)
    first, second = command("tune", "datasets", "list", "--json").json
    assert sum(first["counts"].values()) == 20
    assert (
        "4 added, 0 removed, 0 moved." in command("tune", "datasets", "diff", first["id"], second["id"]).err
    )
    assert "| pool |" in command("tune", "datasets", "show", second["id"][:8]).out
    command("tune", "datasets", "export", second["id"], str(tmp_path / "items.jsonl"))
    lines = (tmp_path / "items.jsonl").read_text("utf-8").splitlines()
    assert len(lines) == 24
    assert json.loads(lines[0])["task"] == "route"


def test_a_better_recipe_is_looked_for_and_kept(
    command: Command, kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[int] = []

    async def on_paper(folder: Path, on_progress: OnProgress, *, data_dir: Path) -> Outcome:
        recipe = read_job(folder).recipe
        tried.append(recipe.rank)
        return an_outcome(loss=1 / recipe.rank / recipe.epochs)

    monkeypatch.setattr(searching, "search", partial(search, trainer=on_paper))
    kept(corrected)
    missing = command("tune", "search", "route", "--try", "rank=4,8")
    assert "30 are needed" in missing.err
    command("tune", "schedule", "--labels", "5", "--set", "epochs=2")
    ran = command("tune", "search", "route", "--try", "rank=4,8", "--keep", "--json")
    assert tried == [4, 8, 8]
    assert ran.json["recipe"]["rank"] == 8
    plan = command("tune", "status", "--json").json["plan"]
    assert (plan["recipe"]["rank"], plan["recipe"]["epochs"], plan["labels"]) == (8, 2, 5)
    assert "0.0625" in command("tune", "search", "route", "--try", "rank=4,8").out


def test_a_base_that_is_not_there_is_named(at_home: Command) -> None:
    ran = at_home("tune", "compare", "absent.gguf")
    assert ran.code == 0
    assert ran.err.startswith("absent.gguf: ")


def test_a_card_and_a_picture_are_given_out(command: Command, kept: Kept, tmp_path: Path) -> None:
    adapter = kept(an_examined)
    card = command("tune", "card", adapter.id[-8:]).out
    assert f"# Adapter {adapter.id}" in card
    assert "fusion+challenger" in card
    assert command("tune", "report", "--plot", str(tmp_path / "report.png"), "--json").json["adapter"]
    assert (tmp_path / "report.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_has_words_for_everything(language: str) -> None:
    texts = LANGUAGES[language].tuning
    assert set(texts.tasks) == set(Task)
    assert set(texts.states) == set(State)
    assert set(texts.whys) == set(Why)
    assert set(texts.hindrances) == set(Hindrance)
    assert set(texts.checks) == set(Aspect)


def test_what_stands_in_the_way_is_said_with_the_end_of_the_runs_id() -> None:
    refusal = Refusal(hindrance=Hindrance.BUSY, figures={"run": "019ab000-0000-7000-8000-0123456789ab"})
    assert hindrance_words(refusal, SPANISH.tuning) == "El entrenamiento 456789ab está en marcha."


@pytest.mark.parametrize(
    ("aspect", "task", "value", "said"),
    [
        (Aspect.ENOUGH, Task.ROUTE, 40.0, "test questions: 40;"),
        (Aspect.BETTER, Task.ROUTE, 0.925, "serves: 92.5% against"),
        (Aspect.BETTER, Task.ANSWER, 3.5, "serves: 3.50 of 5 against"),
        (Aspect.HALLUCINATION, Task.ANSWER, 4.25, "no more: 4.25 of 5 against"),
        (Aspect.JSON, Task.ANSWER, 1.0, "valid JSON: 100.0%,"),
        (Aspect.LATENCY, Task.ANSWER, 812.4, "enough: 812 ms;"),
    ],
)
def test_a_check_counts_in_its_own_unit(aspect: Aspect, task: Task, value: float, said: str) -> None:
    check = Check(aspect=aspect, passed=True, detail="", value=value, against=value)
    assert said in check_words(check, task, ENGLISH.tuning)


@pytest.mark.parametrize(
    ("seconds", "said"), [(4.4, "4 s"), (89, "89 s"), (90, "2 min"), (5399, "90 min"), (5400, "1.5 h")]
)
def test_a_time_is_said_roughly(seconds: float, said: str) -> None:
    assert duration(seconds, ENGLISH.tuning) == said


def test_what_is_not_known_yet_is_not_said() -> None:
    none = float("nan")
    before = Progress(step=0, steps=4, loss=none, validation=none, seconds_left=none)
    assert progress_words(before, ENGLISH.tuning).endswith("step 0 of 4")
    half = Progress(step=2, steps=4, loss=0.5, validation=none, seconds_left=30.0)
    assert "█" * 10 + "░" * 10 in progress_words(half, ENGLISH.tuning)
    assert progress_words(half, ENGLISH.tuning).endswith("loss 0.500 · 30 s left")
