"""The log of anomalies on a real database: append-only, and the latest event stands."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import update

from agent.contracts import SourceId
from agent.database import tables
from agent.errors import StoreError, UsageError
from agent.runtime import Stores, open_stores
from agent.settings import Settings
from tests.agent.journal.episodes import HOME, NOON, WORK
from tuning.anomalies.anomaly import RULES, SETTLING, Found, Kind, State
from tuning.anomalies.log import AnomalyLog
from tuning.anomalies.watch import disturbances, fresh, outlived
from tuning.anomalies.words import sentence

POOL = Found(kind=Kind.RETRIEVAL, subject="pool", figures={"now": 60, "before": 5, "count": 12})
LATE = Found(kind=Kind.LATENCY, figures={"now": 9.5, "before": 2.0})
MANUAL = Found(kind=Kind.STALE, subject="s1", sources=(SourceId("s1"),))
DAY = timedelta(days=1)


@pytest.fixture
async def stores(tmp_path: Path) -> AsyncIterator[Stores]:
    async with open_stores(Settings(data_dir=tmp_path)) as opened:
        for guild in (HOME, WORK):
            await opened.catalog.create_guild(guild)
        yield opened


@pytest.fixture
def log(stores: Stores) -> AnomalyLog:
    return AnomalyLog(stores.database)


async def test_what_was_found_comes_back_as_it_was(log: AnomalyLog) -> None:
    raised = await log.raise_(HOME, [POOL, MANUAL], NOON)
    assert await log.anomalies(HOME) == tuple(reversed(raised))
    assert [each.found for each in raised] == [POOL, MANUAL]
    assert await log.anomalies(WORK) == ()


async def test_the_latest_event_stands(log: AnomalyLog) -> None:
    (raised,) = await log.raise_(HOME, [MANUAL], NOON)
    failed = await log.change(raised, State.FAILED, NOON + DAY, "no network")
    assert (await log.anomaly(HOME, raised.id)) == failed
    assert failed.open
    acted = await log.change(failed, State.ACTED, NOON + 2 * DAY, "read again")
    assert await log.anomalies(HOME) == (acted,)
    assert (acted.open, acted.note, acted.raised_at) == (False, "read again", NOON)


async def test_it_is_named_by_the_beginning_of_its_id(log: AnomalyLog) -> None:
    first, second = await log.raise_(HOME, [POOL, LATE], NOON)
    assert await log.anomaly(HOME, first.id) == first
    shared = first.id[:8]
    assert second.id.startswith(shared)
    for wrong in (shared, "nothing"):
        with pytest.raises(UsageError):
            await log.anomaly(HOME, wrong)
    with pytest.raises(UsageError):
        await log.anomaly(WORK, first.id)


async def test_nothing_is_rewritten(stores: Stores, log: AnomalyLog) -> None:
    await log.raise_(HOME, [POOL], NOON)
    with pytest.raises(StoreError, match="append-only"):
        async with stores.database.write() as connection:
            await connection.execute(update(tables.anomaly_events).values(state="dismissed"))


async def test_the_same_is_raised_again_after_its_cool_down_only(log: AnomalyLog) -> None:
    (raised,) = await log.raise_(HOME, [POOL], NOON)
    known = [await log.change(raised, State.DISMISSED, NOON + DAY)]
    cool_down = RULES[Kind.RETRIEVAL].cool_down
    assert fresh([POOL, LATE], known, NOON + cool_down - DAY) == (LATE,)
    assert fresh([POOL], known, NOON + cool_down) == (POOL,)
    assert fresh([POOL], [raised], NOON + cool_down) == (), "what is open is not raised twice"


async def test_what_nobody_answers_expires(log: AnomalyLog) -> None:
    raised = await log.raise_(HOME, [POOL], NOON)
    counts_for = RULES[Kind.RETRIEVAL].counts_for
    assert list(outlived(raised, NOON + counts_for - DAY)) == []
    assert list(outlived(raised, NOON + counts_for)) == list(raised)


async def test_nothing_is_calm_while_something_disturbs(stores: Stores, log: AnomalyLog) -> None:
    raised, _ = await log.raise_(HOME, [POOL, LATE], NOON)
    said = (sentence(POOL),)
    assert await disturbances(stores.database, HOME, NOON + DAY) == said, "slow answers disturb no feedback"
    assert await disturbances(stores.database, WORK, NOON + DAY) == ()
    await log.change(raised, State.ACTED, NOON + DAY)
    assert await disturbances(stores.database, HOME, NOON + DAY + SETTLING - DAY) == said
    assert await disturbances(stores.database, HOME, NOON + DAY + SETTLING) == ()


async def test_what_is_dismissed_disturbs_nothing(stores: Stores, log: AnomalyLog) -> None:
    (raised,) = await log.raise_(HOME, [POOL], NOON)
    await log.change(raised, State.DISMISSED, NOON + DAY)
    assert await disturbances(stores.database, HOME, NOON + DAY) == ()


def test_every_kind_has_its_rule_and_its_words() -> None:
    figures = {"now": 1, "before": 1, "count": 1, "difference": "number"}
    for kind in Kind:
        assert RULES[kind].cool_down >= DAY
        assert "{" not in sentence(Found(kind=kind, subject="pool", figures=figures))
