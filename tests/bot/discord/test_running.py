"""`lorekeeper run` as the process that an owner starts, stops and starts again."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.discord.loopback import Loopback

_PUMP = "When did we replace our pool pump?"
_START_SECONDS = 120.0


@asynccontextmanager
async def _process(
    loopback: Loopback, folder: Path, **changes: str
) -> AsyncIterator[asyncio.subprocess.Process]:
    own = {name: value for name, value in os.environ.items() if not name.startswith("LOREKEEPER_")}
    environment = own | {
        **loopback.server.environment,
        "LOREKEEPER_DATA_DIR": str(folder),
        "LOREKEEPER_DISCORD_LOCAL_GUILD": str(loopback.guild.id),
        "LOREKEEPER_THREADS": "1",
        **changes,
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bot", "run", env=environment, stderr=asyncio.subprocess.PIPE
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def _line(process: asyncio.subprocess.Process) -> str:
    assert process.stderr is not None
    return (await asyncio.wait_for(process.stderr.readline(), _START_SECONDS)).decode().rstrip()


async def _stopped(process: asyncio.subprocess.Process) -> str:
    """Stop it as `docker stop` does; return what it said."""
    process.send_signal(signal.SIGTERM)
    _, said = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 0
    return said.decode()


async def test_it_answers_stops_when_told_to_and_answers_what_it_missed(own_household: Path) -> None:
    async with Loopback() as loopback:
        ana = loopback.member("ana")
        async with _process(loopback, own_household) as process:
            assert await _line(process) == "Connected as lorekeeper to 1 servers. Ctrl-C stops."
            assert "oauth2/authorize" in await _line(process)
            reply = await loopback.wait.reply_to(await ana.asks("general", _PUMP), 60)
            await loopback.wait.until(lambda: reply.components or None, 60)
            assert await _stopped(process) == "Stopping: running answers may end first.\n"
        missed = await ana.asks("general", "Who replaced it?")
        async with _process(loopback, own_household) as process:
            reply = await loopback.wait.reply_to(missed, _START_SECONDS)
            await loopback.wait.until(lambda: reply.components or None, 60)
            await _stopped(process)
        assert len(loopback.wait.present_replies(missed)) == 1
    loopback.check()


async def test_a_token_that_discord_refuses_ends_it_with_one_line(own_household: Path) -> None:
    async with Loopback() as loopback, _process(loopback, own_household, DISCORD_TOKEN="wrong") as process:
        _, said = await asyncio.wait_for(process.communicate(), _START_SECONDS)
    assert process.returncode == 2
    assert said.decode().splitlines()[0] == "lorekeeper: Discord refuses DISCORD_TOKEN."
    assert "Traceback" not in said.decode()
