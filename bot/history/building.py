"""The sources of conversations: made of the messages that are kept, so Discord is not asked again."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import tzinfo
from itertools import groupby
from typing import TYPE_CHECKING

import discord

from agent.contracts import SourceKind
from agent.ingest.chunking import TARGET
from agent.ingest.conversations import Conversation, Turn
from bot.history.reading import link_of
from bot.state.history import HistoryState
from bot.state.records import Kept, Place, Stale

if TYPE_CHECKING:
    from agent.ingest.pipeline import Ingestor


class Builder:
    """Makes one source at a time. Raises `StoreError`, `ModelError`; what was not made stays stale."""

    def __init__(self, ingestor: Ingestor, history: HistoryState, zone: tzinfo) -> None:
        self._ingestor = ingestor
        self._history = history
        self._zone = zone
        self._turn = asyncio.Lock()

    async def make(self, stale: Stale, discord_guild: int) -> None:
        """Bring the source of a conversation up to date; it goes with its last message."""
        async with self._turn:
            kept = await self._history.messages_of(stale.guild, stale.conversation)
            place = await self._history.place(stale.guild, stale.place)
            if place is None or not kept:
                await self._ingestor.remove(stale.guild, [stale.source])
                if place is None:
                    # A page that was on its way when the place was removed.
                    await self._history.remove_conversation(stale.guild, stale.source)
                else:
                    await self._history.made(stale, empty=True)
                return
            conversation = conversation_of(stale, kept, place, discord_guild, self._zone)
            await self._ingestor.keep_conversation(stale.guild, conversation, category=place.category)
            await self._history.made(stale, empty=False)


def conversation_of(
    stale: Stale, kept: Sequence[Kept], place: Place, discord_guild: int, zone: tzinfo
) -> Conversation:
    """The conversation as its source is made of it."""
    return Conversation(
        uri=link_of(discord_guild, stale.place, stale.conversation),
        kind=SourceKind.THREAD if place.thread else SourceKind.CHANNEL,
        title=place.title,
        location=place.location,
        visibility=place.visibility,
        turns=[
            Turn(
                member=run[0].member,
                name=run[0].name,
                text="\n".join(each.words for each in run),
                link=link_of(discord_guild, stale.place, run[0].message),
                on=discord.utils.snowflake_time(run[0].message).astimezone(zone).date(),
            )
            for run in turns_of(kept)
        ],
    )


def turns_of(kept: Sequence[Kept]) -> list[list[Kept]]:
    """Messages of one member that follow each other, as many as fit into one passage."""
    turns: list[list[Kept]] = []
    for _, run in groupby(kept, key=lambda each: (each.member, each.name)):
        size = TARGET + 1
        for each in run:
            size += 1 + len(each.words)
            if size > TARGET:
                turns.append([])
                size = len(each.words)
            turns[-1].append(each)
    return turns
