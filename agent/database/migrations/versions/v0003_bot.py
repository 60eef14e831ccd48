"""The tables of the bot: guild configuration, questions, messages of answers, audit log."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

_APPEND_ONLY = {
    "sqlite": "CREATE TRIGGER bot_audit_append_only BEFORE UPDATE ON bot_audit "
    "BEGIN SELECT RAISE(ABORT, 'bot_audit is append-only'); END",
    "postgresql": "CREATE TRIGGER bot_audit_append_only BEFORE UPDATE ON bot_audit "
    "FOR EACH ROW EXECUTE FUNCTION refuse_update()",
}


def upgrade() -> None:
    _create_of_guilds()
    _create_of_questions()
    _create_of_the_process()


def _guild() -> sa.Column[str]:
    return sa.Column("guild", sa.Text, sa.ForeignKey("guilds.id", ondelete="CASCADE"), primary_key=True)


def _create_of_guilds() -> None:
    op.create_table("bot_guilds", _guild(), sa.Column("config", sa.Text, nullable=False))
    op.create_table(
        "bot_homes",
        sa.Column("member", sa.Text, primary_key=True),
        sa.Column("guild", sa.Text, sa.ForeignKey("guilds.id", ondelete="CASCADE"), nullable=False),
    )
    op.create_table(
        "bot_audit",
        _guild(),
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("member", sa.Text, nullable=False),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
    )
    op.execute(_APPEND_ONLY[op.get_bind().dialect.name])


def _create_of_questions() -> None:
    op.create_table(
        "bot_answers",
        _guild(),
        sa.Column("message", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("channel", sa.BigInteger, nullable=False),
        sa.Column("question", sa.BigInteger),
        sa.Column("episode", sa.Text, nullable=False),
        sa.Column("member", sa.Text, nullable=False),
    )
    op.create_index("ix_bot_answers_message", "bot_answers", ["message"])
    op.create_index("ix_bot_answers_guild_question", "bot_answers", ["guild", "question"])
    op.create_index("ix_bot_answers_guild_episode", "bot_answers", ["guild", "episode"])
    op.create_table(
        "bot_entries",
        _guild(),
        sa.Column("message", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("entry", sa.Text, nullable=False),
    )
    op.create_table(
        "bot_questions",
        _guild(),
        sa.Column("question", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("channel", sa.BigInteger, nullable=False),
        sa.Column("member", sa.Text, nullable=False),
        sa.Column("placeholder", sa.BigInteger),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("done", sa.Boolean, nullable=False),
    )


def _create_of_the_process() -> None:
    op.create_table(
        "bot_seen",
        sa.Column("place", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("message", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "bot_values",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("value", sa.Text, nullable=False),
    )
