"""What happened, what was said of it, and what was decided of that."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, ForeignKeyConstraint, Index, Table, Text, UniqueConstraint

from agent.database.tables.columns import Document, Moment, guild_key, metadata

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
    guild_key(),
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
    guild_key(),
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

forgettings = Table(
    "forgettings",
    metadata,
    guild_key(),
    Column("member", Text, primary_key=True),
    Column("begun_at", Moment, nullable=False),
    Column("traces", Document, nullable=False),
    Column("removed", Document, nullable=False),
)
"""Members who asked to be forgotten and are not yet, wholly: what a restart goes on with."""
