"""The pace of calls, and what is called again, without Discord."""

from __future__ import annotations

import asyncio

import pytest

from bot.delivery import DiscordAwayError, GlobalPace, persistently


async def test_no_second_holds_more_calls_than_allowed_and_none_overtakes() -> None:
    now, begun = 0.0, list[tuple[int, float]]()

    async def sleep(seconds: float) -> None:
        nonlocal now
        now += seconds

    pace = GlobalPace(5, clock=lambda: now, sleep=sleep)

    async def call(number: int) -> None:
        await pace.wait()
        begun.append((number, now))

    await asyncio.gather(*(call(number) for number in range(12)))
    assert begun == [(number, float(number // 5)) for number in range(12)]


async def test_after_a_quiet_second_nobody_waits() -> None:
    now, slept = 0.0, list[float]()

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    pace = GlobalPace(2, clock=lambda: now, sleep=sleep)
    for moment in (0.0, 0.1, 1.5, 2.0):
        now = moment
        await pace.wait()
    assert sum(slept) == 0.0


@pytest.mark.parametrize(("failures", "calls"), [(0, 1), (2, 3)])
async def test_a_call_is_made_until_it_gets_through(failures: int, calls: int) -> None:
    made = 0

    async def call() -> str:
        nonlocal made
        made += 1
        if made <= failures:
            raise ConnectionResetError
        return "done"

    assert await persistently(call, (0.0,) * 3) == "done"
    assert made == calls


async def test_what_never_gets_through_is_told_in_one_line() -> None:
    async def call() -> None:
        raise ConnectionResetError

    with pytest.raises(DiscordAwayError, match="did not take"):
        await persistently(call, (0.0, 0.0))
