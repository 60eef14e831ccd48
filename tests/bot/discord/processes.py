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

START_SECONDS = 120.0


@asynccontextmanager
async def bot_process(
    loopback: Loopback, folder: Path, *arguments: str, **changes: str
) -> AsyncIterator[asyncio.subprocess.Process]:
    """`lorekeeper run` with `arguments` and `changes` to its environment; killed at the end if it lives."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("LOREKEEPER_")}
    environment = own | {
        **loopback.server.environment,
        "LOREKEEPER_DATA_DIR": str(folder),
        "LOREKEEPER_DISCORD_LOCAL_GUILD": str(loopback.guild.id),
        "LOREKEEPER_THREADS": "1",
        **changes,
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bot", "run", *arguments, env=environment, stderr=asyncio.subprocess.PIPE
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def line_of(process: asyncio.subprocess.Process) -> str:
    """The next that it says."""
    assert process.stderr is not None
    return (await asyncio.wait_for(process.stderr.readline(), START_SECONDS)).decode().rstrip()


async def stopped(process: asyncio.subprocess.Process) -> str:
    """Stop it as `docker stop` does; return what it said."""
    process.send_signal(signal.SIGTERM)
    _, said = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 0
    return said.decode()
