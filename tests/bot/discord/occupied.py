"""Holding questions back, so that a test can act while they wait."""

from __future__ import annotations

from contextlib import ExitStack

from agent.contracts import GuildId, MemberId
from tests.bot.discord.conftest import Stage


def occupied(stage: Stage) -> ExitStack:
    """Hold every place where answers are made, until the block ends."""
    places = ExitStack()
    for number in range(stage.installation.settings.discord_answers_at_once):
        places.enter_context(stage.bot.desk.queue.enter(GuildId("1"), MemberId(f"holder {number}")))
    return places
