"""Anomalies: what was seen, and what has become of it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

_APPEND_ONLY = {
    "sqlite": "CREATE TRIGGER anomaly_events_append_only BEFORE UPDATE ON anomaly_events "
    "BEGIN SELECT RAISE(ABORT, 'anomaly_events is append-only'); END",
    "postgresql": "CREATE TRIGGER anomaly_events_append_only BEFORE UPDATE ON anomaly_events "
    "FOR EACH ROW EXECUTE FUNCTION refuse_update()",
}


def upgrade() -> None:
    op.create_table(
        "anomaly_events",
        sa.Column("guild", sa.Text, sa.ForeignKey("guilds.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("anomaly", sa.Text, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
    )
    op.create_index("ix_anomaly_events_guild_at", "anomaly_events", ["guild", "at"])
    op.execute(_APPEND_ONLY[op.get_bind().dialect.name])
