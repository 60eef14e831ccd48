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
from typing import Final

from platformdirs import user_cache_path

from agent.errors import LorekeeperError
from agent.runtime import open_installation
from agent.settings import Settings
from bot.sample import is_loaded, load_sample
from tests.discord.household import open_household
from tests.discord.loopback import Loopback
from tests.discord.page.site import Site

_INTERRUPTED: Final = 130
_DATA: Final = user_cache_path("lorekeeper") / "demo"
"""Apart from what the owner keeps, and outside of the checkout."""

_COMMANDS: Final = "loopback-commands.json"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.discord", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="of REST, gateway and CDN; a free one by default")
    parser.add_argument("--page-port", type=int, default=8400, help="of the page (default: 8400)")
    parser.add_argument("--bot", action="store_true", help="start the real bot too")
    parser.add_argument(
        "--data", type=Path, default=_DATA, help="folder of what outlives a start (default: %(default)s)"
    )
    try:
        return asyncio.run(_serve(parser.parse_args()))
    except KeyboardInterrupt:
        return _INTERRUPTED
    except (OSError, LorekeeperError) as error:
        print(error, file=sys.stderr)
        return 1


async def _serve(options: argparse.Namespace) -> int:
    async with AsyncExitStack() as stack:
        loopback = await stack.enter_async_context(
            await open_household(options.port, options.data / _COMMANDS)
        )
        site = Site(loopback, port=options.page_port)
        await site.start()
        stack.push_async_callback(site.stop)
        environment = bot_environment(loopback)
        if not options.bot:
            _tell("A bot connects with:", *(f"  {name}={value}" for name, value in environment.items()))
            _tell(f"The guild as its members see it: {site.url}")
            await _stop_signal().wait()
            return 0
        await _load_sample(options.data)
        bot = await _start_bot({**environment, "LOREKEEPER_DATA_DIR": str(options.data)})
        stack.push_async_callback(_stop_bot, bot)
        _tell(f"The guild as its members see it: {site.url} (Ctrl-C ends)")
        return await _until_stopped(bot)


def bot_environment(loopback: Loopback) -> Mapping[str, str]:
    """The loopback's address and token; Household shares the knowledge of the terminal."""
    return {"LOREKEEPER_DISCORD_LOCAL_GUILD": str(loopback.guild.id), **loopback.server.environment}


def _tell(*lines: str) -> None:
    print(*lines, sep="\n", flush=True)


async def _load_sample(data: Path) -> None:
    """The household's knowledge, once; a later start finds it there."""
    settings = Settings(data_dir=data)
    if is_loaded(settings):
        return
    async with open_installation(settings) as installation:
        await load_sample(installation)


async def _start_bot(environment: Mapping[str, str]) -> asyncio.subprocess.Process:
    command = (sys.executable, "-m", "bot", "run")
    return await asyncio.create_subprocess_exec(*command, env={**os.environ, **environment})


async def _stop_bot(bot: asyncio.subprocess.Process) -> None:
    """SIGTERM, as a service manager does; the bot finishes what it is saying."""
    if bot.returncode is None:
        bot.terminate()
        await bot.wait()


def _stop_signal() -> asyncio.Event:
    """Set by Ctrl-C or SIGTERM, which no longer end this process by themselves."""
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    return stopped


async def _until_stopped(bot: asyncio.subprocess.Process) -> int:
    """Ends with the bot, whose exit status it takes, or with Ctrl-C."""
    stopped = _stop_signal()
    asked, ended = asyncio.create_task(stopped.wait()), asyncio.create_task(bot.wait())
    await asyncio.wait({asked, ended}, return_when=asyncio.FIRST_COMPLETED)
    asked.cancel()
    return ended.result() if ended.done() else 0


if __name__ == "__main__":
    sys.exit(main())
