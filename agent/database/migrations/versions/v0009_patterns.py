"""Patterns: what was found, what has become of it, and the baselines it is held against."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"

_APPEND_ONLY = {
    "sqlite": "CREATE TRIGGER pattern_events_append_only BEFORE UPDATE ON pattern_events "
    "BEGIN SELECT RAISE(ABORT, 'pattern_events is append-only'); END",
    "postgresql": "CREATE TRIGGER pattern_events_append_only BEFORE UPDATE ON pattern_events "
    "FOR EACH ROW EXECUTE FUNCTION refuse_update()",
}


def upgrade() -> None:
    op.create_table(
        "pattern_events",
        sa.Column("guild", sa.Text, sa.ForeignKey("guilds.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("pattern", sa.Text, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
    )
    op.create_index("ix_pattern_events_guild_at", "pattern_events", ["guild", "at"])
    op.execute(_APPEND_ONLY[op.get_bind().dialect.name])
