"""What "forget me" and consent need: whose a learnt example is, in which capacity feedback was given, and
what members let the bot learn from.

Examples that were learnt from corrections before are traced to their members by the journal. Feedback of
before was given by members, as far as anybody can know.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

_DROP_TRIGGER = {
    "sqlite": "DROP TRIGGER {table}_append_only",
    "postgresql": "DROP TRIGGER {table}_append_only ON {table}",
}
_APPEND_ONLY = {
    "sqlite": "CREATE TRIGGER {table}_append_only BEFORE UPDATE ON {table} "
    "BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END",
    "postgresql": "CREATE TRIGGER {table}_append_only BEFORE UPDATE ON {table} "
    "FOR EACH ROW EXECUTE FUNCTION refuse_update()",
}
_CORRECTIONS = """
SELECT feedback.guild, feedback.member AS teacher, feedback.value, episodes.member AS asker, episodes.body
FROM feedback JOIN episodes ON episodes.guild = feedback.guild AND episodes.id = feedback.episode
WHERE feedback.kind = 'correction' ORDER BY feedback.guild, feedback.position
"""
_TRACE = """
UPDATE examples SET asker = :asker, teacher = :teacher
WHERE guild = :guild AND question_key = :key AND category = :category AND origin = 'correction'
"""


def upgrade() -> None:
    dialect = op.get_bind().dialect.name
    op.execute(_DROP_TRIGGER[dialect].format(table="feedback"))
    with op.batch_alter_table("feedback") as batch:
        batch.add_column(sa.Column("role", sa.Text, nullable=False, server_default="member"))
    with op.batch_alter_table("feedback") as batch:
        batch.alter_column("role", existing_type=sa.Text, existing_nullable=False, server_default=None)
    op.execute(_APPEND_ONLY[dialect].format(table="feedback"))
    _create_tables()
    op.execute(_APPEND_ONLY[dialect].format(table="consents"))
    op.add_column("examples", sa.Column("asker", sa.Text))
    op.add_column("examples", sa.Column("teacher", sa.Text))
    _trace_examples()


def _guild() -> sa.Column[str]:
    return sa.Column("guild", sa.Text, sa.ForeignKey("guilds.id", ondelete="CASCADE"), primary_key=True)


def _create_tables() -> None:
    op.create_table(
        "consents",
        _guild(),
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("member", sa.Text, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("allowed", sa.Boolean, nullable=False),
    )
    op.create_index("ix_consents_guild_member", "consents", ["guild", "member"])
    op.create_table(
        "forgettings",
        _guild(),
        sa.Column("member", sa.Text, primary_key=True),
        sa.Column("begun_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("traces", sa.Text, nullable=False),
        sa.Column("removed", sa.Text, nullable=False),
    )


def _trace_examples() -> None:
    """In the order of the journal, so that the last correction of a question is the one that stays."""
    connection = op.get_bind()
    for row in connection.execute(sa.text(_CORRECTIONS)).mappings().all():
        category = json.loads(row["value"]).get("category")
        if category:
            traced = {"asker": row["asker"], "teacher": row["teacher"], "guild": row["guild"]}
            question: Any = json.loads(row["body"])["question"]
            connection.execute(sa.text(_TRACE), traced | {"key": _key(question), "category": category})


def _key(question: str) -> str:
    return hashlib.sha256(" ".join(question.split()).encode("utf-8", "surrogatepass")).hexdigest()
