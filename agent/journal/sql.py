"""The journal in a SQL database.

What queries select by is a column; the rest of an episode is one JSON document, validated against the
contracts when it is read. JSON also keeps what text columns of some databases refuse: NUL, lone surrogates
and infinities come back as they were.

The order of rows is `position`, counted in the database. Ids and times come from the clocks of the machines
that wrote them, of which one may be behind.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict
from datetime import datetime
from typing import Any, Final

from pydantic import TypeAdapter
from sqlalchemy import RowMapping, Select, delete, func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from agent.contracts import Episode, EpisodeId, Feedback, FeedbackKind, GuildId, MemberId, Role
from agent.database import tables
from agent.database.engine import Database
from agent.database.reading import read_as
from agent.errors import UsageError
from agent.journal.feedback import check_value, standing_votes
from agent.journal.positions import next_position
from agent.language.counts import Count

_EPISODE: Final = TypeAdapter(Episode)
_COLUMNS: Final = frozenset({"guild", "id", "member", "asked_at", "intent", "error_id"})
_FEEDBACK: Final = select(*(column for column in tables.feedback.c if column.name != "position"))


class SqlJournal:
    """Implements `agent.journal.protocol.Journal`, which describes its methods. Triggers refuse UPDATE."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def record(self, episode: Episode) -> None:
        row = {name: getattr(episode, name) for name in _COLUMNS} | {"body": _body(episode)}
        async with self._database.write() as connection:
            row["position"] = await next_position(self._database, connection, episode.guild)
            await connection.execute(self._database.upsert(tables.episodes), row)

    async def episode(self, guild: GuildId, id: EpisodeId) -> Episode | None:  # noqa: A002
        found = await self._episodes(select(tables.episodes).where(_is_episode(guild, id)))
        return found[0] if found else None

    async def episodes(
        self,
        guild: GuildId,
        *,
        since: datetime | None = None,
        after: EpisodeId | None = None,
        limit: int = 100,
    ) -> tuple[Episode, ...]:
        columns = tables.episodes.c
        query = select(tables.episodes).where(columns.guild == guild).order_by(columns.position).limit(limit)
        if since is not None:
            query = query.where(columns.asked_at >= since)
        if after is not None:
            query = query.where(columns.position > _position_before(guild, after))
        return await self._episodes(query)

    async def _episodes(self, query: Select[Any]) -> tuple[Episode, ...]:
        async with self._database.read() as connection:
            rows = (await connection.execute(query)).mappings().all()
        return tuple(map(_episode, rows))

    async def add_feedback(self, event: Feedback) -> None:
        check_value(event.kind, event.value)
        row = asdict(event) | {"value": dict(event.value)}
        async with self._database.write() as connection:
            await _require_episode(connection, event)
            if event.kind is FeedbackKind.RETRACTION:
                await _require_retractable(connection, event)
            row["position"] = await next_position(self._database, connection, event.guild)
            await connection.execute(self._database.upsert(tables.feedback), row)

    async def feedback(
        self, guild: GuildId, *, episode: EpisodeId | None = None, member: MemberId | None = None
    ) -> tuple[Feedback, ...]:
        columns = tables.feedback.c
        query = _FEEDBACK.where(columns.guild == guild).order_by(columns.position)
        if episode is not None:
            query = query.where(columns.episode == episode)
        if member is not None:
            query = query.where(columns.member == member)
        return await self._feedback(query)

    async def feedback_on(self, guild: GuildId, episodes: Collection[EpisodeId]) -> tuple[Feedback, ...]:
        columns = tables.feedback.c
        query = _FEEDBACK.where(columns.guild == guild, columns.episode.in_(episodes))
        return await self._feedback(query.order_by(columns.position))

    async def _feedback(self, query: Select[Any]) -> tuple[Feedback, ...]:
        async with self._database.read() as connection:
            rows = (await connection.execute(query)).mappings().all()
        return tuple(map(_event, rows))

    async def votes(self, guild: GuildId, episode: EpisodeId) -> dict[MemberId, int]:
        return standing_votes(await self.feedback(guild, episode=episode))

    async def forget(self, guild: GuildId, member: MemberId) -> tuple[int, int]:
        asked = select(tables.episodes.c.id).where(_of(tables.episodes, guild, member))
        theirs = (tables.feedback.c.guild == guild) & (
            (tables.feedback.c.member == member) | tables.feedback.c.episode.in_(asked)
        )
        async with self._database.write() as connection:
            events = await connection.execute(delete(tables.feedback).where(theirs))
            episodes = await connection.execute(
                delete(tables.episodes).where(_of(tables.episodes, guild, member))
            )
        return episodes.rowcount, events.rowcount

    async def redact(self, episode: Episode) -> None:
        where = _is_episode(episode.guild, episode.id)
        on_it = (tables.feedback.c.guild == episode.guild) & (tables.feedback.c.episode == episode.id)
        async with self._database.write() as connection:
            # The row of the guild's count is held, so that no feedback comes in between.
            await next_position(self._database, connection, episode.guild)
            position = await connection.scalar(select(tables.episodes.c.position).where(where))
            if position is None:
                return
            events = (await connection.execute(select(tables.feedback).where(on_it))).mappings().all()
            await connection.execute(delete(tables.feedback).where(on_it))
            await connection.execute(delete(tables.episodes).where(where))
            row = {name: getattr(episode, name) for name in _COLUMNS}
            row |= {"body": _body(episode), "position": position}
            await connection.execute(insert(tables.episodes), row)
            if events:
                await connection.execute(insert(tables.feedback), [dict(event) for event in events])

    async def check(self) -> str:
        about = await self._database.check()
        async with self._database.read() as connection:
            episodes, feedback = [
                Count(await connection.scalar(select(func.count()).select_from(table)) or 0)
                for table in (tables.episodes, tables.feedback)
            ]
        return f"{about}: {episodes:# episode|# episodes}, {feedback:# feedback event|# feedback events}"

    async def close(self) -> None:
        """Nothing to do: the database belongs to whoever opened it."""


