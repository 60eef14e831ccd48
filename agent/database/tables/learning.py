"""What the bot makes of feedback: patterns, anomalies, datasets, adapters, runs, and who serves."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKeyConstraint, Index, Table, Text

from agent.database.tables.columns import Document, Moment, guild_key, metadata

anomaly_events = Table(
    "anomaly_events",
    metadata,
    guild_key(),
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
    guild_key(),
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
    guild_key(),
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
    guild_key(),
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
    guild_key(),
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
    guild_key(),
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
    guild_key(),
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
    guild_key(),
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
    guild_key(),
    Column("body", Document, nullable=False),
)
"""When a guild may train, how much, and who must agree."""
