"""What counts as missed, by Discord's ids alone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from bot.missed import missed_after
from tests.bot.discord.conftest import Stage
from tests.discord.snowflake import snowflake_at

_PUMP = "When did we replace our pool pump?"
_NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("last", "newest", "read_from"),
    [
        (timedelta(0), timedelta(hours=2), timedelta(minutes=-1)),
        (timedelta(0), timedelta(0), timedelta(minutes=-1)),
        (timedelta(0), timedelta(hours=23), timedelta(minutes=-1)),
        (timedelta(0), timedelta(hours=30), timedelta(hours=6)),
        (timedelta(days=-400), timedelta(0), timedelta(days=-1)),
        (timedelta(hours=1), timedelta(0), timedelta(minutes=59)),
    ],
)
def test_a_place_is_read_from_its_last_message_but_not_further_than_a_day_before_the_newest(
    last: timedelta, newest: timedelta, read_from: timedelta
) -> None:
    ids = (snowflake_at(_NOON + each) for each in (last, newest, read_from))
    assert missed_after(next(ids), next(ids)) == next(ids)


@pytest.mark.asyncio(loop_scope="session")
@pytest.mark.parametrize("ahead", [timedelta(days=3), timedelta(days=-3)])
async def test_a_machine_whose_clock_is_wrong_by_days_misses_nothing(stage: Stage, ahead: timedelta) -> None:
    stage.loopback.clock.advance(ahead.total_seconds())
    other = stage.loopback.add_guild("Elsewhere")
    eve = stage.loopback.member("eve", guild=other)
    await stage.answer_to(await eve.asks(other.channel("general"), _PUMP))
    await stage.stop()
    missed = await eve.asks(other.channel("car"), _PUMP)
    await stage.start()
    await stage.answer_to(missed)


@pytest.mark.asyncio(loop_scope="session")
async def test_a_direct_message_that_was_missed_is_answered_once(stage: Stage) -> None:
    ana = stage.loopback.member("ana")
    await stage.answer_to(await ana.direct(_PUMP))
    await stage.stop()
    missed = await ana.direct("Who replaced the pool pump?")
    await stage.start()
    await stage.answer_to(missed)
    await stage.idle()
    assert len(stage.loopback.wait.present_replies(missed)) == 1
