"""The bot's tables behind typed calls. Every call raises `StoreError` only.

Configurations are read once and kept: a guild belongs to one shard and so to one process, which is also the
only one that changes it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Final

from pydantic import TypeAdapter
from sqlalchemy import Update, bindparam, delete, func, select

from agent.contracts import EpisodeId, GuildId, MemberId, SourceId
from agent.database import tables
from agent.database.engine import Database
from agent.database.reading import read_as
from agent.ids import new_id
from bot.state.commands import PendingCommands
from bot.state.config import GuildConfig

_CONFIG: Final = TypeAdapter(GuildConfig)
_QUESTION: Final = tables.bot_questions.update().where(
    tables.bot_questions.c.guild == bindparam("of"), tables.bot_questions.c.question == bindparam("asked")
)
_PLACED: Final = _QUESTION.values(placeholder=bindparam("placed"))
_DONE: Final = _QUESTION.values(done=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerMessage:
    """A message of an answer."""

    guild: GuildId
    message: int
    channel: int
    question: int | None
    """The message that asked; None for a command."""
    episode: EpisodeId
    member: MemberId
    """Who asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """A question that has no answer yet."""

    guild: GuildId
    question: int
    channel: int
    member: MemberId
    placeholder: int | None
    """The message that will become the answer."""
    asked_at: datetime
    done: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What an admin did."""

    at: datetime
    member: MemberId
    action: str
    detail: Mapping[str, Any]


class BotState:
    """One for the process."""

    def __init__(self, database: Database, clock: Callable[[], datetime] | None = None) -> None:
        """`clock` dates the audit log; this machine's unless it is given."""
        self._database = database
        self._clock = clock or (lambda: datetime.now(UTC))
        self.commands = PendingCommands(database)
        self._configs: dict[GuildId, GuildConfig] = {}

    async def config(self, guild: GuildId) -> GuildConfig:
        if guild not in self._configs:
            query = select(tables.bot_guilds.c.config).where(tables.bot_guilds.c.guild == guild)
            async with self._database.read() as connection:
                found = await connection.scalar(query)
            self._configs[guild] = GuildConfig() if found is None else _config(guild, found)
        return self._configs[guild]

    def read_again(self, guild: GuildId) -> None:
        """The configuration of a guild may have been changed elsewhere: the next to ask reads it."""
        self._configs.pop(guild, None)

    async def change_config(
        self,
        guild: GuildId,
        change: Callable[[GuildConfig], GuildConfig],
        *,
        by: MemberId,
        action: str,
        detail: Mapping[str, Any],
    ) -> GuildConfig:
        """Change the configuration and write it down in the audit log, both or neither."""
        changed = change(await self.config(guild))
        row = {"guild": guild, "config": _CONFIG.dump_python(changed, mode="json")}
        line = self._audit_row(guild, by, action, detail)
        async with self._database.write() as connection:
            await connection.execute(self._database.upsert(tables.bot_guilds, ("config",)), row)
            await connection.execute(tables.bot_audit.insert(), line)
        self._configs[guild] = changed
        return changed

    async def audit(self, guild: GuildId, *, by: MemberId, action: str, detail: Mapping[str, Any]) -> None:
        """Write down what an admin did elsewhere than in the configuration."""
        line = self._audit_row(guild, by, action, detail)
        async with self._database.write() as connection:
            await connection.execute(tables.bot_audit.insert(), line)

    async def changes(
        self, guild: GuildId, limit: int = 50, member: MemberId | None = None
    ) -> tuple[Change, ...]:
        """The audit log, newest first; that of one member, or of all."""
        columns = tables.bot_audit.c
        query = (
            select(columns.at, columns.member, columns.action, columns.detail)
            .where(columns.guild == guild)
            .order_by(columns.id.desc())
            .limit(limit)
        )
        if member is not None:
            query = query.where(columns.member == member)
        async with self._database.read() as connection:
            return tuple(Change(**row) for row in (await connection.execute(query)).mappings())

    async def last_change(self, guild: GuildId, action: str) -> datetime | None:
        """When something was last done, by the audit log."""
        columns = tables.bot_audit.c
        query = select(func.max(columns.at)).where(columns.guild == guild, columns.action == action)
        async with self._database.read() as connection:
            found: datetime | None = await connection.scalar(query)
        return found

    async def begin(self, pending: Pending, *, home: bool = False) -> bool:
        """Write a question down as not done; False when it was taken before, done or not.

        With `home` the member's direct messages are about its guild from now on.
        """
        insert = self._database.upsert(tables.bot_questions)
        async with self._database.write() as connection:
            result = await connection.execute(insert, asdict(pending))
            if home:
                row = {"member": pending.member, "guild": pending.guild}
                await connection.execute(self._database.upsert(tables.bot_homes, ("guild",)), row)
        return result.rowcount > 0

    async def set_placeholder(self, guild: GuildId, question: int, placeholder: int) -> None:
        await self._set_question(_PLACED, guild, question, placed=placeholder)

    async def end(self, guild: GuildId, question: int) -> None:
        """The question is answered, or never will be."""
        await self._set_question(_DONE, guild, question)

    async def put_answers(self, answers: Sequence[AnswerMessage]) -> None:
        """Say which messages an answer is made of; a message that had another episode has this one now."""
        if not answers:
            return
        statement = self._database.upsert(tables.bot_answers, ("episode",))
        async with self._database.write() as connection:
            await connection.execute(statement, [asdict(answer) for answer in answers])

    async def pending(self) -> tuple[Pending, ...]:
        """Every question that is not done, oldest first."""
        columns = tables.bot_questions.c
        query = select(tables.bot_questions).where(~columns.done).order_by(columns.question)
        async with self._database.read() as connection:
            return tuple(Pending(**row) for row in (await connection.execute(query)).mappings())

    async def taken(self, guild: GuildId, question: int) -> Pending | None:
        """What is known of a message that was taken as a question, done or not."""
        columns = tables.bot_questions.c
        query = select(tables.bot_questions).where(columns.guild == guild, columns.question == question)
        async with self._database.read() as connection:
            row = (await connection.execute(query)).mappings().one_or_none()
        return None if row is None else Pending(**row)

    async def last_asked(self, guild: GuildId, channel: int, member: MemberId) -> int | None:
        """The message that asked last in a channel, or the answer when a command of `member` did: what others
        asked by command may have been answered to them alone.
        """
        asked, answers = tables.bot_questions.c, tables.bot_answers.c
        questions = select(func.max(asked.question)).where(asked.guild == guild, asked.channel == channel)
        commands = select(func.max(answers.message)).where(
            answers.guild == guild,
            answers.channel == channel,
            answers.question.is_(None),
            answers.member == member,
        )
        async with self._database.read() as connection:
            found = [await connection.scalar(questions), await connection.scalar(commands)]
        return max((each for each in found if each is not None), default=None)

    async def answer(self, message: int) -> AnswerMessage | None:
        """The answer that a message belongs to."""
        found = await self._answers(tables.bot_answers.c.message == message)
        return found[0] if found else None

    async def messages_of(self, guild: GuildId, episode: EpisodeId) -> tuple[AnswerMessage, ...]:
        """The messages of an answer, oldest first."""
        columns = tables.bot_answers.c
        return await self._answers((columns.guild == guild) & (columns.episode == episode))

    async def answers_to(self, guild: GuildId, question: int) -> tuple[AnswerMessage, ...]:
        columns = tables.bot_answers.c
        return await self._answers((columns.guild == guild) & (columns.question == question))

    async def answered_since(self, message: int) -> tuple[tuple[GuildId, int, int], ...]:
        """Guild, channel and oldest message of the answers since that message, for each channel with some."""
        columns = tables.bot_answers.c
        query = (
            select(columns.guild, columns.channel, func.min(columns.message))
            .where(columns.message >= message)
            .group_by(columns.guild, columns.channel)
        )
        async with self._database.read() as connection:
            rows = await connection.execute(query)
            return tuple((GuildId(guild), channel, oldest) for guild, channel, oldest in rows)

    async def channels_of_answers(self, guild: GuildId) -> dict[EpisodeId, int]:
        """Where each answer to a message stands. Those to commands may be for one member alone, so none is
        here.
        """
        columns = tables.bot_answers.c
        query = select(columns.episode, columns.channel).where(
            columns.guild == guild, columns.question.is_not(None)
        )
        async with self._database.read() as connection:
            return {EpisodeId(row.episode): row.channel for row in await connection.execute(query)}

    async def put_entry(self, guild: GuildId, message: int, entry: SourceId) -> None:
        """Say as which entry a message is kept."""
        row = {"guild": guild, "message": message, "entry": entry}
        async with self._database.write() as connection:
            await connection.execute(self._database.upsert(tables.bot_entries, ("entry",)), row)

    async def entry_of(self, guild: GuildId, message: int) -> SourceId | None:
        columns = tables.bot_entries.c
        query = select(columns.entry).where(columns.guild == guild, columns.message == message)
        async with self._database.read() as connection:
            found = await connection.scalar(query)
        return None if found is None else SourceId(found)

    async def remove_entry(self, guild: GuildId, entry: SourceId) -> None:
        columns = tables.bot_entries.c
        async with self._database.write() as connection:
            await connection.execute(
                delete(tables.bot_entries).where(columns.guild == guild, columns.entry == entry)
            )

    async def seen(self) -> dict[int, int]:
        """The last message that was seen in each place."""
        async with self._database.read() as connection:
            rows = await connection.execute(select(tables.bot_seen.c.place, tables.bot_seen.c.message))
            return {row.place: row.message for row in rows}

    async def set_seen(self, seen: Mapping[int, int]) -> None:
        if not seen:
            return
        rows = [{"place": place, "message": message} for place, message in seen.items()]
        async with self._database.write() as connection:
            await connection.execute(self._database.upsert(tables.bot_seen, ("message",)), rows)

    async def home(self, member: MemberId) -> GuildId | None:
        """The guild that a member's direct messages are about."""
        query = select(tables.bot_homes.c.guild).where(tables.bot_homes.c.member == member)
        async with self._database.read() as connection:
            found = await connection.scalar(query)
        return None if found is None else GuildId(found)

    async def value(self, name: str) -> str | None:
        query = select(tables.bot_values.c.value).where(tables.bot_values.c.name == name)
        async with self._database.read() as connection:
            found: str | None = await connection.scalar(query)
        return found

    async def set_value(self, name: str, value: str) -> None:
        async with self._database.write() as connection:
            await connection.execute(
                self._database.upsert(tables.bot_values, ("value",)), {"name": name, "value": value}
            )

    async def _set_question(self, change: Update, guild: GuildId, question: int, **values: int) -> None:
        async with self._database.write() as connection:
            await connection.execute(change, {"of": guild, "asked": question, **values})

    def _audit_row(
        self, guild: GuildId, by: MemberId, action: str, detail: Mapping[str, Any]
    ) -> dict[str, Any]:
        return {
            "guild": guild,
            "id": new_id(),
            "at": self._clock(),
            "member": by,
            "action": action,
            "detail": dict(detail),
        }

    async def _answers(self, condition: Any) -> tuple[AnswerMessage, ...]:
        query = select(tables.bot_answers).where(condition).order_by(tables.bot_answers.c.message)
        async with self._database.read() as connection:
            return tuple(AnswerMessage(**row) for row in (await connection.execute(query)).mappings())


def _config(guild: GuildId, found: Any) -> GuildConfig:
    return read_as(_CONFIG, found, f"The configuration of guild {guild}")
