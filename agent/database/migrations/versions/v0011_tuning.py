"""Tuning: dataset versions, adapters, what serves, and what each tuning run went through."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def _guild() -> sa.Column[str]:
    return sa.Column("guild", sa.Text, sa.ForeignKey("guilds.id", ondelete="CASCADE"), primary_key=True)


def _moment(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=False)


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=False)


def _key(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text, primary_key=True)


def _refuse_update(table: str) -> dict[str, str]:
    return {
        "sqlite": f"CREATE TRIGGER {table}_append_only BEFORE UPDATE ON {table} "
        f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END",
        "postgresql": f"CREATE TRIGGER {table}_append_only BEFORE UPDATE ON {table} "
        "FOR EACH ROW EXECUTE FUNCTION refuse_update()",
    }


def upgrade() -> None:
    op.create_table("serving", _guild(), _key("task"), _text("body"))
    op.create_table("tuning_plans", _guild(), _text("body"))
    for name in ("dataset_versions", "adapters"):
        op.create_table(name, _guild(), _key("id"), _text("task"), _moment("made_at"), _text("body"))
        op.create_index(f"ix_{name}_guild_task", name, ["guild", "task"])
    op.create_table(
        "dataset_items",
        _guild(),
        _key("version"),
        _key("item"),
        _text("split"),
        _text("body"),
        sa.ForeignKeyConstraint(
            ["guild", "version"], ["dataset_versions.guild", "dataset_versions.id"], ondelete="CASCADE"
        ),
    )
    op.create_table(
        "adapter_events",
        _guild(),
        _key("id"),
        _text("adapter"),
        _moment("at"),
        _text("act"),
        sa.Column("member", sa.Text),
        _text("detail"),
    )
    op.create_index("ix_adapter_events_guild_at", "adapter_events", ["guild", "at"])
    op.create_table(
        "tuning_events", _guild(), _key("id"), _text("run"), _moment("at"), _text("state"), _text("detail")
    )
    op.create_index("ix_tuning_events_guild_run", "tuning_events", ["guild", "run"])
    for table in ("adapters", "adapter_events", "tuning_events"):
        op.execute(_refuse_update(table)[op.get_bind().dialect.name])
