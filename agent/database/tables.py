"""The tables of catalog, journal and bot. A change here needs a migration: see schema.py.

Every key begins with the guild, so that no statement can reach across guilds by an id alone. Questions and
URIs may be longer than an index entry of PostgreSQL, so their sha256 stands for them in keys.
"""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    Dialect,
    Float,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    MetaData,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
)


def key_of(text: str) -> str:
    """Return the sha256 of a text, hex, for a key of fixed size."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


class Moment(TypeDecorator[datetime]):
    """An aware time; comes back in UTC, also where the database keeps no time zone."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is not None and value.utcoffset() is None:
            raise ValueError(f"the time {value} has no time zone")
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None or value.tzinfo is None:
            return None if value is None else value.replace(tzinfo=UTC)
        return value.astimezone(UTC)


class Document(TypeDecorator[Any]):
    """JSON as Python writes it. PostgreSQL's JSON types keep no infinities, and jsonb no NUL."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str:
        return json.dumps(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        return None if value is None else json.loads(value)


metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _guild() -> Column[str]:
    return Column("guild", Text, ForeignKey("guilds.id", ondelete="CASCADE"), primary_key=True)


guilds = Table(
    "guilds",
    metadata,
    Column("id", Text, primary_key=True),
    Column("revision", BigInteger, nullable=False),
)

categories = Table(
    "categories",
    metadata,
    _guild(),
    Column("slug", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("description", Text, nullable=False),
)

former_slugs = Table(
    "former_slugs",
    metadata,
    _guild(),
    Column("slug", Text, primary_key=True),
    Column("category", Text, nullable=False),
    ForeignKeyConstraint(
        ["guild", "category"],
        ["categories.guild", "categories.slug"],
        onupdate="CASCADE",
        ondelete="CASCADE",
    ),
    Index(None, "guild", "category"),
)
"""What categories were called before they were renamed or merged, with what they are now."""

examples = Table(
    "examples",
    metadata,
    _guild(),
    Column("question_key", Text, primary_key=True),
    Column("question", Text, nullable=False),
    Column("category", Text, nullable=False),
    Column("origin", Text, nullable=False),
    Column("asker", Text),
    Column("teacher", Text),
    ForeignKeyConstraint(
        ["guild", "category"],
        ["categories.guild", "categories.slug"],
        onupdate="CASCADE",
        ondelete="CASCADE",
    ),
    Index(None, "guild", "category"),
)

sources = Table(
    "sources",
    metadata,
    _guild(),
    Column("id", Text, primary_key=True),
    Column("uri_key", Text, nullable=False),
    Column("uri", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("content_hash", Text, nullable=False),
    Column("visibility", Text, nullable=False),
    Column("category", Text),
    Column("category_probability", Float, nullable=False),
    Column("author", Text),
    Column("author_name", Text, nullable=False),
    Column("date", Date),
    Column("language", Text, nullable=False),
    Column("added_at", Moment, nullable=False),
    Column("link", Text, nullable=False),
    UniqueConstraint("guild", "uri_key"),
    ForeignKeyConstraint(["guild", "category"], ["categories.guild", "categories.slug"], onupdate="CASCADE"),
    Index(None, "guild", "category"),
)

source_texts = Table(
    "source_texts",
    metadata,
    Column("guild", Text, primary_key=True),
    Column("source", Text, primary_key=True),
    Column("compressed", LargeBinary, nullable=False),
    ForeignKeyConstraint(["guild", "source"], ["sources.guild", "sources.id"], ondelete="CASCADE"),
)

episodes = Table(
    "episodes",
    metadata,
    Column("guild", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("member", Text, nullable=False),
    Column("asked_at", Moment, nullable=False),
    Column("intent", Text, nullable=False),
    Column("error_id", Text, nullable=False),
    Column("body", Document, nullable=False),
    Column("position", BigInteger, nullable=False),
    UniqueConstraint("guild", "position"),
)

feedback = Table(
    "feedback",
    metadata,
    Column("guild", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("episode", Text, nullable=False),
    Column("member", Text, nullable=False),
    Column("at", Moment, nullable=False),
    Column("kind", Text, nullable=False),
    Column("value", Document, nullable=False),
    Column("position", BigInteger, nullable=False),
    Column("role", Text, nullable=False),
    UniqueConstraint("guild", "position"),
    ForeignKeyConstraint(["guild", "episode"], ["episodes.guild", "episodes.id"]),
    Index(None, "guild", "episode"),
    Index(None, "guild", "member"),
)

journal_positions = Table(
    "journal_positions",
    metadata,
    Column("guild", Text, primary_key=True),
    Column("last", BigInteger, nullable=False),
)
"""The last `position` of a guild's episodes and feedback. Whoever raises it holds its row until the end of
the transaction, so positions become visible in their order."""

consents = Table(
    "consents",
    metadata,
    _guild(),
    Column("id", Text, primary_key=True),
    Column("member", Text, nullable=False),
    Column("at", Moment, nullable=False),
    Column("allowed", Boolean, nullable=False),
    Index(None, "guild", "member"),
)
"""Who let the bot learn from what they say, and who took it back. Append-only."""

decisions = Table(
    "decisions",
    metadata,
    _guild(),
    Column("id", Text, primary_key=True),
    Column("item", Text, nullable=False),
    Column("episode", Text),
    Column("member", Text, nullable=False),
    Column("at", Moment, nullable=False),
    Column("act", Text, nullable=False),
    Column("body", Document, nullable=False),
    Column("position", BigInteger, nullable=False),
    UniqueConstraint("guild", "position"),
    Index(None, "guild", "member"),
)
"""What reviewers decided of questions. Append-only; its order is that of the journal's count."""

