"""How far the channels whose history is kept were followed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    op.add_column("bot_syncs", sa.Column("followed", sa.BigInteger, nullable=False, server_default="0"))
