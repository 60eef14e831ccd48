"""Words of a member in what is trained on: out of every version and file, and the adapters are named."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from agent.contracts import MemberId
from agent.privacy.consents import Consents
from agent.runtime import Stores, open_stores
from agent.serving.served import Task
from agent.settings import Settings
from tests.agent.journal.episodes import NOON, WORK
from tests.tuning.datasets.labels import HOME, some_labels
from tests.tuning.registry.adapters import a_file, an_adapter
from tuning.datasets.store import DatasetStore
from tuning.datasets.version import DatasetVersion, build
from tuning.privacy import TUNING_FOLDER, privacy_of, stop_learning
from tuning.registry.events import Act
from tuning.registry.promotion import Promotion
from tuning.registry.store import Registry

ANA, BEN = MemberId("m7"), MemberId("m8")


@pytest.fixture
async def stores(tmp_path: Path) -> AsyncIterator[Stores]:
    async with open_stores(Settings(data_dir=tmp_path / "data")) as opened:
        for guild in (HOME, WORK):
            await opened.catalog.create_guild(guild)
        yield opened


@pytest.fixture
def registry(stores: Stores) -> Registry:
    return Registry(stores.database, stores.settings.data_dir)


@pytest.fixture
async def version(stores: Stores) -> DatasetVersion:
    version = build(some_labels(120), Task.ROUTE, threads={}, before={}, salt="")
    await DatasetStore(stores.database).save(HOME, version, at=NOON)
    return version


async def _named(registry: Registry) -> list[str]:
    return [each.adapter for each in await registry.events(HOME) if each.act is Act.HOLDS_FORGOTTEN]


async def test_who_opts_out_is_taken_out_and_nobody_else_moves(
    stores: Stores, version: DatasetVersion
) -> None:
    removed = await stop_learning(stores, HOME, ANA)
    left = await DatasetStore(stores.database).get(HOME, version.id)

    assert removed["items of dataset versions"] == len(version.entries) - len(left.entries) == 3
    assert ANA not in left.members
    assert left.splits.items() <= version.splits.items()
    assert await stop_learning(stores, HOME, ANA) == {}


async def test_adapters_are_named_each_time_that_somebody_whose_words_they_hold_goes(
    stores: Stores, registry: Registry, version: DatasetVersion, tmp_path: Path
) -> None:
    first = an_adapter(b"1", dataset=version.id)
    await registry.add(first, a_file(tmp_path, b"1"))
    await stop_learning(stores, HOME, ANA)
    left = await DatasetStore(stores.database).get(HOME, version.id)
    second = an_adapter(b"2", dataset=left.id)
    apart = an_adapter(b"3")
    for adapter, weights in ((second, b"2"), (apart, b"3")):
        await registry.add(adapter, a_file(tmp_path, weights))
    assert await _named(registry) == [first.id]

    report = await privacy_of(stores).forget(HOME, BEN)
    assert report.removed["adapters that learnt from it"] == 2
    assert sorted(await _named(registry)) == sorted([first.id, first.id, second.id])


async def test_the_champion_goes_on_serving_and_who_promoted_it_is_nobody(
    stores: Stores, registry: Registry, version: DatasetVersion, tmp_path: Path
) -> None:
    adapter = an_adapter(dataset=version.id)
    await registry.add(adapter, a_file(tmp_path))
    promotion = Promotion(stores.database, registry, stores.assignments)
    await promotion.promote(HOME, Task.ROUTE, adapter.id, ANA, now=NOON)
    await privacy_of(stores).forget(HOME, ANA)

    assert await promotion.champion(HOME, Task.ROUTE) == adapter
    promoted = [each for each in await registry.events(HOME) if each.act is Act.PROMOTED]
    assert [each.member for each in promoted] == ["forgotten"]
    assert await promotion.rollback(HOME, Task.ROUTE, None, now=NOON) is None


async def test_files_with_words_go_and_figures_stay(stores: Stores, version: DatasetVersion) -> None:
    folder = stores.settings.data_dir / TUNING_FOLDER
    words = (
        "train.jsonl",
        "validation.jsonl",
        "proof.jsonl",
        "answers.jsonl",
        "routing.db",
        "routing.db-wal",
    )
    figures = ("job.json", "metrics.jsonl", "adapter.gguf")
    for guild in (HOME, WORK):
        run = folder / guild / "runs" / "r1"
        run.mkdir(parents=True)
        for name in (*words, *figures):
            (run / name).write_text("x")
    removed = await stop_learning(stores, HOME, ANA)

    assert removed["files of training runs"] == len(words)
    assert {path.name for path in (folder / HOME / "runs" / "r1").iterdir()} == set(figures)
    assert len(list((folder / WORK / "runs" / "r1").iterdir())) == len(words) + len(figures)


async def test_who_left_nothing_there_takes_nothing_away(stores: Stores, version: DatasetVersion) -> None:
    run = stores.settings.data_dir / TUNING_FOLDER / HOME / "runs" / "r1"
    run.mkdir(parents=True)
    (run / "train.jsonl").write_text("x")
    await stop_learning(stores, HOME, MemberId("stranger"))
    await Consents(stores.database, stores.settings).set(HOME, MemberId("stranger"), allowed=False, at=NOON)

    assert (run / "train.jsonl").exists()
    assert await DatasetStore(stores.database).get(HOME, version.id) == version
