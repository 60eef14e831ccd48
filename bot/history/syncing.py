"""One reading of a channel with its threads, from where the last one ended: what is new, then what changed.

`place_reader.py` keeps how far a place is read, and a place that is done is marked with the run; so whatever
stops a run, the same run goes on there. That is also what happens after an error that passes: the walk begins
again and finds what is done.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Final

import aiohttp
import discord

from agent.errors import ModelError, StoreError
from bot.history.building import Builder
from bot.history.place_reader import PAGE_SECONDS, PlaceReader, Terms, UnreadableError, questions_first
from bot.history.reading import Readable, Root, may_read, threads_of
from bot.state.history import HistoryState
from bot.state.records import Place, Sync

_log = logging.getLogger(__name__)

_LONGEST_WAIT: Final = 60.0
PASSING: Final = (StoreError, ModelError, discord.DiscordServerError, aiohttp.ClientError, OSError)
"""Errors after which a run goes on by itself."""


class SyncCancelledError(Exception):
    """Somebody stopped the run."""


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
        self._terms: Terms
        self._reader: PlaceReader

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
        self._reader = PlaceReader(
            self._history,
            self._builder,
            self._terms,
            give_way=self._give_way,
            moved=self._moved,
            page_seconds=self._page_seconds,
        )
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
            place = await self._reader.read_new(found, place)
            place = await self._reader.read_again(found, place)
            await self._reader.make(place)
            floor = min(place.floor, self.sync.since)
            await self._history.put_place(replace(place, done=True, floor=floor))
        self._show(places=self.progress.places + 1)

    async def _begun(self, found: Readable) -> Place:
        """The place as this run left it, or as it begins on it."""
        new = self._terms.place(found, self.sync.guild, floor=self.sync.since)
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

    async def _give_way(self) -> None:
        """Let questions be answered first. Raises `SyncCancelledError`."""
        await questions_first(self._is_answering)
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

    def _moved(self, read: int, made: int) -> None:
        if read:
            self._wait = self._first_wait
        self._show(read=self.progress.read + read, made=self.progress.made + made)

    def _show(self, *, paused: str = "", **changed: int) -> None:
        self.progress = replace(self.progress, paused=paused, **changed)
        self._tell(self.progress)
