"""What is kept of the history of channels: how far each was read, and what was said in which conversation.

A page of the history is one transaction with the place where it ends, so a sync that is killed goes on where
it was. Every change of a message makes its conversation stale in the same transaction; whoever writes the
sources anew crosses that out afterwards. Every call raises `StoreError` only.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final

from sqlalchemy import delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from agent.contracts import GuildId, MemberId, SourceId
from agent.database import tables
from agent.database.engine import Database
from bot.history.comparing import Changes
from bot.history.grouping import Talk, quiet_before
from bot.history.said import Said
from bot.state.records import Kept, Place, Stale, Sync, SyncState

_CHUNK: Final = 500
"""Values in one IN list: databases limit the parameters of a statement."""


class HistoryState:
    """One for the process."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def put_sync(self, sync: Sync) -> None:
        await self._put(tables.bot_syncs, asdict(sync), ("guild", "channel"))

    async def sync(self, guild: GuildId, channel: int) -> Sync | None:
        columns = tables.bot_syncs.c
        return next(iter(await self._syncs((columns.guild == guild) & (columns.channel == channel))), None)

    async def syncs(self, guild: GuildId | None = None) -> tuple[Sync, ...]:
        """Those of a guild, or of all."""
        return await self._syncs(True if guild is None else tables.bot_syncs.c.guild == guild)

    async def guilds(self) -> frozenset[GuildId]:
        """Those that have channels that are read, or sources that do not show every change yet."""
        talks = tables.bot_conversations.c
        stale = select(talks.guild).where(talks.stale > 0).distinct()
        async with self._database.read() as connection:
            found = {*await connection.scalars(select(tables.bot_syncs.c.guild).distinct())}
            return frozenset(map(GuildId, found | {*await connection.scalars(stale)}))

    async def end_sync(self, guild: GuildId, channel: int, state: SyncState) -> None:
        columns = tables.bot_syncs.c
        ended = update(tables.bot_syncs).where(columns.guild == guild, columns.channel == channel)
        async with self._database.write() as connection:
            await connection.execute(ended.values(state=state))

    async def set_report(self, guild: GuildId, channel: int, message: int) -> None:
        columns = tables.bot_syncs.c
        moved = update(tables.bot_syncs).where(columns.guild == guild, columns.channel == channel)
        async with self._database.write() as connection:
            await connection.execute(moved.values(report_message=message))

    async def set_followed(self, guild: GuildId, channel: int, upto: int) -> None:
        columns = tables.bot_syncs.c
        moved = update(tables.bot_syncs).where(columns.guild == guild, columns.channel == channel)
        async with self._database.write() as connection:
            await connection.execute(moved.values(followed=upto))

    async def read_to(self, guild: GuildId, places: Sequence[int]) -> dict[int, int]:
        """How far these were read, of those that were."""
        columns = tables.bot_places.c
        query = select(columns.place, columns.read_to).where(columns.guild == guild)
        found: dict[int, int] = {}
        async with self._database.read() as connection:
            for chunk in _chunks(places):
                rows = await connection.execute(query.where(columns.place.in_(chunk)))
                found |= {row.place: row.read_to for row in rows}
        return found

    async def set_read_to(self, place: Place) -> None:
        """Keep how far a place was read where nothing of it is kept."""
        async with self._database.write() as connection:
            await connection.execute(_moved(place))

    async def place(self, guild: GuildId, place: int) -> Place | None:
        columns = tables.bot_places.c
        query = select(tables.bot_places).where(columns.guild == guild, columns.place == place)
        async with self._database.read() as connection:
            row = (await connection.execute(query)).mappings().one_or_none()
        return None if row is None else Place(**row)

    async def put_place(self, place: Place) -> None:
        await self._put(tables.bot_places, asdict(place), ("guild", "place"))

    async def kept(self, place: Place, after: int, upto: int) -> dict[int, str]:
        """The words of the messages that are kept of a stretch of a place, by their ids."""
        columns = tables.bot_messages.c
        query = select(columns.message, columns.words).where(
            _in(place), columns.message > after, columns.message <= upto
        )
        async with self._database.read() as connection:
            return {row.message: row.words for row in await connection.execute(query)}

    async def talks(self, place: Place, page: Sequence[Said]) -> tuple[Talk, ...]:
        """The conversations that a rule of grouping may find for a page; oldest messages first."""
        if not page:
            return ()
        async with self._database.read() as connection:
            if place.thread:
                rows = await _latest(connection, place, page[0].message)
            else:
                rows = await _near(connection, place, page)
            sizes = await _sizes(connection, place.guild, {row.conversation for row in rows})
        talks = {key: Talk(opened=key, size=size) for key, size in sizes.items()}
        for row in rows:
            talks[row.conversation].said[row.message] = MemberId(row.member)
        return tuple(talks.values())

    async def apply(
        self,
        place: Place,
        changes: Changes,
        keys: Sequence[int],
        sources: Mapping[int, SourceId],
    ) -> None:
        """Keep what a page changes, and how far the place was read with it, all or nothing.

        `keys` are the conversations of `changes.new`, and `sources` their sources.
        """
        last: dict[int, int] = {}
        for said, key in zip(changes.new, keys, strict=True):
            last[key] = max(last.get(key, 0), said.message)
        async with self._database.write() as connection:
            if changes.new:
                rows = [_row(place, said, key) for said, key in zip(changes.new, keys, strict=True)]
                await connection.execute(self._database.upsert(tables.bot_messages), rows)
                await self._open(connection, place, last, sources)
            for message, words in changes.edited.items():
                await _edit(connection, place.guild, message, words)
            await _remove(connection, place.guild, changes.gone)
            await connection.execute(_moved(place))
            await connection.execute(_counted(place, len(changes.new)))

    async def edit(self, guild: GuildId, message: int, words: str) -> int | None:
        """Change what a message says; return its conversation, or None when it is not kept."""
        if not await self._keeps(guild, {message}):
            return None
        async with self._database.write() as connection:
            return await _edit(connection, guild, message, words)

    async def remove(self, guild: GuildId, messages: Collection[int]) -> frozenset[int]:
        """Remove messages; return the conversations of those that were kept."""
        if not await self._keeps(guild, messages):
            return frozenset()
        async with self._database.write() as connection:
            return await _remove(connection, guild, messages)

    async def remove_members(self, guild: GuildId, members: Collection[MemberId]) -> int:
        """Remove everything that these said; return how much it was."""
        if not members:
            return 0
        columns = tables.bot_messages.c
        theirs = select(columns.message).where(columns.guild == guild, columns.member.in_(members))
        async with self._database.write() as connection:
            messages = (await connection.scalars(theirs)).all()
            await _remove(connection, guild, messages)
        return len(messages)

    async def remove_conversation(self, guild: GuildId, source: SourceId) -> None:
        """Forget the messages of a source that is removed, so that nothing makes it again."""
        columns = tables.bot_conversations.c
        query = select(columns.conversation).where(columns.guild == guild, columns.source == source)
        async with self._database.write() as connection:
            for key in (await connection.scalars(query)).all():
                await _forget_where(connection, guild, tables.bot_messages.c.conversation == key)
                await _forget_where(connection, guild, columns.conversation == key)

    async def remove_place(self, guild: GuildId, place: int) -> bool:
        """Remove all that was said in a channel with its threads, or in a thread; False for one unknown.

        Its conversations are left, stale and without messages: whoever makes sources removes those.
        """
        columns = tables.bot_places.c
        these = (columns.guild == guild) & ((columns.place == place) | (columns.channel == place))
        async with self._database.write() as connection:
            places = (await connection.scalars(select(columns.place).where(these))).all()
            for chunk in _chunks(places):
                gone = tables.bot_messages.c.place.in_(chunk)
                await _forget_where(connection, guild, gone)
                await connection.execute(_made_stale(guild, tables.bot_conversations.c.place.in_(chunk)))
                await _forget_where(connection, guild, columns.place.in_(chunk))
            await _forget_where(connection, guild, tables.bot_syncs.c.channel == place)
        return bool(places)

    async def stale(
        self,
        guild: GuildId,
        *,
        place: int | None = None,
        upto: int | None = None,
        among: Collection[int] | None = None,
        limit: int = 50,
    ) -> tuple[Stale, ...]:
        """Conversations whose sources are to be made anew; those of a place, that ended by `upto`, or `among`
        these keys.
        """
        columns = tables.bot_conversations.c
        query = select(*(column for column in columns if column.name != "last")).where(
            columns.guild == guild, columns.stale > 0
        )
        if place is not None:
            query = query.where(columns.place == place)
        if upto is not None:
            query = query.where(columns.last <= upto)
        if among is not None:
            query = query.where(columns.conversation.in_(among))
        async with self._database.read() as connection:
            rows = await connection.execute(query.order_by(columns.conversation).limit(limit))
            return tuple(Stale(**row) for row in rows.mappings())

    async def messages_of(self, guild: GuildId, conversation: int) -> tuple[Kept, ...]:
        """Oldest first."""
        columns = tables.bot_messages.c
        query = select(columns.message, columns.member, columns.name, columns.words).where(
            columns.guild == guild, columns.conversation == conversation
        )
        async with self._database.read() as connection:
            rows = await connection.execute(query.order_by(columns.message))
            return tuple(Kept(**row) for row in rows.mappings())

    async def made(self, stale: Stale, *, empty: bool) -> None:
        """The source shows what `stale` counted; what changed since is still to be done. `empty`: it is gone
        with its last message.
        """
        columns = tables.bot_conversations.c
        this = (
            (columns.guild == stale.guild)
            & (columns.conversation == stale.conversation)
            & (columns.stale == stale.stale)
        )
        change = (
            delete(tables.bot_conversations) if empty else update(tables.bot_conversations).values(stale=0)
        )
        async with self._database.write() as connection:
            await connection.execute(change.where(this))

    async def conversations(self, guild: GuildId) -> dict[int, int]:
        """How many conversations there are of each channel."""
        talks, places = tables.bot_conversations.c, tables.bot_places.c
        query = (
            select(places.channel, func.count())
            .join_from(
                tables.bot_conversations,
                tables.bot_places,
                (talks.guild == places.guild) & (talks.place == places.place),
            )
            .where(talks.guild == guild)
            .group_by(places.channel)
        )
        async with self._database.read() as connection:
            rows = await connection.execute(query)
            return {row[0]: row[1] for row in rows}

    async def _open(
        self,
        connection: AsyncConnection,
        place: Place,
        last: Mapping[int, int],
        sources: Mapping[int, SourceId],
    ) -> None:
        """Make conversations, or bring them up to their last message; either way they are stale."""
        table = tables.bot_conversations
        rows = [
            {
                "guild": place.guild,
                "conversation": key,
                "place": place.place,
                "source": sources[key],
                "last": message,
                "stale": 0,
            }
            for key, message in last.items()
        ]
        await connection.execute(self._database.upsert(table), rows)
        for key, message in last.items():
            grown = (table.c.guild == place.guild) & (table.c.conversation == key)
            behind = update(table).where(grown, table.c.last < message).values(last=message)
            await connection.execute(behind)
        await connection.execute(_made_stale(place.guild, table.c.conversation.in_(list(last))))

    async def _keeps(self, guild: GuildId, messages: Collection[int]) -> bool:
        """Whether any of these is kept: most messages are not, and a look takes nobody's turn to write."""
        columns = tables.bot_messages.c
        async with self._database.read() as connection:
            for chunk in _chunks(sorted(messages)):
                these = select(columns.message).where(columns.guild == guild, columns.message.in_(chunk))
                if await connection.scalar(these.limit(1)) is not None:
                    return True
        return False

    async def _syncs(self, condition: Any) -> tuple[Sync, ...]:
        query = select(tables.bot_syncs).where(condition).order_by(tables.bot_syncs.c.channel)
        async with self._database.read() as connection:
            rows = (await connection.execute(query)).mappings()
            return tuple(Sync(**{**row, "state": SyncState(row["state"])}) for row in rows)

    async def _put(self, table: Any, row: dict[str, Any], key: Collection[str]) -> None:
        async with self._database.write() as connection:
            await connection.execute(
                self._database.upsert(table, [each for each in row if each not in key]), row
            )


