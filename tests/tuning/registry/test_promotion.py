"""Who serves, on both databases: instant, written down, and taken back one by one."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from agent.catalog.sql import SqlCatalog
from agent.contracts import Category, MemberId, Slug
from agent.database.engine import Database
from agent.errors import UsageError
from agent.serving.assignments import Assignments
from agent.serving.served import Assignment, Task
from tests.agent.journal.episodes import ANA, HOME, NOON, WORK
from tests.tuning.datasets.labels import some_labels
from tests.tuning.registry.adapters import a_file, an_adapter
from tuning.datasets.store import DatasetStore
from tuning.datasets.version import build
from tuning.registry.adapter import Adapter, served
from tuning.registry.events import Act
from tuning.registry.promotion import Promotion
from tuning.registry.store import Registry

ROUTE, ANSWER = Task


@pytest.fixture
async def three(registry: Registry, tmp_path: Path) -> list[Adapter]:
    adapters = [an_adapter(weights) for weights in (b"one", b"two", b"three")]
    for adapter, weights in zip(adapters, (b"one", b"two", b"three"), strict=True):
        await registry.add(adapter, a_file(tmp_path, weights))
    return adapters


async def _promoted(promotion: Promotion, adapter: Adapter, share: float = 1.0) -> None:
    await promotion.promote(HOME, ROUTE, adapter.id, ANA, share=share, now=NOON)


async def test_a_champion_serves_at_once_and_another_object_sees_it(
    promotion: Promotion, database: Database, three: list[Adapter]
) -> None:
    assert await promotion.champion(HOME, ROUTE) is None
    await _promoted(promotion, three[0])

    assert await promotion.champion(HOME, ROUTE) == three[0]
    assert await Assignments(database).get(HOME, ROUTE) == Assignment(champion=served(three[0]))
    assert await promotion.champion(HOME, Task.ANSWER) is None
    assert await promotion.champion(WORK, ROUTE) is None


async def test_a_challenger_is_tried_beside_the_champion_and_takes_its_place(
    promotion: Promotion, registry: Registry, database: Database, three: list[Adapter]
) -> None:
    await _promoted(promotion, three[0])
    await _promoted(promotion, three[1], share=0.2)
    assert await Assignments(database).get(HOME, ROUTE) == Assignment(
        champion=served(three[0]), challenger=served(three[1]), share=0.2
    )
    assert await promotion.challenger(HOME, ROUTE) == three[1]

    await _promoted(promotion, three[1])
    assert await Assignments(database).get(HOME, ROUTE) == Assignment(champion=served(three[1]))
    said = [(each.adapter, each.act, dict(each.detail)) for each in await registry.events(HOME)]
    assert said[3:] == [
        (three[0].id, Act.PROMOTED, {"task": "route", "before": ""}),
        (three[1].id, Act.CHALLENGER, {"task": "route", "share": 0.2}),
        (three[1].id, Act.PROMOTED, {"task": "route", "before": three[0].id}),
    ]
    assert {each.member for each in (await registry.events(HOME))[3:]} == {ANA}


async def test_rolling_back_goes_one_by_one_to_the_model_as_it_is(
    promotion: Promotion, three: list[Adapter]
) -> None:
    for adapter in three:
        await _promoted(promotion, adapter)
    found = [await promotion.rollback(HOME, ROUTE, ANA, now=NOON) for _ in three]

    assert found == [three[1], three[0], None]
    assert await promotion.champion(HOME, ROUTE) is None
    with pytest.raises(UsageError, match="nothing to roll back"):
        await promotion.rollback(HOME, ROUTE, ANA, now=NOON)


async def test_who_was_rolled_back_may_serve_again_and_is_taken_back_again(
    promotion: Promotion, three: list[Adapter]
) -> None:
    await _promoted(promotion, three[0])
    await _promoted(promotion, three[1])
    await promotion.rollback(HOME, ROUTE, None, now=NOON)
    await _promoted(promotion, three[2])

    assert await promotion.rollback(HOME, ROUTE, None, now=NOON) == three[0]
    assert await promotion.rollback(HOME, ROUTE, None, now=NOON) is None


async def test_a_rollback_withdraws_the_challenger_first(
    promotion: Promotion, registry: Registry, three: list[Adapter]
) -> None:
    await _promoted(promotion, three[0])
    await _promoted(promotion, three[1], share=0.5)

    assert await promotion.rollback(HOME, ROUTE, None, now=NOON) == three[0]
    assert await promotion.challenger(HOME, ROUTE) is None
    last = (await registry.events(HOME))[-1]
    assert (last.adapter, last.act, last.member) == (three[1].id, Act.WITHDRAWN, None)
    assert await promotion.withdraw(HOME, ROUTE, None, now=NOON) is None


@pytest.mark.parametrize(
    ("task", "share", "said"),
    [
        (Task.ANSWER, 1.0, "is for the task route"),
        (ROUTE, 0.0, "above 0 and at most 1"),
        (ROUTE, 1.5, "above 0 and at most 1"),
        (ROUTE, 1.0, "the champion already"),
        (ROUTE, 0.5, "the champion already"),
    ],
)
async def test_what_makes_no_sense_is_refused_and_changes_nothing(
    promotion: Promotion, registry: Registry, three: list[Adapter], task: Task, share: float, said: str
) -> None:
    await _promoted(promotion, three[0])
    before = await registry.events(HOME)
    with pytest.raises(UsageError, match=said):
        await promotion.promote(HOME, task, three[0].id, ANA, share=share, now=NOON)

    assert await registry.events(HOME) == before
    assert await promotion.champion(HOME, ROUTE) == three[0]


async def test_an_adapter_of_another_guild_never_serves(promotion: Promotion, three: list[Adapter]) -> None:
    with pytest.raises(UsageError, match="no one adapter"):
        await promotion.promote(WORK, ROUTE, three[0].id, MemberId("eve"), now=NOON)


async def test_a_category_has_champions_of_its_own(
    promotion: Promotion, registry: Registry, database: Database, tmp_path: Path
) -> None:
    pool, car, spa = Slug("pool"), Slug("car"), Slug("spa")
    catalog = SqlCatalog(database)
    for slug in (pool, car):
        await catalog.put_category(HOME, Category(slug=slug, name=slug))
    tone, other = (an_adapter(weights, task=ANSWER) for weights in (b"tone", b"other"))
    of_pool = an_adapter(b"pool", task=ANSWER, category=pool)
    for adapter, weights in ((tone, b"tone"), (other, b"other"), (of_pool, b"pool")):
        await registry.add(adapter, a_file(tmp_path, weights))

    async def promote(adapter: Adapter, category: Slug | None) -> None:
        await promotion.promote(HOME, ANSWER, adapter.id, ANA, category=category, now=NOON)

    async def rollback(category: Slug | None) -> Adapter | None:
        return await promotion.rollback(HOME, ANSWER, ANA, category=category, now=NOON)

    async def champions(*categories: Slug | None) -> list[Adapter | None]:
        return [await promotion.champion(HOME, ANSWER, each) for each in categories]

    await promote(other, None)
    await promote(tone, car)
    await promote(tone, pool)
    await promote(of_pool, pool)
    assert await champions(None, pool, car) == [other, of_pool, tone]
    for elsewhere in (None, car):
        with pytest.raises(UsageError, match="answers questions about pool alone"):
            await promote(of_pool, elsewhere)

    await catalog.rename_category(HOME, pool, spa)
    assert await promotion.champion(HOME, ANSWER, spa) == of_pool
    assert [await rollback(spa), await rollback(spa)] == [tone, None]
    with pytest.raises(UsageError, match="nothing to roll back"):
        await rollback(spa)
    await promote(of_pool, spa)
    assert await champions(None, spa, car) == [other, of_pool, tone]
    assert await rollback(None) is None
    assert await promotion.champion(HOME, ANSWER, car) == tone


async def test_topics_are_told_apart_by_one_adapter(promotion: Promotion, three: list[Adapter]) -> None:
    with pytest.raises(UsageError, match="for the whole guild"):
        await promotion.promote(HOME, ROUTE, three[0].id, ANA, category=Slug("pool"), now=NOON)


async def test_the_detector_hears_since_when_the_champion_serves_and_of_how_many_labels(
    promotion: Promotion, registry: Registry, database: Database, tmp_path: Path
) -> None:
    version = build(some_labels(40), ROUTE, threads={}, before={}, salt="")
    await DatasetStore(database).save(HOME, version, at=NOON)
    adapter = an_adapter(dataset=version.id)
    await registry.add(adapter, a_file(tmp_path))
    assert await promotion.trainings(HOME) == {}

    later = NOON + timedelta(days=1)
    await promotion.promote(HOME, ROUTE, adapter.id, None, now=later)
    (training,) = (await promotion.trainings(HOME)).values()
    assert (training.champion, training.at, training.labels) == (adapter.id, later, 40)
