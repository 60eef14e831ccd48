"""Reads a channel or a thread page by page.

Each page is kept, with the position where it ends, before the next is asked for; whoever is killed in between
goes on from there.

It is made to be in nobody's way: pages come no faster than `page_seconds`, and while questions are answered
it waits.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import discord

from agent.contracts import Category, GuildId, MemberId
from agent.ingest.making import source_id
from bot.history.building import Builder
from bot.history.comparing import compared
from bot.history.grouping import grouped, quiet_before
from bot.history.reading import PAGE, Readable, link_of, may_read, page_after, place_of, said_on
from bot.state.config import GuildConfig
from bot.state.history import HistoryState
from bot.state.records import Place

PAGE_SECONDS: Final = 0.5
"""Between two pages, of which Discord allows some 50 in a second."""
_ANSWERING_SECONDS: Final = 10.0
"""How long a page waits while questions are answered, so that a busy guild is read at last."""


class UnreadableError(Exception):
    """The bot may not read the place any longer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What reading is told of its guild."""

    discord_guild: int
    me: int
    config: GuildConfig
    categories: Sequence[Category]
    refused: frozenset[MemberId]

    def place(self, found: Readable, guild: GuildId, *, floor: int) -> Place:
        """A channel or thread that was not read yet."""
        return place_of(found, guild, self.config, self.categories, floor=floor)


async def questions_first(is_answering: Callable[[], bool]) -> None:
    """Wait while questions are answered, but not for ever."""
    deadline = time.monotonic() + _ANSWERING_SECONDS
    while is_answering() and time.monotonic() < deadline:  # noqa: ASYNC110
        await asyncio.sleep(0.05)


class PlaceReader:
    """Reads one place after the other, on the same terms."""

    def __init__(
        self,
        history: HistoryState,
        builder: Builder,
        terms: Terms,
        *,
        give_way: Callable[[], Awaitable[None]],
        moved: Callable[[int, int], None] = lambda read, made: None,
        page_seconds: float = PAGE_SECONDS,
    ) -> None:
        """`give_way` is awaited before each page and each source; `moved` hears how many messages were looked
        at and how many sources were made since it heard last.
        """
        self._history = history
        self._builder = builder
        self._terms = terms
        self._give_way = give_way
        self._moved = moved
        self._page_seconds = page_seconds
        self._next_page = 0.0

    async def read_new(self, found: Readable, place: Place) -> Place:
        """Read what came after what was read, and make the conversations that ended meanwhile.

        Raises `UnreadableError` and what Discord, the stores and the models raise.
        """
        full = True
        while full:
            page = await self._page(found, place.read_to)
            full = len(page) == PAGE
            if page:
                moved = replace(place, read_to=page[-1].id)
                kept = await self._history.kept(place, place.read_to, page[-1].id)
                await self._keep(place, moved, page, kept)
                place = moved
                await self.make(place, upto=quiet_before(place.read_to))
        return place

    async def read_again(self, found: Readable, place: Place) -> Place:
        """Read what may have changed of what was read before, and keep it as it is now. Raises the same."""
        while place.checked < place.check_to:
            page = [each for each in await self._page(found, place.checked) if each.id <= place.check_to]
            end = page[-1].id if len(page) == PAGE else place.check_to
            kept = await self._history.kept(place, place.checked, end)
            moved = replace(place, checked=end)
            await self._keep(place, moved, page, kept)
            place = moved
        return place

    async def make(self, place: Place, upto: int | None = None) -> None:
        """Make the sources of the conversations that ended; without `upto`, of all."""
        while stale := await self._history.stale(place.guild, place=place.place, upto=upto):
            for each in stale:
                await self._give_way()
                await self._builder.make(each, self._terms.discord_guild)
                self._moved(0, 1)

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
        self._moved(len(page), 0)

    async def _page(self, found: Readable, position: int) -> list[discord.Message]:
        await self._give_way()
        await asyncio.sleep(max(0.0, self._next_page - time.monotonic()))
        self._next_page = time.monotonic() + self._page_seconds
        page = await page_after(found, position)
        # An empty page is the end of the history, or that of the permission to read it.
        if not may_read(found):
            raise UnreadableError
        return page
