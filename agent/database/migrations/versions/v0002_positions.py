"""The order in which episodes and feedback were stored, which no clock can change.

What was stored before gets the order that it had: by id, and by time.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_ORDERS = {"episodes": "id", "feedback": "at, id"}

_NUMBER = """
UPDATE {table} SET position = ordered.position
FROM (
    SELECT guild, id, row_number() OVER (PARTITION BY guild ORDER BY {order}) AS position FROM {table}
) AS ordered
WHERE {table}.guild = ordered.guild AND {table}.id = ordered.id
"""
_COUNT = """
INSERT INTO journal_positions (guild, last)
SELECT guild, max(position) FROM (
    SELECT guild, position FROM episodes UNION ALL SELECT guild, position FROM feedback
) AS stored
GROUP BY guild
"""
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


def upgrade() -> None:
    dialect = op.get_bind().dialect.name
    for table, order in _ORDERS.items():
        op.execute(_DROP_TRIGGER[dialect].format(table=table))
        op.add_column(table, sa.Column("position", sa.BigInteger))
        op.execute(_NUMBER.format(table=table, order=order))
        with op.batch_alter_table(table) as batch:
            batch.alter_column("position", existing_type=sa.BigInteger, nullable=False)
            batch.create_unique_constraint(f"uq_{table}_guild_position", ["guild", "position"])
        op.execute(_APPEND_ONLY[dialect].format(table=table))
    op.create_table(
        "journal_positions",
        sa.Column("guild", sa.Text, primary_key=True),
        sa.Column("last", sa.BigInteger, nullable=False),
    )
    op.execute(_COUNT)