def _in(place: Place) -> Any:
    columns = tables.bot_messages.c
    return (columns.guild == place.guild) & (columns.place == place.place)


def _row(place: Place, said: Said, key: int) -> dict[str, Any]:
    return {
        "guild": place.guild,
        "message": said.message,
        "place": place.place,
        "conversation": key,
        "member": said.member,
        "name": said.name,
        "words": said.words,
    }


async def _near(connection: AsyncConnection, place: Place, page: Sequence[Said]) -> Sequence[Any]:
    """Messages shortly before a page and within it, and those that it answers."""
    columns = tables.bot_messages.c
    query = select(columns.message, columns.conversation, columns.member)
    answered = [said.answers for said in page if said.answers is not None]
    near = (columns.message >= quiet_before(page[0].message)) & (columns.message <= page[-1].message)
    found = await connection.execute(query.where(_in(place), near | columns.message.in_(answered)))
    return found.all()


async def _latest(connection: AsyncConnection, place: Place, before: int) -> Sequence[Any]:
    columns = tables.bot_messages.c
    query = select(columns.message, columns.conversation, columns.member).where(
        _in(place), columns.message < before
    )
    return (await connection.execute(query.order_by(columns.conversation.desc()).limit(1))).all()


async def _sizes(connection: AsyncConnection, guild: GuildId, keys: Collection[int]) -> dict[int, int]:
    columns = tables.bot_messages.c
    sizes: dict[int, int] = defaultdict(int)
    for chunk in _chunks(sorted(keys)):
        query = select(columns.conversation, func.count()).where(
            columns.guild == guild, columns.conversation.in_(chunk)
        )
        rows = await connection.execute(query.group_by(columns.conversation))
        sizes |= {row[0]: row[1] for row in rows}
    return sizes


