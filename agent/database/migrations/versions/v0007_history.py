"""The history of channels: what is synced, how far, and what was said in which conversation."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    _create_of_channels()
    _create_of_conversations()


def _guild() -> sa.Column[str]:
    return sa.Column("guild", sa.Text, sa.ForeignKey("guilds.id", ondelete="CASCADE"), primary_key=True)


def _create_of_channels() -> None:
    op.create_table(
        "bot_syncs",
        _guild(),
        sa.Column("channel", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("run", sa.Text, nullable=False),
        sa.Column("since", sa.BigInteger, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("messages", sa.BigInteger, nullable=False),
        sa.Column("report_channel", sa.BigInteger, nullable=False),
        sa.Column("report_message", sa.BigInteger),
    )
    op.create_table(
        "bot_places",
        _guild(),
        sa.Column("place", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("channel", sa.BigInteger, nullable=False),
        sa.Column("thread", sa.Boolean, nullable=False),
        sa.Column("visibility", sa.Text, nullable=False),
        sa.Column("location", sa.Text, nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("member", sa.Text),
        sa.Column("category", sa.Text),
        sa.Column("run", sa.Text, nullable=False),
        sa.Column("done", sa.Boolean, nullable=False),
        sa.Column("floor", sa.BigInteger, nullable=False),
        sa.Column("read_to", sa.BigInteger, nullable=False),
        sa.Column("checked", sa.BigInteger, nullable=False),
        sa.Column("check_to", sa.BigInteger, nullable=False),
    )
    op.create_index("ix_bot_places_guild_channel", "bot_places", ["guild", "channel"])


def _create_of_conversations() -> None:
    op.create_table(
        "bot_conversations",
        _guild(),
        sa.Column("conversation", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("place", sa.BigInteger, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("last", sa.BigInteger, nullable=False),
        sa.Column("stale", sa.BigInteger, nullable=False),
    )
    for column in ("stale", "place"):
        op.create_index(f"ix_bot_conversations_guild_{column}", "bot_conversations", ["guild", column])
    op.create_table(
        "bot_messages",
        _guild(),
        sa.Column("message", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("place", sa.BigInteger, nullable=False),
        sa.Column("conversation", sa.BigInteger, nullable=False),
        sa.Column("member", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("words", sa.Text, nullable=False),
    )
    op.create_index("ix_bot_messages_guild_place_message", "bot_messages", ["guild", "place", "message"])
    for column in ("conversation", "member"):
        op.create_index(f"ix_bot_messages_guild_{column}", "bot_messages", ["guild", column])
