"""What is new in the channels that were read is taken in too, without anybody asking for it.

Discord tells by itself what the last message of each channel and open thread is: when the connection is made,
and with each message. A look compares that with how far they were read, and reads on where they differ; so
where nothing was said nothing is asked of Discord, and an absence is made up for like a quarter of an hour. A
thread that is closed is told of no longer: one that closes is remembered until the next look, and after an
absence the lists of closed threads are asked for, back to the last look.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import discord

from agent.contracts import GuildId
from bot.history.building import Builder
from bot.history.news import Spot, with_news
from bot.history.place_reader import PAGE_SECONDS, PlaceReader, Terms, UnreadableError, questions_first
from bot.history.reading import Readable, Root, closed_threads, may_read
from bot.history.syncing import PASSING
from bot.missed import MARGIN, newest_in
from bot.state.history import HistoryState
from bot.state.records import Sync, SyncState
from bot.threads import UNKNOWN_CHANNEL

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

_log = logging.getLogger(__name__)

EVERY: Final = timedelta(minutes=15)
"""Between two looks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Home:
    """A guild, and its name in the databases."""

    id: GuildId
    discord: discord.Guild


class Following:
    """Looks at one guild at a time. One for the process."""

    def __init__(
        self,
        history: HistoryState,
        builder: Builder,
        *,
        terms: Callable[[GuildId, discord.Guild], Awaitable[Terms]],
        is_answering: Callable[[], bool],
        reading: Callable[[GuildId], Collection[int]],
    ) -> None:
        """`reading` are the channels of a guild that a sync reads now."""
        self.page_seconds = PAGE_SECONDS
        self._history = history
        self._builder = builder
        self._terms = terms
        self._is_answering = is_answering
        self._reading = reading
        self._turns = defaultdict[GuildId, asyncio.Lock](asyncio.Lock)
        self._closed = defaultdict[int, dict[int, discord.Thread]](dict)
        """Threads of each guild that were closed since it was looked at."""
        self._absences = 0
        self._heard: dict[int, int] = {}
        """After how many absences the closed threads of a channel were listed last."""
        self._known: dict[int, int] = {}
        """After how many absences it was known last whether a channel is there."""

    def thread_closed(self, thread: discord.Thread) -> None:
        self._closed[thread.guild.id][thread.id] = thread

    def was_away(self) -> None:
        """Threads may have been closed that nobody told of."""
        self._absences += 1

    def is_looking(self, guild: GuildId) -> bool:
        return self._turns[guild].locked()

    @asynccontextmanager
    async def no_look(self, guild: GuildId) -> AsyncIterator[None]:
        """Wait for the end of a look at a guild; none begins meanwhile."""
        async with self._turns[guild]:
            yield

    async def look(self, home: Home) -> None:
        """Take in what is new in the channels of a guild that were read. What cannot be read now is left to
        the next look. Raises `StoreError`.
        """
        if home.discord.unavailable:
            return
        async with self._turns[home.id]:
            newest = newest_in(home.discord)
            closed = self._closed.pop(home.discord.id, {})
            for sync in await self._history.syncs(home.id):
                if sync.state is not SyncState.DONE:
                    # Of what is closed meanwhile nothing is remembered: it is listed once this is done.
                    self._heard.pop(sync.channel, None)
                    continue
                mine = {
                    each.id: each for each in closed.values() if sync.channel in (each.id, each.parent_id)
                }
                if not await self._followed(home, sync, mine):
                    self._closed[home.discord.id] = mine | self._closed[home.discord.id]
                elif newest > sync.followed:
                    await self._history.set_followed(home.id, sync.channel, newest)

    async def _followed(self, home: Home, sync: Sync, closed: Mapping[int, discord.Thread]) -> bool:
        """Read what is new in a channel and its threads; False when some of it is left."""
        absences = self._absences
        try:
            root = await self._root(home, sync, closed)
            if root is None or not may_read(root):
                return False
            known = {each.id: each for each in (*_open(root), *closed.values()) if may_read(each)}
            if self._heard.get(root.id) != absences:
                known |= {each.id: each async for each in closed_threads(root, _back_to(sync))}
            complete = await self._take_in(home, sync, known)
        except PASSING as error:
            _log.warning("what is new in channel %s is read later: %s", sync.channel, error)
            return False
        if complete:
            self._heard[root.id] = absences
        return complete

    async def _take_in(self, home: Home, sync: Sync, known: Mapping[int, Readable]) -> bool:
        """Read on where a channel and its threads have something new; False when a sync has one of them."""
        reading = frozenset(self._reading(home.id))
        spots = [_spot(each) for each in known.values()]
        read_to = await self._history.read_to(home.id, list(known))
        news = with_news(spots, read_to, since=sync.since, reading=reading)
        if news:
            await self._read(home, sync, [(known[spot.place], spot.newest or 0) for spot in news])
        return not any({spot.place, spot.channel} & reading for spot in spots)

    async def _root(self, home: Home, sync: Sync, closed: Mapping[int, discord.Thread]) -> Root | None:
        """The channel that was read; None while the bot cannot read it. One that was deleted meanwhile takes
        its knowledge along. After an absence Discord is asked for a thread that it does not tell of.
        """
        absences = self._absences
        found: object = home.discord.get_channel_or_thread(sync.channel) or closed.get(sync.channel)
        if found is None and self._known.get(sync.channel) != absences:
            try:
                found = await home.discord.fetch_channel(sync.channel)
            except (discord.NotFound, discord.Forbidden) as error:
                _log.info("channel %s cannot be followed: %s", sync.channel, error)
                if error.code == UNKNOWN_CHANNEL:
                    await self._history.remove_place(sync.guild, sync.channel)
        self._known[sync.channel] = absences
        return found if isinstance(found, Root) else None

    async def _read(self, home: Home, sync: Sync, news: Iterable[tuple[Readable, int]]) -> None:
        terms = await self._terms(home.id, home.discord)
        reader = PlaceReader(
            self._history,
            self._builder,
            terms,
            give_way=lambda: questions_first(self._is_answering),
            page_seconds=self.page_seconds,
        )
        for found, newest in news:
            try:
                await self._read_place(reader, terms, sync, found, newest)
            except (UnreadableError, discord.Forbidden, discord.NotFound) as error:
                _log.info("what is new in %s is not for the bot: %s", found.id, error)

    async def _read_place(
        self, reader: PlaceReader, terms: Terms, sync: Sync, found: Readable, newest: int
    ) -> None:
        """Read up to `newest` at least, and make every conversation that changed."""
        place = await self._history.place(sync.guild, found.id)
        if place is None:
            place = terms.place(found, sync.guild, floor=sync.since)
            place = replace(place, run=sync.run, done=True)
            await self._history.put_place(place)
        place = await reader.read_new(found, place)
        if place.read_to < newest:
            # It was deleted before it was read, and is not to be looked for again and again.
            place = replace(place, read_to=newest)
            await self._history.set_read_to(place)
        await reader.make(place)


def _open(root: Root) -> list[Readable]:
    """The channel itself, and its threads that Discord tells of."""
    threads = [] if isinstance(root, discord.Thread) else root.threads
    return [*threads] if isinstance(root, discord.ForumChannel) else [root, *threads]


def _spot(found: Readable) -> Spot:
    channel = found.parent_id if isinstance(found, discord.Thread) else found.id
    return Spot(place=found.id, channel=channel, newest=found.last_message_id)


def _back_to(sync: Sync) -> int:
    """The id back to which closed threads are listed: messages come in nearly, not exactly, in order."""
    return max(0, sync.followed - MARGIN)
