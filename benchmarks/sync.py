"""Reading the history of a channel: messages a second, and whether memory stays where it was.

`python -m benchmarks.sync [messages [kept]]`. discord.py reads a loopback Discord in this process, over a
socket, whose history is made page by page when it is asked for. First `messages` (500,000) are read, grouped
and kept in SQLite, and their sources are only crossed out: embedding them would take hours. Then `kept`
(2,000) go all the way into an index, with the real embedder. Both run without the pause between two pages
that the bot makes.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import discord

from agent.contracts import LOCAL_GUILD
from agent.ids import new_id
from agent.runtime import Installation, open_installation, open_stores
from agent.settings import load_settings
from benchmarks.report import Goal, Report, Section, publish
from bot.client import intents, point_discord_at
from bot.history.building import Builder
from bot.history.place_reader import PAGE_SECONDS, Terms
from bot.history.reading import Root
from bot.history.syncing import Progress, Syncing
from bot.state.config import GuildConfig
from bot.state.history import HistoryState
from bot.state.records import Stale, Sync
from tests.discord.loopback import Loopback
from tests.discord.model import User
from tests.discord.past import GeneratedPast

MESSAGES, KEPT = 500_000, 2_000
GOAL_MB: Final = 50.0
_CHANNEL: Final = "pool"
_PEOPLE: Final = 20
_TEXT: Final = (
    "the pump hums since the filter was changed on monday and nobody knows which valve was left open while "
    "the heater ran all night but the meter says that chlorine is fine so ask the neighbour about the timer"
)
_SAMPLES: Final = 10


class CrossedOut(Builder):
    """Makes no source, so that what is measured is all the rest."""

    def __init__(self, history: HistoryState) -> None:
        self._kept = history

    async def make(self, stale: Stale, discord_guild: int) -> None:
        await self._kept.made(stale, empty=False)


@dataclass(slots=True)
class Measured:
    """Resident memory at every tenth of a run, in MB."""

    total: int
    started: float = field(default_factory=time.perf_counter)
    memory: list[float] = field(default_factory=list)
    made: int = 0
    spent: float = 0.0
    """Seconds of the whole run."""

    def tell(self, progress: Progress) -> None:
        self.made = progress.made
        if progress.read >= len(self.memory) * self.total / _SAMPLES:
            self.memory.append(_resident_mb())


async def main() -> None:
    given = [int(each) for each in sys.argv[1:]]
    messages, kept = given + [MESSAGES, KEPT][len(given) :]
    with tempfile.TemporaryDirectory() as folder:
        async with open_stores(load_settings(None, data_dir=Path(folder))) as stores:
            history = HistoryState(stores.database)
            alone = await _read(history, CrossedOut(history), messages)
    with tempfile.TemporaryDirectory() as folder:
        async with open_installation(load_settings(None, data_dir=Path(folder))) as installation:
            whole = await _read_whole(installation, kept)
    publish(_report(messages, alone, kept, whole))


async def _read_whole(installation: Installation, count: int) -> Measured:
    history = HistoryState(installation.stores.database)
    builder = Builder(installation.ingestor, history, installation.settings.zone)
    return await _read(history, builder, count)


async def _read(history: HistoryState, builder: Builder, count: int) -> Measured:
    """Read a channel of so many messages from its beginning to its end."""
    async with _connected(count) as (client, root):
        measured = Measured(count)
        me = client.user
        assert me is not None

        async def channel() -> Root:
            return root

        async def terms() -> Terms:
            return Terms(
                discord_guild=root.guild.id,
                me=me.id,
                config=GuildConfig(),
                categories=(),
                refused=frozenset(),
            )

        sync = Sync(guild=LOCAL_GUILD, channel=root.id, run=new_id(), since=0, report_channel=0)
        syncing = Syncing(
            sync,
            history,
            builder,
            root=channel,
            terms=terms,
            is_answering=lambda: False,
            tell=measured.tell,
            page_seconds=0.0,
        )
        progress = await syncing.run()
        measured.memory.append(_resident_mb())
        measured.spent = time.perf_counter() - measured.started
        assert progress.read == count
        return measured


@asynccontextmanager
async def _connected(count: int) -> AsyncIterator[tuple[discord.Client, discord.TextChannel]]:
    """A client in a guild whose channel has so many messages."""
    async with Loopback() as loopback:
        people = [loopback.member(f"member {number}").user for number in range(_PEOPLE)]
        channel = loopback.guild.channel(_CHANNEL)
        channel.messages = GeneratedPast(channel, count, lambda number: _said(people, number))
        loopback.limits.enabled = False
        point_discord_at(loopback.server.base_url)
        client = discord.Client(intents=intents(message_content=True), guild_ready_timeout=0.05)
        await client.login(loopback.world.application.token)
        running = asyncio.create_task(client.connect())
        await client.wait_until_ready()
        root = client.get_channel(channel.id)
        assert isinstance(root, discord.TextChannel)
        try:
            yield client, root
        finally:
            await client.close()
            await running


def _said(people: list[User], number: int) -> tuple[User, str]:
    """Who says what: a conversation of a dozen messages, of three people each."""
    author = people[(number // 12 * 3 + number % 3) % len(people)]
    begin = number * 7 % (len(_TEXT) - 100)
    words = _TEXT[begin : begin + 20 + number % 80]
    return author, f"{words} {number}."


def _report(messages: int, alone: Measured, kept: int, whole: Measured) -> Report:
    # The first tenth fills what stays: pools, caches, the modules that are loaded late.
    grown = alone.memory[-1] - alone.memory[1]
    pages = messages / 100
    rows = [
        _row("read, grouped, kept in SQLite", messages, alone),
        _row("and made into sources, embedded", kept, whole),
    ]
    span = f"from {messages // _SAMPLES:,} to {messages:,} messages"
    text = f"Memory grows by less than {GOAL_MB:.0f} MB {span}"
    return Report(
        name="sync",
        title="Reading the history of a channel",
        sections=[
            Section(
                title="One channel",
                columns=list(rows[0]),
                rows=rows,
                note=f"The bot waits {PAGE_SECONDS:g} s between two pages of 100: {messages:,} messages take "
                f"it {pages * PAGE_SECONDS / 60:.0f} minutes or more. Messages come a minute apart, and a "
                "conversation ends after 200. The second row embeds on the processor, which is what a sync "
                "of many messages waits for. No message has the speaker of the one before it, so each is a "
                "passage of its own: the worst case.",
            )
        ],
        goals=[Goal(text=text, reached=grown < GOAL_MB, note=f"{grown:.1f} MB")],
        figures={
            "messages_per_s": messages / alone.spent,
            "kept_per_s": kept / whole.spent,
            "memory_mb": alone.memory,
        },
    )


def _row(what: str, count: int, measured: Measured) -> dict[str, Any]:
    return {
        "what": what,
        "messages": f"{count:,}",
        "conversations": f"{measured.made:,}",
        "seconds": f"{measured.spent:.0f}",
        "messages/s": f"{count / measured.spent:,.0f}",
        "memory, MB": f"{measured.memory[1]:.0f} to {measured.memory[-1]:.0f}",
    }


def _resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


if __name__ == "__main__":
    asyncio.run(main())