anomaly_events = Table(
    "anomaly_events",
    metadata,
    _guild(),
    Column("id", Text, primary_key=True),
    Column("anomaly", Text, nullable=False),
    Column("at", Moment, nullable=False),
    Column("state", Text, nullable=False),
    Column("detail", Document, nullable=False),
    Index(None, "guild", "at"),
)
"""What was unusual, and what has become of it. Append-only, and without a word of any member."""

pattern_events = Table(
    "pattern_events",
    metadata,
    _guild(),
    Column("id", Text, primary_key=True),
    Column("pattern", Text, nullable=False),
    Column("at", Moment, nullable=False),
    Column("state", Text, nullable=False),
    Column("detail", Document, nullable=False),
    Index(None, "guild", "at"),
)
"""What became of each pattern, and the baselines. Append-only, and without a word of any member."""

serving = Table(
    "serving",
    metadata,
    _guild(),
    Column("task", Text, primary_key=True),
    Column("category", Text, primary_key=True),
    Column("body", Document, nullable=False),
)
"""Who serves each task of a guild now (`agent.serving.served.Assignment`): questions of one category, or with
an empty one all for which nothing else is assigned. No row: the model as it is.
"""

dataset_versions = Table(
    "dataset_versions",
    metadata,
    _guild(),
    Column("id", Text, primary_key=True),
    Column("task", Text, nullable=False),
    Column("made_at", Moment, nullable=False),
    Column("body", Document, nullable=False),
    Index(None, "guild", "task"),
)
"""What each dataset version is, but for its items. The body says which version took its place, if one did."""

dataset_items = Table(
    "dataset_items",
    metadata,
    _guild(),
    Column("version", Text, primary_key=True),
    Column("item", Text, primary_key=True),
    Column("split", Text, nullable=False),
    Column("body", Document, nullable=False),
    ForeignKeyConstraint(
        ["guild", "version"], ["dataset_versions.guild", "dataset_versions.id"], ondelete="CASCADE"
    ),
)
"""The items of each dataset version, with the words of members."""

adapters = Table(
    "adapters",
    metadata,
    _guild(),
    Column("id", Text, primary_key=True),
    Column("task", Text, nullable=False),
    Column("made_at", Moment, nullable=False),
    Column("body", Document, nullable=False),
    Index(None, "guild", "task"),
)
"""What each adapter is and where it comes from. Append-only."""

adapter_events = Table(
    "adapter_events",
    metadata,
    _guild(),
    Column("id", Text, primary_key=True),
    Column("adapter", Text, nullable=False),
    Column("at", Moment, nullable=False),
    Column("act", Text, nullable=False),
    Column("member", Text),
    Column("detail", Document, nullable=False),
    Index(None, "guild", "at"),
)
"""What was done with each adapter and by whom. Append-only; who is forgotten stands in it as nobody."""

tuning_events = Table(
    "tuning_events",
    metadata,
    _guild(),
    Column("id", Text, primary_key=True),
    Column("run", Text, nullable=False),
    Column("at", Moment, nullable=False),
    Column("state", Text, nullable=False),
    Column("detail", Document, nullable=False),
    Index(None, "guild", "run"),
)
"""The states that each tuning run went through. Append-only, and without a word of any member."""

tuning_plans = Table(
    "tuning_plans",
    metadata,
    _guild(),
    Column("body", Document, nullable=False),
)
"""When a guild may train, how much, and who must agree."""

forgettings = Table(
    "forgettings",
    metadata,
    _guild(),
    Column("member", Text, primary_key=True),
    Column("begun_at", Moment, nullable=False),
    Column("traces", Document, nullable=False),
    Column("removed", Document, nullable=False),
)
"""Members who asked to be forgotten and are not yet, wholly: what a restart goes on with."""

bot_guilds = Table(
    "bot_guilds",
    metadata,
    _guild(),
    Column("config", Document, nullable=False),
)
"""What a guild's admins chose. The bot_ tables are the bot's alone; ids in them are Discord's."""

bot_answers = Table(
    "bot_answers",
    metadata,
    _guild(),
    Column("message", BigInteger, primary_key=True, autoincrement=False),
    Column("channel", BigInteger, nullable=False),
    Column("question", BigInteger),
    Column("episode", Text, nullable=False),
    Column("member", Text, nullable=False),
    Index(None, "message"),
    Index(None, "guild", "question"),
    Index(None, "guild", "episode"),
)
"""Each message of an answer, with the message that asked (none for a command) and who did."""

