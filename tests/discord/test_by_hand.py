"""`python -m tests.discord` as a person starts it: it says where it is, serves, and ends when asked to."""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path

import aiohttp

ROOT = Path(__file__).parents[2]


async def test_it_says_where_it_is_and_ends_when_asked(tmp_path: Path) -> None:
    command = (sys.executable, "-m", "tests.discord", "--page-port", "0", "--data", str(tmp_path))
    process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    lines = [(await process.stdout.readline()).decode().strip() for _ in range(5)]
    environment = dict(line.split("=", 1) for line in lines[1:4])
    headers = {"Authorization": f"Bot {environment['DISCORD_TOKEN']}"}
    async with aiohttp.ClientSession() as session:
        async with session.get(environment["LOREKEEPER_DISCORD_API"] + "/users/@me", headers=headers) as me:
            assert (await me.json())["username"] == "lorekeeper"
        async with session.get(lines[4].split()[-1]) as page:
            assert "Loopback Discord" in await page.text()
    process.send_signal(signal.SIGTERM)
    assert await process.wait() == 0


async def test_an_address_in_use_is_told_in_one_line() -> None:
    taken = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
    port = taken.sockets[0].getsockname()[1]
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.discord",
        "--page-port",
        str(port),
        cwd=ROOT,
        stderr=asyncio.subprocess.PIPE,
    )
    _, errors = await process.communicate()
    taken.close()
    assert process.returncode == 1
    assert len(errors.decode().splitlines()) == 1
    assert "address already in use" in errors.decode()
