"""The first tables: guilds, categories, examples, sources, episodes, feedback.

Episodes and feedback refuse UPDATE. They do not refuse DELETE: "forget me" has to remove rows.
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_APPEND_ONLY = {
    "sqlite": "CREATE TRIGGER {table}_append_only BEFORE UPDATE ON {table} "
    "BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END",
    "postgresql": "CREATE TRIGGER {table}_append_only BEFORE UPDATE ON {table} "
    "FOR EACH ROW EXECUTE FUNCTION refuse_update()",
}
_REFUSE_UPDATE = """
CREATE FUNCTION refuse_update() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME; END $$
"""


def upgrade() -> None:
    _create_catalog()
    _create_sources()
    _create_journal()
    dialect = op.get_bind().dialect.name
    if dialect == "postgresql":
        op.execute(_REFUSE_UPDATE)
    for table in ("episodes", "feedback"):
        op.execute(_APPEND_ONLY[dialect].format(table=table))


def _create_catalog() -> None:
    op.create_table(
        "guilds",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("revision", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "categories",
        sa.Column("guild", sa.Text, sa.ForeignKey("guilds.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("slug", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("description", sa.Text, nullable=False),
    )
    op.create_table(
        "examples",
        sa.Column("guild", sa.Text, sa.ForeignKey("guilds.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("question_key", sa.Text, primary_key=True),
        sa.Column("question", sa.Text, nullable=False),
        sa.Column("category", sa.Text, nullable=False),
        sa.Column("origin", sa.Text, nullable=False),
        sa.ForeignKeyConstraint(
            ["guild", "category"],
            ["categories.guild", "categories.slug"],
            onupdate="CASCADE",
            ondelete="CASCADE",
        ),
    )
    op.create_index("ix_examples_guild_category", "examples", ["guild", "category"])


def _create_sources() -> None:
    op.create_table(
        "sources",
        sa.Column("guild", sa.Text, sa.ForeignKey("guilds.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("uri_key", sa.Text, nullable=False),
        sa.Column("uri", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("content_hash", sa.Text, nullable=False),
        sa.Column("visibility", sa.Text, nullable=False),
        sa.Column("category", sa.Text),
        sa.Column("category_probability", sa.Float, nullable=False),
        sa.Column("author", sa.Text),
        sa.Column("author_name", sa.Text, nullable=False),
        sa.Column("date", sa.Date),
        sa.Column("language", sa.Text, nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("link", sa.Text, nullable=False),
        sa.UniqueConstraint("guild", "uri_key"),
        sa.ForeignKeyConstraint(
            ["guild", "category"], ["categories.guild", "categories.slug"], onupdate="CASCADE"
        ),
    )
    op.create_index("ix_sources_guild_category", "sources", ["guild", "category"])
    op.create_table(
        "source_texts",
        sa.Column("guild", sa.Text, primary_key=True),
        sa.Column("source", sa.Text, primary_key=True),
        sa.Column("compressed", sa.LargeBinary, nullable=False),
        sa.ForeignKeyConstraint(["guild", "source"], ["sources.guild", "sources.id"], ondelete="CASCADE"),
    )


def _create_journal() -> None:
    op.create_table(
        "episodes",
        sa.Column("guild", sa.Text, primary_key=True),
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("member", sa.Text, nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("intent", sa.Text, nullable=False),
        sa.Column("error_id", sa.Text, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
    )
    op.create_table(
        "feedback",
        sa.Column("guild", sa.Text, primary_key=True),
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("episode", sa.Text, nullable=False),
        sa.Column("member", sa.Text, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("value", sa.Text, nullable=False),
        sa.ForeignKeyConstraint(["guild", "episode"], ["episodes.guild", "episodes.id"]),
    )
    op.create_index("ix_feedback_guild_episode", "feedback", ["guild", "episode"])
    op.create_index("ix_feedback_guild_member", "feedback", ["guild", "member"])