bot_questions = Table(
    "bot_questions",
    metadata,
    _guild(),
    Column("question", BigInteger, primary_key=True, autoincrement=False),
    Column("channel", BigInteger, nullable=False),
    Column("member", Text, nullable=False),
    Column("placeholder", BigInteger),
    Column("asked_at", Moment, nullable=False),
    Column("done", Boolean, nullable=False),
)
"""Each message that was taken as a question, so that none is answered twice; those that are not done are what
a restart goes on with."""

bot_commands = Table(
    "bot_commands",
    metadata,
    _guild(),
    Column("interaction", BigInteger, primary_key=True, autoincrement=False),
    Column("channel", BigInteger, nullable=False),
    Column("member", Text, nullable=False),
    Column("token", Text, nullable=False),
    Column("private", Boolean, nullable=False),
    Column("placeholder", BigInteger),
    Column("text", Text, nullable=False),
    Column("category", Text),
    Column("intent", Text),
    Column("locale", Text, nullable=False),
)
"""Each question that came by command and has no answer yet: what a restart goes on with."""

bot_entries = Table(
    "bot_entries",
    metadata,
    _guild(),
    Column("message", BigInteger, primary_key=True, autoincrement=False),
    Column("entry", Text, nullable=False),
)
"""Each message that was added to the knowledge, with the entry it is kept as: they change and go together."""

bot_seen = Table(
    "bot_seen",
    metadata,
    Column("place", BigInteger, primary_key=True, autoincrement=False),
    Column("message", BigInteger, nullable=False),
)
"""The last message that was seen in a guild, or in a channel of direct messages."""

bot_homes = Table(
    "bot_homes",
    metadata,
    Column("member", Text, primary_key=True),
    Column("guild", Text, ForeignKey("guilds.id", ondelete="CASCADE"), nullable=False),
)
"""The guild that a member's direct messages are about."""

bot_audit = Table(
    "bot_audit",
    metadata,
    _guild(),
    Column("id", Text, primary_key=True),
    Column("at", Moment, nullable=False),
    Column("member", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("detail", Document, nullable=False),
)
"""What admins changed. Append-only."""

bot_values = Table(
    "bot_values",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", Text, nullable=False),
)
"""What is kept once for the process, such as a hash of the commands that Discord was told."""

bot_syncs = Table(
    "bot_syncs",
    metadata,
    _guild(),
    Column("channel", BigInteger, primary_key=True, autoincrement=False),
    Column("run", Text, nullable=False),
    Column("since", BigInteger, nullable=False),
    Column("state", Text, nullable=False),
    Column("messages", BigInteger, nullable=False),
    Column("report_channel", BigInteger, nullable=False),
    Column("report_message", BigInteger),
    Column("followed", BigInteger, nullable=False, server_default="0"),
)
"""Each channel whose history is read, with the latest run and where its progress is shown; one that runs is
what a restart goes on with. `followed` is the message up to which what is new was looked for."""

bot_places = Table(
    "bot_places",
    metadata,
    _guild(),
    Column("place", BigInteger, primary_key=True, autoincrement=False),
    Column("channel", BigInteger, nullable=False),
    Column("thread", Boolean, nullable=False),
    Column("visibility", Text, nullable=False),
    Column("location", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("member", Text),
    Column("category", Text),
    Column("run", Text, nullable=False),
    Column("done", Boolean, nullable=False),
    Column("floor", BigInteger, nullable=False),
    Column("read_to", BigInteger, nullable=False),
    Column("checked", BigInteger, nullable=False),
    Column("check_to", BigInteger, nullable=False),
    Index(None, "guild", "channel"),
)
"""Each channel and thread whose history is read: how far, by which run, and who gave a thread its name."""

bot_conversations = Table(
    "bot_conversations",
    metadata,
    _guild(),
    Column("conversation", BigInteger, primary_key=True, autoincrement=False),
    Column("place", BigInteger, nullable=False),
    Column("source", Text, nullable=False),
    Column("last", BigInteger, nullable=False),
    Column("stale", BigInteger, nullable=False),
    Index(None, "guild", "stale"),
    Index(None, "guild", "place"),
)
"""Each conversation, by the message that opened it. `stale` counts the changes that its source does not show
yet."""

bot_messages = Table(
    "bot_messages",
    metadata,
    _guild(),
    Column("message", BigInteger, primary_key=True, autoincrement=False),
    Column("place", BigInteger, nullable=False),
    Column("conversation", BigInteger, nullable=False),
    Column("member", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("words", Text, nullable=False),
    Index(None, "guild", "place", "message"),
    Index(None, "guild", "conversation"),
    Index(None, "guild", "member"),
)
"""What was said in the conversations: of this their sources are made, without asking Discord again."""

APPEND_ONLY = frozenset(
    {
        table.name
        for table in (
            episodes,
            feedback,
            consents,
            decisions,
            anomaly_events,
            pattern_events,
            adapters,
            adapter_events,
            tuning_events,
            bot_audit,
        )
    }
)
"""Tables whose triggers refuse UPDATE."""
