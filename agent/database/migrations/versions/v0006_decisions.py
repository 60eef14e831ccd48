"""What reviewers decided: an append-only event for each."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

_APPEND_ONLY = {
    "sqlite": "CREATE TRIGGER decisions_append_only BEFORE UPDATE ON decisions "
    "BEGIN SELECT RAISE(ABORT, 'decisions is append-only'); END",
    "postgresql": "CREATE TRIGGER decisions_append_only BEFORE UPDATE ON decisions "
    "FOR EACH ROW EXECUTE FUNCTION refuse_update()",
}


def upgrade() -> None:
    op.create_table(
        "decisions",
        sa.Column("guild", sa.Text, sa.ForeignKey("guilds.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("item", sa.Text, nullable=False),
        sa.Column("episode", sa.Text),
        sa.Column("member", sa.Text, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("act", sa.Text, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("position", sa.BigInteger, nullable=False),
        sa.UniqueConstraint("guild", "position"),
    )
    op.create_index("ix_decisions_guild_member", "decisions", ["guild", "member"])
    op.execute(_APPEND_ONLY[op.get_bind().dialect.name])
