"""Placeholders come before answers, within limits."""

from __future__ import annotations

import asyncio

import pytest

from bot import arrivals
from bot.arrivals import Arrivals


async def test_where_everybody_sees_something_nobody_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrivals, "LONGEST_SECONDS", 60.0)
    async with asyncio.timeout(30):
        await Arrivals().wait()


async def test_an_answer_waits_for_all_who_see_nothing_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrivals, "LONGEST_SECONDS", 60.0)
    these = Arrivals()
    with these.one():
        with these.one():
            waiting = asyncio.create_task(these.wait())
            await asyncio.sleep(0.05)
        await asyncio.sleep(0.05)
        assert not waiting.done()
    await waiting


async def test_who_never_sees_anything_holds_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrivals, "LONGEST_SECONDS", 0.01)
    these = Arrivals()
    with these.one():
        await these.wait()


async def test_a_question_that_fails_is_no_longer_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrivals, "LONGEST_SECONDS", 60.0)
    these = Arrivals()
    with pytest.raises(ValueError, match="gone"), these.one():
        raise ValueError("gone")
    await these.wait()
