"""A model of its own over real parts: labels, a tiny model that is really trained, and the engine."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from agent.contracts import Example, MemberId, Slug
from agent.errors import DiskFullError, StoreError, UsageError
from agent.models.weights import sha256_of
from agent.privacy.consents import Consents
from agent.routing.memory import MEMORY_FILE, RoutingMemory
from agent.routing.vote import ModelVote
from agent.runtime import Stores
from agent.serving.served import Task
from tests.agent.database.disks import small_disk
from tests.tuning.evaluation.parts import Scripted
from tests.tuning.evaluation.reports import report, routing_arm
from tests.tuning.loop import trainers
from tests.tuning.loop.guilds import TOPICS
from tests.tuning.loop.paper import ADMIN, HOME
from tests.tuning.loop.trainers import in_this_process
from tuning.datasets.item import Split
from tuning.datasets.store import DatasetStore
from tuning.evaluation.results import Arm, Report, Verdict, read_report
from tuning.export.base import Base
from tuning.loop import making, modelling
from tuning.loop.alone import alone_at_work
from tuning.loop.modelling import Wanted, make_model
from tuning.loop.plan import Plan
from tuning.loop.target import hand_out, parted, require_space, require_target
from tuning.privacy import stop_learning
from tuning.recipes import Method, Recipe
from tuning.runs.bases import BaseModel
from tuning.runs.contracts import Exported, Outcome, Proof
from tuning.runs.errors import NoRoomError, RunBusyError, TrainingError, UnprovenError
from tuning.runs.supervisor import OnProgress
from tuning.training.job import CHECKPOINT, read_job

RECIPE = Recipe(method=Method.PARTIAL, top_layers=1, epochs=1, learning_rate=0.003, max_tokens=512)
WORDS = [thing for things in TOPICS.values() for thing in things]


def wanted(target: Path, recipe: Recipe = RECIPE, *, labels: int = 20, base: str = "") -> Wanted:
    plan = Plan(recipe=recipe, labels=labels, base=base)
    return Wanted(guild=HOME, task=Task.ROUTE, plan=plan, target=target)


def folder_of(stores: Stores) -> Path:
    return stores.settings.data_dir / "tuning" / HOME / "runs" / "model"


def passes(report: Report) -> Verdict:
    return Verdict(promoted=True, checks=())


async def taught(stores: Stores) -> frozenset[str]:
    """What members corrected counts for the router; return the questions that nothing is trained on, but for
    the golden ones.
    """
    version = await DatasetStore(stores.database).latest(HOME, Task.ROUTE)
    assert version is not None
    labels = [(each.split, each.item.label) for each in version.entries]
    examples = [Example(question=each.question, category=Slug(str(each.category))) for _, each in labels]
    await stores.catalog.put_examples(HOME, examples)
    return frozenset(each.question for split, each in labels if split in (Split.VALIDATION, Split.TEST))


@pytest.mark.timeout(900)
async def test_from_labels_to_a_model_that_may_serve(
    training: None, tiny_stores: Stores, tiny_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stores, out = tiny_stores, tmp_path / "out"
    out.mkdir()
    unseen = await taught(stores)
    recipe = Recipe(method=Method.DORA, rank=4, epochs=1, learning_rate=0.02, max_tokens=512)
    asked = wanted(out / "house.gguf", recipe, base=str(tiny_folder))

    monkeypatch.setattr(modelling, "decide", passes)
    made = await make_model(stores, asked)
    assert made.path == asked.target
    assert {path.name for path in out.iterdir()} == {
        f"house.gguf{end}" for end in ("", ".json", ".md", ".png")
    }
    assert sha256_of(made.path) == made.digest
    assert made.after < made.before
    examined = read_report((out / "house.gguf.json").read_bytes())
    assert examined == made.report
    assert (examined.challenger, examined.challenger_digest) == ("house", made.digest)
    page = (out / "house.gguf.md").read_text()
    assert page.startswith("# Model house\n")
    assert "Not served as an adapter" in page
    assert not [word for word in WORDS if word in page + examined.to_json()]
    assert not folder_of(stores).exists()
    assert not await stores.assignments.all()

    # The router knows what it says of questions that it did not learn, and of no other.
    vote = ModelVote(Scripted(made.digest), RoutingMemory(stores.settings.data_dir / MEMORY_FILE))
    categories = sorted(await stores.catalog.categories(HOME), key=lambda each: each.slug)
    questions = [each.question for each in await stores.catalog.examples(HOME)]
    assert set(await vote.examined(HOME, categories, questions)) == unseen
    assert made.introduced == len(unseen)


@pytest.mark.timeout(900)
async def test_what_went_wrong_costs_no_training(
    training: None, tiny_stores: Stores, tiny_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stores = tiny_stores
    trained: list[Path] = []

    async def counted(folder: Path, on_progress: OnProgress, *, data_dir: Path) -> Outcome:
        trained.append(folder)
        return await in_this_process(folder, on_progress, data_dir=data_dir)

    monkeypatch.setattr(making, "train", counted)
    monkeypatch.setattr(modelling, "require_space", lambda target, base: None)
    with small_disk(tmp_path / "disk", "64k") as disk:
        with pytest.raises(DiskFullError, match="There is no room for"):
            await make_model(stores, wanted(disk / "house.gguf", base=str(tiny_folder)))
        assert not list(disk.iterdir())
    assert (folder_of(stores) / "adapter").is_dir()

    def impossible(*_: object) -> bool:
        raise AssertionError("it was trained already")

    async def weak(*_: object, **__: object) -> Report:
        misses = "10" * 20
        arms = (Arm.FUSION_CHALLENGER, Arm.FUSION, Arm.CHALLENGER, Arm.UNTUNED)
        return report(Task.ROUTE, {arm: routing_arm(arm, misses) for arm in arms}, serving=Arm.FUSION)

    monkeypatch.setattr(trainers, "train", impossible)
    monkeypatch.setattr(modelling, "evaluate", weak)
    made = await make_model(stores, wanted(tmp_path / "house.gguf", base=str(tiny_folder)))
    assert trained == [folder_of(stores)] * 2
    assert made.path
    assert made.verdict
    assert (made.verdict.promoted, made.introduced) == (False, 0)
    assert not folder_of(stores).exists()


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """What trains is not needed where nothing is trained."""
    monkeypatch.setattr(modelling, "require_installed", lambda: None)


async def test_who_is_forgotten_meanwhile_is_not_learnt_from(
    installed: None, tiny_stores: Stores, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stores = tiny_stores
    folder = folder_of(stores)

    async def forgetting(folder: Path, on_progress: OnProgress, *, data_dir: Path) -> Outcome:
        assert (folder / "train.jsonl").is_file()
        await stop_learning(stores, HOME, MemberId("m07"))
        return an_outcome(done=False)

    monkeypatch.setattr(making, "train", forgetting)
    with pytest.raises(TrainingError, match="Somebody whose words"):
        await make_model(stores, wanted(tmp_path / "house.gguf"))
    assert not folder.exists()


async def test_stopped_it_goes_on_or_begins_anew_without_who_opted_out(
    installed: None, tiny_stores: Stores, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stores, begun, counts = tiny_stores, asyncio.Event(), list[int]()

    async def endless(folder: Path, on_progress: OnProgress, *, data_dir: Path) -> Outcome:
        counts.append(len((folder / "train.jsonl").read_text().splitlines()))
        begun.set()
        await asyncio.Event().wait()
        raise AssertionError

    async def stopped() -> None:
        begun.clear()
        working = asyncio.ensure_future(make_model(stores, wanted(tmp_path / "house.gguf")))
        await begun.wait()
        working.cancel()
        with pytest.raises(asyncio.CancelledError):
            await working

    monkeypatch.setattr(making, "train", endless)
    await stopped()
    (folder_of(stores) / CHECKPOINT).write_text("half of it")
    await stopped()
    assert read_job(folder_of(stores)).merged
    assert (folder_of(stores) / CHECKPOINT).is_file()

    version = await DatasetStore(stores.database).latest(HOME, Task.ROUTE)
    assert version is not None
    asked_by = (member for each in version.of(Split.TRAIN) for member in each.label.members)
    who = next(member for member in asked_by if member != ADMIN)
    await Consents(stores.database, stores.settings).set(HOME, who, False, stores.clock())
    await stop_learning(stores, HOME, who)
    await stopped()
    assert not (folder_of(stores) / CHECKPOINT).exists()
    first, again, less = counts
    assert first == again == less + 1


async def test_a_model_that_says_something_else_is_not_given_out(
    installed: None, tiny_stores: Stores, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def trained(folder: Path, on_progress: OnProgress, *, data_dir: Path) -> Outcome:
        return an_outcome(done=True)

    async def exported(folder: Path, base: BaseModel, target: Path) -> Exported:
        await asyncio.to_thread(target.write_text, "a model")
        return Exported(path=target, digest="d", size=7, matrices=(), is_adapter=False)

    async def disproven(folder: Path, base: BaseModel, exported: Exported) -> Proof:
        raise UnprovenError("The engine is 3.000 nats from PyTorch where 0.02 are allowed.")

    monkeypatch.setattr(making, "train", trained)
    monkeypatch.setattr(modelling, "export", exported)
    monkeypatch.setattr(modelling, "prove_exactly", disproven)
    out = tmp_path / "out"
    out.mkdir()
    with pytest.raises(UnprovenError):
        await make_model(tiny_stores, wanted(out / "house.gguf"))
    assert not list(out.iterdir())
    assert not folder_of(tiny_stores).exists()


async def test_with_too_few_labels_nothing_is_begun(
    installed: None, tiny_stores: Stores, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match="60 are needed"):
        await make_model(tiny_stores, wanted(tmp_path / "house.gguf", labels=60))
    assert not folder_of(tiny_stores).exists()


async def test_only_one_works_at_a_time(
    installed: None, tiny_stores: Stores, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(modelling, "_PATIENCE", 0.0)
    async with alone_at_work(tiny_stores.settings.data_dir) as alone:
        assert alone
        with pytest.raises(RunBusyError):
            await make_model(tiny_stores, wanted(tmp_path / "house.gguf"))


def test_a_place_is_looked_at_before_anything_is_done(tmp_path: Path) -> None:
    there = tmp_path / "there.gguf"
    there.write_text("mine")
    require_target(tmp_path / "house.gguf")
    for target, error, said in (
        (there, UsageError, "is there already"),
        (tmp_path / "house.bin", UsageError, "is no name of a model"),
        (tmp_path / "nowhere" / "house.gguf", StoreError, "cannot be written"),
        (there / "house.gguf", StoreError, "cannot be written"),
    ):
        with pytest.raises(error, match=said):
            require_target(target)
    assert [path.name for path in tmp_path.iterdir()] == ["there.gguf"]


def test_a_disk_without_room_for_a_copy_is_seen(tmp_path: Path) -> None:
    base_file = tmp_path / "base.gguf"
    base_file.write_bytes(b"GGUF")
    base = Base(path=base_file, architecture="llama", blocks=1, heads=1, kv_heads=1, shapes={"a": (2, 3)})
    require_space(tmp_path / "house.gguf", base)
    with small_disk(tmp_path / "disk", "64k") as disk, pytest.raises(NoRoomError, match="of disk and"):
        require_space(disk / "house.gguf", base)


def test_what_came_to_be_there_meanwhile_stays(tmp_path: Path) -> None:
    target = tmp_path / "house.gguf"
    with parted(target) as part:
        part.write_text("made")
        target.write_text("theirs")
        with pytest.raises(StoreError, match="is there now"):
            hand_out(part, target)
    assert target.read_text() == "theirs"
    assert [path.name for path in tmp_path.iterdir()] == ["house.gguf"]


def an_outcome(*, done: bool) -> Outcome:
    return Outcome(
        done=done, step=1, loss=1.0, seconds=1.0, rows=1, left_out=0, weights=1, precision="", device=""
    )
