"""`lorekeeper anomalies`: listed, looked for, dismissed."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from agent.contracts import LOCAL_GUILD, Category, Slug
from agent.runtime import open_stores
from agent.settings import Settings
from tests.bot.conftest import Command
from tuning.anomalies.anomaly import Anomaly, Found, Kind, State
from tuning.anomalies.log import AnomalyLog

FOUND = (
    Found(kind=Kind.RETRIEVAL, subject="pool", figures={"now": 60, "before": 5, "count": 12}),
    Found(kind=Kind.LATENCY, figures={"now": 9.5, "before": 2.0}),
)


@pytest.fixture
def raised(tmp_path: Path) -> tuple[Anomaly, ...]:
    """Two anomalies, of which the first was mended."""

    async def seed() -> tuple[Anomaly, ...]:
        async with open_stores(Settings(data_dir=tmp_path / "data")) as stores:
            await stores.catalog.put_category(LOCAL_GUILD, Category(slug=Slug("pool"), name="The Pool"))
            log, now = AnomalyLog(stores.database), datetime.now(UTC) - timedelta(days=1)
            first, second = await log.raise_(LOCAL_GUILD, FOUND, now)
            await log.change(first, State.ACTED, now, "sources back in the index: 2")
            return first, second

    return asyncio.run(seed())


def test_a_list_for_people(command: Command, raised: tuple[Anomaly, ...]) -> None:
    ran = command("anomalies")
    assert ran.code == 0
    latest, mended = ran.lines
    assert latest.startswith(raised[1].id)
    assert "raised\tAnswers take 9.5 seconds, 2.0 before" in latest
    assert "acted\tSearches in The Pool find too little" in mended
    assert mended.endswith("sources back in the index: 2")
    assert "1 open of 2." in ran.err


def test_a_list_for_scripts(command: Command, raised: tuple[Anomaly, ...]) -> None:
    listed = command("anomalies", "--json").json
    assert [(each["found"]["kind"], each["state"]) for each in listed] == [
        ("latency", "raised"),
        ("retrieval", "acted"),
    ]


def test_one_is_dismissed_once(command: Command, raised: tuple[Anomaly, ...]) -> None:
    assert command("anomalies", "dismiss", raised[1].id).code == 0
    assert command("anomalies", "--json").json[0]["state"] == "dismissed"
    again = command("anomalies", "dismiss", raised[1].id)
    assert again.code != 0
    assert "settled already: dismissed" in again.err


def test_what_is_not_there_is_said(command: Command, raised: tuple[Anomaly, ...]) -> None:
    assert "No anomalies begin with zz" in command("anomalies", "dismiss", "zz").err
    assert "There is no guild 'nowhere'" in command("anomalies", "--guild", "nowhere").err


@pytest.mark.usefixtures("lent_models")
def test_looking_where_nothing_is_unusual(command: Command) -> None:
    ran = command("anomalies", "look", "--json")
    assert (ran.code, ran.json) == (0, [])
