"""The version of the schema, and how a database comes to it.

To add a migration: change tables.py; copy the last file of migrations/versions under the next number, with
`revision` and `down_revision` set and `upgrade` written out (`op.batch_alter_table` for what SQLite cannot
alter, and make the table's triggers again after it); set `HEAD`. Never change a migration that was released.
tests/agent/database/test_schema.py names every difference that is left between migrations and tables.py.

Alembic is imported only where a database is not at `HEAD`: it costs more than a whole start-up may.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from sqlalchemy import Connection, inspect, text

from agent.errors import StoreError

HEAD: Final = "0013"
MIGRATIONS: Final = Path(__file__).parent / "migrations"


def version(connection: Connection) -> str | None:
    """Return the schema's version, None in a new database."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
    return found


def upgrade(connection: Connection, name: str) -> None:
    """Bring the database `name` to `HEAD` within the caller's transaction, which excludes other upgrades.

    Raises `StoreError` when a newer Lorekeeper has made it.
    """
    found = version(connection)
    if found == HEAD:
        return  # another process was quicker
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if found is not None and found not in known:
        raise StoreError(
            f"{name} was made by a newer Lorekeeper (its schema is {found}, this one knows {HEAD}).",
            "Update Lorekeeper, or restore the backup from before the newer one ran.",
        )
    command.upgrade(config, HEAD)