async def _edit(connection: AsyncConnection, guild: GuildId, message: int, words: str) -> int | None:
    columns = tables.bot_messages.c
    this = (columns.guild == guild) & (columns.message == message)
    key: int | None = await connection.scalar(select(columns.conversation).where(this))
    if key is not None:
        changed = update(tables.bot_messages).where(this, columns.words != words).values(words=words)
        if (await connection.execute(changed)).rowcount:
            await connection.execute(_made_stale(guild, tables.bot_conversations.c.conversation == key))
    return key


async def _remove(connection: AsyncConnection, guild: GuildId, messages: Collection[int]) -> frozenset[int]:
    columns = tables.bot_messages.c
    keys = set[int]()
    for chunk in _chunks(sorted(messages)):
        these = (columns.guild == guild) & columns.message.in_(chunk)
        found = set(await connection.scalars(select(columns.conversation).where(these).distinct()))
        if found:
            await connection.execute(_made_stale(guild, tables.bot_conversations.c.conversation.in_(found)))
            await connection.execute(delete(tables.bot_messages).where(these))
        keys |= found
    return frozenset(keys)


async def _forget_where(connection: AsyncConnection, guild: GuildId, condition: Any) -> None:
    table = condition.left.table
    await connection.execute(delete(table).where(table.c.guild == guild, condition))


def _made_stale(guild: GuildId, condition: Any) -> Any:
    table = tables.bot_conversations
    return update(table).where(table.c.guild == guild, condition).values(stale=table.c.stale + 1)


def _moved(place: Place) -> Any:
    columns = tables.bot_places.c
    this = (columns.guild == place.guild) & (columns.place == place.place)
    return update(tables.bot_places).where(this).values(read_to=place.read_to, checked=place.checked)


def _counted(place: Place, new: int) -> Any:
    columns = tables.bot_syncs.c
    this = (columns.guild == place.guild) & (columns.channel == place.channel)
    return update(tables.bot_syncs).where(this).values(messages=columns.messages + new)


def _chunks(values: Sequence[Any]) -> list[Sequence[Any]]:
    return [values[start : start + _CHUNK] for start in range(0, len(values), _CHUNK)]
