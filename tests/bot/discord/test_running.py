"""`lorekeeper run` as the process that an owner starts, stops and starts again."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tests.bot.discord.processes import START_SECONDS, bot_process, line_of, stopped
from tests.discord.loopback import Loopback

_PUMP = "When did we replace our pool pump?"


async def test_it_answers_stops_when_told_to_and_answers_what_it_missed(own_household: Path) -> None:
    async with Loopback() as loopback:
        ana = loopback.member("ana")
        async with bot_process(loopback, own_household) as process:
            assert await line_of(process) == "Connected as lorekeeper to 1 server. Ctrl-C stops."
            assert "oauth2/authorize" in await line_of(process)
            reply = await loopback.wait.reply_to(await ana.asks("general", _PUMP), 60)
            await loopback.wait.until(lambda: reply.components or None, 60)
            assert await stopped(process) == "Stopping: running answers may end first.\n"
        missed = await ana.asks("general", "Who replaced it?")
        async with bot_process(loopback, own_household) as process:
            reply = await loopback.wait.reply_to(missed, START_SECONDS)
            await loopback.wait.until(lambda: reply.components or None, 60)
            await stopped(process)
        assert len(loopback.wait.present_replies(missed)) == 1
    loopback.check()


async def test_a_token_that_discord_refuses_ends_it_with_oneline_of(own_household: Path) -> None:
    async with Loopback() as loopback, bot_process(loopback, own_household, DISCORD_TOKEN="wrong") as process:
        _, said = await asyncio.wait_for(process.communicate(), START_SECONDS)
    assert process.returncode == 2
    assert said.decode().splitlines()[0] == "lorekeeper: Discord refuses DISCORD_TOKEN."
    assert "Traceback" not in said.decode()
