"""What categories were called before they were renamed or merged: answers and channels may still name it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.create_table(
        "former_slugs",
        sa.Column("guild", sa.Text, sa.ForeignKey("guilds.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("slug", sa.Text, primary_key=True),
        sa.Column("category", sa.Text, nullable=False),
        sa.ForeignKeyConstraint(
            ["guild", "category"],
            ["categories.guild", "categories.slug"],
            onupdate="CASCADE",
            ondelete="CASCADE",
        ),
    )
    op.create_index("ix_former_slugs_guild_category", "former_slugs", ["guild", "category"])
