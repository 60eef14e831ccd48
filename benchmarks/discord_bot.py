"""A bot process on the loopback Discord, unchanged and as its owner starts it, and what members see of it.

Times are read where the message exists: a question's before it goes to the socket, a reply's when its request
was carried out. So the loopback's own work is counted as the bot's.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from agent.settings import PREFIX, UNPREFIXED, variable
from benchmarks.store import percentiles
from tests.discord.events import Event
from tests.discord.loopback import Loopback
from tests.discord.model import Channel, Guild, Message

LIMITS: Final = "Discord's own rate limits hold."
_START_SECONDS: Final = 120.0
_STOP_SECONDS: Final = 90.0
_STATUSES: Final = ("🔎", "⏳", "⏸️")


class BotProcess:
    """One program that connects to the loopback; may be started again after each end."""

    def __init__(
        self, loopback: Loopback, folder: Path, command: Sequence[str], environment: Mapping[str, str]
    ) -> None:
        """`folder` is where it runs and where its standard error goes."""
        self._loopback = loopback
        self._folder = folder
        self._command = command
        self._environment = environment
        self._process: asyncio.subprocess.Process | None = None
        self.starts = 0

    async def start(self) -> None:
        """Return when Discord serves a session of it. Raises `RuntimeError` with the end of what it said when
        it ends instead.
        """
        said = self._folder / "bot.stderr"
        with said.open("ab") as errors:
            self._process = await asyncio.create_subprocess_exec(
                *self._command, env=dict(self._environment), cwd=self._folder, stderr=errors, stdout=errors
            )
        self.starts += 1
        ended = asyncio.create_task(self._process.wait())
        connected = asyncio.create_task(self._loopback.connected(_START_SECONDS))
        await asyncio.wait({ended, connected}, return_when=asyncio.FIRST_COMPLETED)
        if ended.done():
            connected.cancel()
            raise RuntimeError(f"The bot did not start: {said.read_text('utf-8')[-2000:]}")
        ended.cancel()
        await connected

    async def stop(self) -> None:
        """SIGTERM, as a service manager sends it."""
        await self._end(signal.SIGTERM)

    async def kill(self) -> None:
        await self._end(signal.SIGKILL)

    @property
    def memory_mb(self) -> float:
        """Resident memory, by Linux's own count."""
        assert self._process is not None
        status = Path(f"/proc/{self._process.pid}/status").read_text("ascii")
        line = next(line for line in status.splitlines() if line.startswith("VmRSS:"))
        return int(line.split()[1]) / 1024

    @property
    def cpu_ms(self) -> float:
        """Processor time since its start, in user and system mode, by Linux's own count."""
        assert self._process is not None
        # The name, in parentheses, may hold anything.
        counts = Path(f"/proc/{self._process.pid}/stat").read_text("utf-8").rpartition(")")[2].split()
        return (int(counts[11]) + int(counts[12])) * 1000 / os.sysconf("SC_CLK_TCK")

    async def _end(self, number: int) -> None:
        if self._process is None or self._process.returncode is not None:
            return
        self._process.send_signal(number)
        try:
            await asyncio.wait_for(self._process.wait(), _STOP_SECONDS)
        except TimeoutError:
            self._process.kill()
            await self._process.wait()
            raise
        gone = self._loopback.gateway
        await self._loopback.wait.until(lambda: not gone.connected, what="the gateway to see the end")


def lorekeeper(loopback: Loopback, folder: Path, **settings: Any) -> BotProcess:
    """`lorekeeper run` with its data in `folder`; `settings` as in agent.settings."""
    environment = clean_environment() | dict(loopback.server.environment)
    environment |= {variable(name): str(value) for name, value in settings.items()}
    environment[variable("data_dir")] = str(folder)
    return BotProcess(
        loopback, folder, [str(Path(sys.executable).with_name("lorekeeper")), "run"], environment
    )


def clean_environment() -> dict[str, str]:
    """This process's environment without any setting of Lorekeeper."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(PREFIX) and name.lower() not in UNPREFIXED
    }


class Replies:
    """The bot's replies by the message that they answer; whoever waits for one is woken by its events."""

    def __init__(self, loopback: Loopback) -> None:
        self._bot = loopback.bot
        self._changed: dict[int, asyncio.Event] = defaultdict(asyncio.Event)
        self.to: dict[int, list[Message]] = defaultdict(list)
        loopback.world.events.listen(self._heard)

    async def first(self, question: Message, found: Callable[[Message], bool], within: float) -> Message:
        """The first reply to a question, once `found` holds for it; `TimeoutError` says what stands there."""
        replies, changed = self.to[question.id], self._changed[question.id]
        try:
            async with asyncio.timeout(within):
                while not (replies and found(replies[0])):
                    changed.clear()
                    await changed.wait()
        except TimeoutError:
            shown = [reply.content[:200] for reply in replies]
            raise TimeoutError(f"After {within:g} s {question.content!r} has the replies {shown}") from None
        return replies[0]

    def _heard(self, event: Event) -> None:
        message = event.message
        if message is None or message.author is not self._bot or message.reference is None:
            return
        if event.name == "MESSAGE_CREATE":
            self.to[message.reference.message_id].append(message)
        self._changed[message.reference.message_id].set()


def has_buttons(reply: Message) -> bool:
    """Lorekeeper's answers end with their buttons."""
    return bool(reply.components)


def says_something(reply: Message) -> bool:
    """More than that it is being worked on."""
    return not reply.content.startswith(_STATUSES)


def milliseconds(question: Message, reply: Message) -> float:
    """From the question to the first sight of its reply."""
    return (reply.created - question.created).total_seconds() * 1000


def first_words_ms(question: Message, reply: Message) -> float:
    """From the question to the first sight of words of the answer itself."""
    seen = (
        at for at, text in zip(reply.shown, reply.versions, strict=True) if not text.startswith(_STATUSES)
    )
    return (next(seen) - question.created).total_seconds() * 1000


def add_channels(loopback: Loopback, guild: Guild, count: int) -> list[Channel]:
    """Text channels of a guild in which anybody may ask, `count` in all; made before the bot connects."""
    there = [loopback.channel(name, guild=guild) for name in ("general", "pool", "car")][:count]
    more = range(len(there), count)
    return [*there, *(loopback.world.add_channel(guild, f"topic-{number}") for number in more)]


def both(values: Sequence[float]) -> str:
    """Median and 95th percentile, for a table."""
    return "{p50:.0f} / {p95:.0f}".format(**percentiles(list(values)))
