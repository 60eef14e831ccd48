import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, inspect

from agent.database.engine import Database, open_database
from agent.database.schema import HEAD, MIGRATIONS
from agent.database.tables import metadata
from agent.errors import StoreError
from tests.agent.database.factories import FACTORIES
from tests.agent.database.processes import finish, start

_OPEN_TOGETHER = """
import asyncio, sys
from agent.database.engine import open_database

async def main() -> None:
    database = await open_database(sys.argv[1])
    await database.close()

print("ready", flush=True)
sys.stdin.readline()
asyncio.run(main())
"""

_MODULES_OF_A_SECOND_START = """
import asyncio, sys
from agent.database.engine import open_database

async def main() -> None:
    database = await open_database(sys.argv[1])
    await database.close()

asyncio.run(main())
print("alembic" in sys.modules)
"""


@pytest.fixture(params=FACTORIES)
async def database(request: pytest.FixtureRequest, tmp_path: Path):
    database = await FACTORIES[request.param](tmp_path)
    yield database
    await database.close()


async def test_migrations_and_tables_agree(database: Database) -> None:
    def differences(connection: Connection) -> list[object]:
        options = {"compare_type": True, "compare_server_default": True}
        return list(compare_metadata(MigrationContext.configure(connection, opts=options), metadata))

    async with database.read() as connection:
        assert await connection.run_sync(differences) == []


def test_migrations_and_tables_agree_on_what_alembic_does_not_compare(tmp_path: Path) -> None:
    """Keys, and what foreign keys do ON UPDATE and ON DELETE."""

    def shape(path: Path) -> dict[str, object]:
        engine = create_engine(f"sqlite:///{path}")
        if not path.exists():
            metadata.create_all(engine)
        found = inspect(engine)
        tables = {
            name: (
                found.get_pk_constraint(name),
                sorted(found.get_foreign_keys(name), key=str),
                [(column["name"], column["nullable"]) for column in found.get_columns(name)],
            )
            for name in metadata.tables
        }
        engine.dispose()
        return tables

    finish(start(_MODULES_OF_A_SECOND_START, tmp_path / "migrated.db"))

    assert shape(tmp_path / "migrated.db") == shape(tmp_path / "made.db")


def test_head_is_the_last_migration() -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))

    assert ScriptDirectory.from_config(config).get_heads() == [HEAD]


def test_processes_that_start_at_once_upgrade_once(tmp_path: Path) -> None:
    path = tmp_path / "new" / "lorekeeper.db"
    processes = [start(_OPEN_TOGETHER, path) for _ in range(4)]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()

    for process in processes:
        finish(process)
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchall() == [(HEAD,)]


def test_a_start_with_nothing_to_upgrade_does_not_import_alembic(tmp_path: Path) -> None:
    path = tmp_path / "lorekeeper.db"

    assert finish(start(_MODULES_OF_A_SECOND_START, path)) == "True\n"
    assert finish(start(_MODULES_OF_A_SECOND_START, path)) == "False\n"


async def test_a_newer_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "lorekeeper.db"
    await (await open_database(path)).close()
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")

    with pytest.raises(StoreError, match="newer Lorekeeper") as refused:
        await open_database(path)

    assert "Update Lorekeeper" in refused.value.hint
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchone() == ("9999",)


async def test_an_upgrade_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    path = tmp_path / "lorekeeper.db"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE feedback (of TEXT, another TEXT, program TEXT)")

    with pytest.raises(StoreError, match="feedback already exists"):
        await open_database(path)

    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT name FROM sqlite_master").fetchall() == [("feedback",)]