def _of(table: Any, guild: GuildId, member: MemberId) -> Any:
    return (table.c.guild == guild) & (table.c.member == member)


def _is_episode(guild: GuildId, id: EpisodeId) -> Any:  # noqa: A002
    return (tables.episodes.c.guild == guild) & (tables.episodes.c.id == id)


def _position_before(guild: GuildId, after: EpisodeId) -> Any:
    """The position after which a page begins; where `after` was forgotten meanwhile, its place by id."""
    columns = tables.episodes.c
    its_own = select(columns.position).where(_is_episode(guild, after)).scalar_subquery()
    first_beyond = (
        select(func.min(columns.position) - 1)
        .where(columns.guild == guild, columns.id > after)
        .scalar_subquery()
    )
    return func.coalesce(its_own, first_beyond)


def _body(episode: Episode) -> dict[str, Any]:
    body: dict[str, Any] = _EPISODE.dump_python(episode, mode="json", exclude=set(_COLUMNS))
    return body


def _episode(row: RowMapping) -> Episode:
    values = row["body"] | {name: row[name] for name in _COLUMNS}
    return read_as(_EPISODE, values, f"Episode {row['id']}")


def _event(row: RowMapping) -> Feedback:
    return Feedback(**{**row, "kind": FeedbackKind(row["kind"]), "role": Role(row["role"])})


async def _require_episode(connection: AsyncConnection, event: Feedback) -> None:
    query = select(tables.episodes.c.id).where(_is_episode(event.guild, event.episode))
    if await connection.scalar(query) is None:
        raise UsageError(f"There is no episode {event.episode}.", "Feedback needs an answer that was given.")


async def _require_retractable(connection: AsyncConnection, event: Feedback) -> None:
    columns = tables.feedback.c
    query = select(columns.id).where(
        columns.guild == event.guild,
        columns.id == event.value["event"],
        columns.episode == event.episode,
        columns.member == event.member,
        columns.kind != FeedbackKind.RETRACTION,
    )
    if await connection.scalar(query) is None:
        raise UsageError(
            f"There is no event {event.value['event']} of this member to retract.",
            "A member retracts own votes, reasons, corrections and comments, each on its episode.",
        )
