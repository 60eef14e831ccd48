"""An adapter may serve the questions of one category; what serves now serves all."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    op.execute("CREATE TABLE serving_before AS SELECT guild, task, body FROM serving")
    op.drop_table("serving")
    op.create_table(
        "serving",
        sa.Column("guild", sa.Text, sa.ForeignKey("guilds.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("task", sa.Text, primary_key=True),
        sa.Column("category", sa.Text, primary_key=True),
        sa.Column("body", sa.Text, nullable=False),
    )
    op.execute("INSERT INTO serving SELECT guild, task, '', body FROM serving_before")
    op.drop_table("serving_before")
