"""What only the bot keeps. Ids here are Discord's."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, Table, Text

from agent.database.tables.columns import Document, Moment, guild_key, metadata

bot_guilds = Table(
    "bot_guilds",
    metadata,
    guild_key(),
    Column("config", Document, nullable=False),
)
"""What a guild's admins chose. The bot_ tables are the bot's alone; ids in them are Discord's."""

bot_answers = Table(
    "bot_answers",
    metadata,
    guild_key(),
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
    guild_key(),
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
    guild_key(),
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
    guild_key(),
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
    guild_key(),
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
    guild_key(),
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
    guild_key(),
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
    guild_key(),
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
    guild_key(),
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
