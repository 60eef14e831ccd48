"""One reading of a channel with its threads, from where the last one ended: what is new, then what changed.

Each page is kept with the position where it ends before the next is asked for, and a place that is done is
marked with the run; so whatever stops a run, the same run goes on there. That is also what happens after an
error that passes: the walk begins again and finds what is done.

It is made to be in nobody's way: pages come no faster than `page_seconds`, and while questions are answered
it waits.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import aiohttp
import discord

from agent.contracts import Category, MemberId
from agent.errors import ModelError, StoreError
from agent.ingest.making import source_id
from bot.history.building import Builder
from bot.history.comparing import compared
from bot.history.grouping import grouped, quiet_before
from bot.history.reading import (
    PAGE,
    Readable,
    Root,
    link_of,
    may_read,
    page_after,
    place_of,
    said_on,
    threads_of,
)
from bot.state.config import GuildConfig
from bot.state.history import HistoryState, Place, Sync

_log = logging.getLogger(__name__)

PAGE_SECONDS: Final = 0.5
"""Between two pages, of which Discord allows some 50 in a second."""
_ANSWERING_SECONDS: Final = 10.0
"""How long a page waits while questions are answered, so that a busy guild is read at last."""
_LONGEST_WAIT: Final = 60.0
PASSING: Final = (StoreError, ModelError, discord.DiscordServerError, aiohttp.ClientError, OSError)
"""Errors after which a run goes on by itself."""


class SyncCancelledError(Exception):
    """Somebody stopped the run."""


class UnreadableError(Exception):
    """The bot may not read the place any longer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a run is. The counts are those since this process began or went on with it."""

    read: int = 0
    """Messages that were looked at."""
    made: int = 0
    """Sources that were made or brought up to date."""
    places: int = 0
    """Channels and threads that are done."""
    skipped: int = 0
    """Those that the bot may not read."""
    paused: str = ""
    """Why it waits; empty while it does not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What a run is told of its guild."""

    discord_guild: int
    me: int
    config: GuildConfig
    categories: Sequence[Category]
    refused: frozenset[MemberId]


class Syncing:
    """One run."""

    def __init__(
        self,
        sync: Sync,
        history: HistoryState,
        builder: Builder,
        *,
        root: Callable[[], Awaitable[Root]],
        terms: Callable[[], Awaitable[Terms]],
        is_answering: Callable[[], bool],
        tell: Callable[[Progress], None],
        page_seconds: float = PAGE_SECONDS,
        first_wait: float = 2.0,
    ) -> None:
        """`root` finds the channel and raises `discord.NotFound`; `first_wait` follows the first error."""
        self.sync = sync
        self._cancelled = asyncio.Event()
        self.progress = Progress()
        self._history = history
        self._builder = builder
        self._root = root
        self._terms_of = terms
        self._is_answering = is_answering
        self._tell = tell
        self._page_seconds = page_seconds
        self._first_wait = first_wait
        self._wait = first_wait
        self._next_page = 0.0
        self._terms: Terms

    def cancel(self) -> None:
        """End the run after the page or source that it is at."""
        self._cancelled.set()

    async def run(self) -> Progress:
        """Read until all is read. Raises `SyncCancelledError`; `UnreadableError`, `discord.NotFound` and
        `discord.Forbidden` of the channel itself.
        """
        while True:
            try:
                await self._walk()
                return self.progress
            except PASSING as error:
                _log.warning("the sync of channel %s waits: %s", self.sync.channel, error)
                self._show(paused=str(error))
                await self._pause()

    async def _walk(self) -> None:
        """Read the channel and each of its threads, apart from those that this run has done."""
        self._terms = await self._terms_of()
        root = await self._root()
        if not may_read(root):
            raise UnreadableError
        self._show(places=0, skipped=0)
        if not isinstance(root, discord.ForumChannel):
            await self._read(root)
        async for thread in threads_of(root):
            try:
                await self._read(thread)
            except (UnreadableError, discord.Forbidden):
                self._show(skipped=self.progress.skipped + 1)
            except discord.NotFound:
                await self._history.remove_place(self.sync.guild, thread.id)

    async def _read(self, found: Readable) -> None:
        """Bring one place up to date."""
        place = await self._begun(found)
        if not place.done:
            place = await self._read_on(found, place)
            await self._make(place)
            floor = min(place.floor, self.sync.since)
            await self._history.put_place(replace(place, done=True, floor=floor))
        self._show(places=self.progress.places + 1)

    async def _begun(self, found: Readable) -> Place:
        """The place as this run left it, or as it begins on it."""
        new = place_of(
            found, self.sync.guild, self._terms.config, self._terms.categories, floor=self.sync.since
        )
        before = await self._history.place(self.sync.guild, found.id)
        if before is not None and before.run == self.sync.run:
            return before
        if before is not None:
            new = replace(
                new,
                floor=before.floor,
                read_to=before.read_to,
                checked=min(before.floor, self.sync.since),
                check_to=before.read_to,
            )
        place = replace(new, run=self.sync.run)
        await self._history.put_place(place)
        return place

    async def _read_on(self, found: Readable, place: Place) -> Place:
        """First what is new, then what may have changed of what was read before."""
        full = True
        while full:
            page = await self._page(found, place.read_to)
            full = len(page) == PAGE
            if page:
                moved = replace(place, read_to=page[-1].id)
                kept = await self._history.kept(place, place.read_to, page[-1].id)
                await self._keep(place, moved, page, kept)
                place = moved
                await self._make(place, upto=quiet_before(place.read_to))
        while place.checked < place.check_to:
            page = [each for each in await self._page(found, place.checked) if each.id <= place.check_to]
            end = page[-1].id if len(page) == PAGE else place.check_to
            kept = await self._history.kept(place, place.checked, end)
            moved = replace(place, checked=end)
            await self._keep(place, moved, page, kept)
            place = moved
        return place

    async def _keep(
        self, place: Place, moved: Place, page: Sequence[discord.Message], kept: dict[int, str]
    ) -> None:
        """Keep what a page changes; `moved` is the place after it."""
        said = await said_on(page, self._terms.me, self._terms.refused)
        changes = compared(said, kept, read=place.read)
        talks = await self._history.talks(place, changes.new)
        keys = grouped(changes.new, talks, thread=place.thread)
        sources = {
            key: source_id(place.guild, link_of(self._terms.discord_guild, place.place, key)) for key in keys
        }
        await self._history.apply(moved, changes, keys, sources)
        self._wait = self._first_wait
        self._show(read=self.progress.read + len(page))

    async def _make(self, place: Place, upto: int | None = None) -> None:
        """Make the sources of the conversations that ended; without `upto`, of all."""
        while stale := await self._history.stale(place.guild, place=place.place, upto=upto):
            for each in stale:
                await self._give_way()
                await self._builder.make(each, self._terms.discord_guild)
                self._show(made=self.progress.made + 1)

    async def _page(self, found: Readable, position: int) -> list[discord.Message]:
        await self._give_way()
        await asyncio.sleep(max(0.0, self._next_page - time.monotonic()))
        self._next_page = time.monotonic() + self._page_seconds
        page = await page_after(found, position)
        # An empty page is the end of the history, or that of the permission to read it.
        if not may_read(found):
            raise UnreadableError
        return page

    async def _give_way(self) -> None:
        """Let questions be answered first. Raises `SyncCancelledError`."""
        deadline = time.monotonic() + _ANSWERING_SECONDS
        while self._is_answering() and time.monotonic() < deadline:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        if self._cancelled.is_set():
            raise SyncCancelledError

    async def _pause(self) -> None:
        """Wait a while, each time longer, but not for somebody who wants it stopped."""
        wait, self._wait = self._wait, min(2 * self._wait, _LONGEST_WAIT)
        try:
            await asyncio.wait_for(self._cancelled.wait(), wait)
        except TimeoutError:
            return
        raise SyncCancelledError

    def _show(self, *, paused: str = "", **changed: int) -> None:
        self.progress = replace(self.progress, paused=paused, **changed)
        self._tell(self.progress)
