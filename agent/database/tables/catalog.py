"""What a guild is made of: its categories with their examples, and its sources."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    Date,
    Float,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
)

from agent.database.tables.columns import Moment, guild_key, metadata

guilds = Table(
    "guilds",
    metadata,
    Column("id", Text, primary_key=True),
    Column("revision", BigInteger, nullable=False),
)

categories = Table(
    "categories",
    metadata,
    guild_key(),
    Column("slug", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("description", Text, nullable=False),
)

former_slugs = Table(
    "former_slugs",
    metadata,
    guild_key(),
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
    guild_key(),
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
    guild_key(),
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
