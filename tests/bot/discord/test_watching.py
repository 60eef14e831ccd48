"""What those that watch the running bot see of it."""

from __future__ import annotations

import json
from contextlib import ExitStack
from types import SimpleNamespace
from typing import Any

import discord
import pytest

from agent.contracts import LOCAL_GUILD, LOCAL_MEMBER
from agent.errors import LorekeeperError, StoreBusyError
from agent.observing.metrics import REGISTRY, Queue
from bot.errors import _said
from bot.health import Readiness
from bot.running import readiness_checks
from tests.bot.conftest import Start
from tests.bot.discord.conftest import Stage

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_the_bot_is_ready_while_it_is_connected(stage: Stage) -> None:
    checks = readiness_checks(stage.bot)
    found = await Readiness(checks).parts()
    assert {name: part.ready for name, part in found.items()} == {
        "database": True,
        "knowledge": True,
        "discord": True,
    }
    await stage.stop()
    with pytest.raises(LorekeeperError, match="Discord is not connected"):
        await checks["discord"]()


async def test_its_queues_are_seen(stage: Stage) -> None:
    depth = {queue: REGISTRY.get_sample_value("lorekeeper_queue_depth", {"queue": queue}) for queue in Queue}
    assert depth == {Queue.QUESTIONS: 0, Queue.LATE: 0}
    places = stage.bot.settings.discord_answers_at_once
    with ExitStack() as standing:
        for _ in range(places + 1):
            standing.enter_context(stage.bot.desk.queue.enter(LOCAL_GUILD, LOCAL_MEMBER))
        assert REGISTRY.get_sample_value("lorekeeper_queue_depth", {"queue": "questions"}) == 1


async def test_no_word_that_passes_through_discord_is_logged(stage: Stage, start: Start) -> None:
    read = start()
    await stage.answer_to(await stage.loopback.member("ana").asks("general", "What is a zyxw?"))
    loggers = {json.loads(line)["logger"] for line in read().splitlines()}
    assert {"discord.gateway", "discord.http"} <= loggers
    assert "zyxw" not in read().casefold()


async def test_an_interaction_that_fails_is_counted() -> None:
    labels = {"type": "StoreBusyError", "where": "interaction"}
    before = REGISTRY.get_sample_value("lorekeeper_errors_total", labels) or 0
    interaction: Any = SimpleNamespace(locale=discord.Locale.british_english)
    assert "Busy." in _said(interaction, StoreBusyError("Busy."))
    assert REGISTRY.get_sample_value("lorekeeper_errors_total", labels) == before + 1
