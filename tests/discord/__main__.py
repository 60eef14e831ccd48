"""`python -m tests.discord`: the loopback Discord by hand, with the page that shows it as a member sees it.

It prints what a bot needs in its environment. With `--bot` it starts `lorekeeper run` itself, which shares
the terminal's knowledge as the guild Household.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
from collections.abc import Mapping
from contextlib import AsyncExitStack
from pathlib import Path

from tests.discord.household import open_household
from tests.discord.loopback import Loopback
from tests.discord.page.site import Site


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.discord", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="of REST, gateway and CDN; a free one by default")
    parser.add_argument("--page-port", type=int, default=8400, help="of the page (default: 8400)")
    parser.add_argument("--bot", action="store_true", help="start the real bot too")
    parser.add_argument("--data", type=Path, help="the bot's data folder; LOREKEEPER_DATA_DIR by default")
    return asyncio.run(_serve(parser.parse_args()))


async def _serve(options: argparse.Namespace) -> int:
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    async with AsyncExitStack() as stack:
        loopback = await stack.enter_async_context(await open_household(options.port))
        site = Site(loopback, port=options.page_port)
        await site.start()
        stack.push_async_callback(site.stop)
        _tell(loopback, site)
        if options.bot:
            bot = await _start_bot(bot_environment(loopback, options.data))
            stack.push_async_callback(_stop_bot, bot)
            return await _until_stopped(stopped, bot)
        await stopped.wait()
        return 0


def bot_environment(loopback: Loopback, data: Path | None) -> Mapping[str, str]:
    """The loopback's address and token; Household shares the knowledge of the terminal."""
    own = {"LOREKEEPER_DISCORD_LOCAL_GUILD": str(loopback.guild.id), **loopback.server.environment}
    return own | ({"LOREKEEPER_DATA_DIR": str(data)} if data else {})


def _tell(loopback: Loopback, site: Site) -> None:
    print(f"The guild as its members see it: {site.url}")
    print("A bot connects with:")
    for name, value in bot_environment(loopback, None).items():
        print(f"  {name}={value}")
    sys.stdout.flush()


async def _start_bot(environment: Mapping[str, str]) -> asyncio.subprocess.Process:
    command = (sys.executable, "-m", "bot", "run")
    return await asyncio.create_subprocess_exec(*command, env={**os.environ, **environment})


async def _stop_bot(bot: asyncio.subprocess.Process) -> None:
    """SIGTERM, as a service manager does; the bot finishes what it is saying."""
    if bot.returncode is None:
        bot.terminate()
        await bot.wait()


async def _until_stopped(stopped: asyncio.Event, bot: asyncio.subprocess.Process) -> int:
    """Ends with the bot, whose exit status it takes, or with Ctrl-C."""
    asked, ended = asyncio.create_task(stopped.wait()), asyncio.create_task(bot.wait())
    await asyncio.wait({asked, ended}, return_when=asyncio.FIRST_COMPLETED)
    asked.cancel()
    return ended.result() if ended.done() else 0


if __name__ == "__main__":
    sys.exit(main())
